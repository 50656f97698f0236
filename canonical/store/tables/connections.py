"""Partners: connections, the tokens of either direction, and what a hub says of its parties."""

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from canonical.store.tables.row import NOW, Row


class ConnectionRow(Row, table=True):
    """`key` is the folded id; `party_keys` are the parties that the partner speaks for."""

    __tablename__ = "connection"
    __table_args__ = (Index("connection_party_keys_idx", "party_keys", postgresql_using="gin"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    key: str = Field(unique=True)
    state: str
    party_keys: list[str] = Field(sa_type=ARRAY(String))
    document: str = Field(sa_type=JSONB)


class AccessTokenRow(Row, table=True):
    """A token by which a partner calls us: found by its keyed hash, kept sealed."""

    __tablename__ = "access_token"
    __table_args__ = (UniqueConstraint("connection_id", "purpose", "request_key"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    purpose: str
    request_key: str
    lookup_hash: str = Field(unique=True)
    sealed: bytes
    issued_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    used_at: AwareDatetime | None
    retired_at: AwareDatetime | None


class OutboundTokenRow(Row, table=True):
    """A token by which we call a partner, sealed. With an `offer` it is not in use yet."""

    __tablename__ = "outbound_token"
    __table_args__ = (UniqueConstraint("connection_id", "request_key"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    request_key: str
    sealed: bytes
    offer: str | None = Field(sa_type=JSONB(none_as_null=True))
    kept_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    retired_at: AwareDatetime | None


class HubClientRow(Row, table=True):
    """A party behind a hub, in one role. `source` is the id of the connection to the hub."""

    __tablename__ = "hub_client"
    __table_args__ = (UniqueConstraint("source", "key"), Index(None, "source", "party_key"))

    number: int = Field(primary_key=True, sa_type=BigInteger)
    source: str
    key: str
    party_key: str
    last_updated: AwareDatetime
    document: str = Field(sa_type=JSONB)
