"""Sessions, what is sealed with them, what the meter says, and what became of them."""

from decimal import Decimal

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from canonical.store.tables.objects import ObjectRow
from canonical.store.tables.row import NOW, Row, next_number


class SessionRow(ObjectRow, table=True):
    __tablename__ = "session"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index(None, "source", "number"),
        Index(None, "source", "last_updated", "number"),
        Index("session_alive_idx", "source", "number", postgresql_where=text("NOT is_final")),
    )

    status: str
    is_final: bool
    stored_at: AwareDatetime = Field(sa_column_kwargs=NOW)


class MeterReadingRow(Row, table=True):
    __tablename__ = "meter_reading"
    __table_args__ = (UniqueConstraint("session_key", "at"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    session_key: str
    at: AwareDatetime
    energy_kwh: Decimal = Field(sa_type=Numeric)
    document: str = Field(sa_type=JSONB)


class BillingContextRow(Row, table=True):
    __tablename__ = "billing_context"

    number: int = Field(sa_type=BigInteger, unique=True, sa_column_kwargs=next_number("billing_context"))
    session_key: str = Field(primary_key=True)
    connection_id: str = Field(index=True)
    sha256: str
    document: str = Field(sa_type=JSONB)


class SignedMeterDataRow(Row, table=True):
    __tablename__ = "signed_meter_data"

    number: int = Field(sa_type=BigInteger, unique=True, sa_column_kwargs=next_number("signed_meter_data"))
    session_key: str = Field(primary_key=True)
    sha256: str
    document: str = Field(sa_type=JSONB)


class SessionOutcomeRow(Row, table=True):
    """What an ended session of ours became: a CDR, or none for a reason."""

    __tablename__ = "session_outcome"

    session_key: str = Field(primary_key=True)
    cdr_key: str | None
    reason: str
    recorded_at: AwareDatetime = Field(sa_column_kwargs=NOW)


class SmartChargingRow(Row, table=True):
    """What is known of the steering of one session. `source` is that of the session.

    `active_profile` is what it really gets, `preferences` what its driver wished for, with the operator's answer.
    """

    __tablename__ = "smart_charging"

    source: str = Field(primary_key=True)
    session_key: str = Field(primary_key=True)
    active_profile: str | None = Field(sa_type=JSONB(none_as_null=True))
    active_at: AwareDatetime | None
    preferences: str | None = Field(sa_type=JSONB(none_as_null=True))
    preferences_answer: str | None
    preferences_at: AwareDatetime | None


class SessionWatchRow(Row, table=True):
    """A session that had to be looked after. `source` is that of the session.

    `looks` counts since it was last heard of; `attention` is true once a person was told of it.
    """

    __tablename__ = "session_watch"

    source: str = Field(primary_key=True)
    session_key: str = Field(primary_key=True)
    looked_at: AwareDatetime
    looks: int
    attention: bool = Field(sa_column_kwargs={"server_default": text("false")})
