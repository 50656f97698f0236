"""The operator's own systems and people: what they are told, their keys, their repeated requests, their cases."""

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, FetchedValue, Index, String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from canonical.store.tables.row import NOW, Row


class EventRow(Row, table=True):
    """Something happened to an object. The database draws `number`, and tells which numbers are still under way."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "kind", "number"), Index(None, "at"))

    number: int = Field(
        primary_key=True,
        sa_type=BigInteger,
        sa_column_kwargs={"autoincrement": False, "server_default": FetchedValue()},
    )
    kind: str
    object_kind: str
    object_key: str
    connection_id: str | None
    at: AwareDatetime = Field(sa_column_kwargs=NOW)
    document: str = Field(sa_type=JSONB)


class WebhookRow(Row, table=True):
    """An address that events are sent to, in order. `position` is the number of the last one that arrived.

    `kinds` is empty for all. The secrets are sealed; the one before signs too until `previous_until`.
    """

    __tablename__ = "webhook"

    id: str = Field(primary_key=True)
    url: str
    kinds: list[str] = Field(sa_type=ARRAY(String))
    sealed_secret: bytes
    previous_sealed_secret: bytes | None
    previous_until: AwareDatetime | None
    position: int = Field(sa_type=BigInteger)
    created_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    delivered_at: AwareDatetime | None
    failed_at: AwareDatetime | None
    failure: str | None
    paused_at: AwareDatetime | None


class ApiKeyRow(Row, table=True):
    """A key of one of the operator's own systems, found by its keyed hash and kept nowhere."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    name: str
    lookup_hash: str = Field(unique=True)
    scopes: list[str] = Field(sa_type=ARRAY(String))
    created_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    used_at: AwareDatetime | None


class IdempotencyRow(Row, table=True):
    """A request by its key, and the answer that it got. The answer is sealed: it may hold a new token."""

    __tablename__ = "idempotency"

    key: str = Field(primary_key=True)
    fingerprint: str
    status: int | None
    sealed_body: bytes | None
    began_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    finished_at: AwareDatetime | None


class CaseRow(Row, table=True):
    __tablename__ = "review_case"

    id: str = Field(primary_key=True)
    kind: str
    subject: str = Field(index=True)
    state: str
    opened_at: AwareDatetime
    document: str = Field(sa_type=JSONB)
