"""What partners exchange while it lives: locations, tariffs with all their versions, tokens, authorisations."""

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from canonical.store.tables.row import NEXT_REVISION, NOW, Row


class ObjectRow(Row):
    """The columns that all living objects share."""

    number: int = Field(primary_key=True, sa_type=BigInteger)
    source: str
    key: str
    last_updated: AwareDatetime
    document: str = Field(sa_type=JSONB)
    revision: int = Field(sa_type=BigInteger, sa_column_kwargs=NEXT_REVISION)
    """Another one after each write, whoever makes it (a trigger): no two states of any object have the same."""


class LocationRow(ObjectRow, table=True):
    __tablename__ = "location"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index(None, "source", "number"),
        Index(None, "source", "last_updated", "number"),
    )


class TariffRow(ObjectRow, table=True):
    __tablename__ = "tariff"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index(None, "source", "number"),
        Index(None, "source", "last_updated", "number"),
    )


class TariffVersionRow(Row, table=True):
    """One content that a tariff had. `document` and `sha256` are NULL where it was withdrawn.

    `current_from` is the moment from which it was the tariff's content; `took_effect` is false for a version
    that arrived after a newer one and never was.
    """

    __tablename__ = "tariff_version"
    __table_args__ = (Index(None, "key", "sha256"), Index(None, "source", "key", "current_from"))

    number: int = Field(primary_key=True, sa_type=BigInteger)
    source: str
    key: str
    sha256: str | None
    took_effect: bool
    current_from: AwareDatetime
    recorded_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    document: str | None = Field(sa_type=JSONB(none_as_null=True))


class TokenRow(ObjectRow, table=True):
    __tablename__ = "token"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index(None, "source", "number"),
        Index(None, "source", "last_updated", "number"),
    )


class AuthorizationRow(Row, table=True):
    __tablename__ = "token_authorization"
    __table_args__ = (UniqueConstraint("connection_id", "token_key", "at"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    token_key: str
    allowed: str
    at: AwareDatetime
    document: str = Field(sa_type=JSONB)
