"""Every table of the store, by family. The migrations create them; a test compares the two.

`document` columns hold the canonical JSON of a model, `key` columns the folded name of an object
(`DE*ABC/LOC1`), and `number` columns count up in the order of creation. `source` is empty for our own
objects and otherwise the id of the connection by which an object came. Tables in APPEND_ONLY refuse
UPDATE, DELETE and TRUNCATE by trigger. Amounts are NUMERIC in their currency, or BIGINT in minor units.
"""

from decimal import Decimal
from typing import ClassVar

from pydantic import AwareDatetime
from sqlalchemy import (
    BigInteger,
    Index,
    MetaData,
    Numeric,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

APPEND_ONLY = (
    "evidence",
    "tariff_version",
    "meter_reading",
    "billing_context",
    "signed_meter_data",
    "session_outcome",
    "cdr",
    "cdr_line",
    "cdr_event",
    "cdr_receipt",
    "ledger_entry",
    "ledger_posting",
    "invoice",
    "invoice_file",
    "invoice_number",
    "statement",
    "reconciliation_report",
)
"""Tables whose rows never change and never go."""

_NOW = {"server_default": func.now()}


class Row(SQLModel):
    """Base of all rows. They are read and written by column, never as objects."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )


# --- partners -------------------------------------------------------------------------------------


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
    issued_at: AwareDatetime = Field(sa_column_kwargs=_NOW)
    used_at: AwareDatetime | None
    retired_at: AwareDatetime | None


class OutboundTokenRow(Row, table=True):
    """A token by which we call a partner, sealed."""

    __tablename__ = "outbound_token"
    __table_args__ = (UniqueConstraint("connection_id", "request_key"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    request_key: str
    sealed: bytes
    kept_at: AwareDatetime = Field(sa_column_kwargs=_NOW)
    retired_at: AwareDatetime | None


# --- what partners exchange while it lives --------------------------------------------------------


class ObjectRow(Row):
    """The columns that all living objects share."""

    number: int = Field(primary_key=True, sa_type=BigInteger)
    source: str
    key: str
    last_updated: AwareDatetime
    document: str = Field(sa_type=JSONB)


class LocationRow(ObjectRow, table=True):
    __tablename__ = "location"
    __table_args__ = (UniqueConstraint("source", "key"), Index(None, "source", "number"))


class TariffRow(ObjectRow, table=True):
    __tablename__ = "tariff"
    __table_args__ = (UniqueConstraint("source", "key"), Index(None, "source", "number"))


class TokenRow(ObjectRow, table=True):
    __tablename__ = "token"
    __table_args__ = (UniqueConstraint("source", "key"), Index(None, "source", "number"))


class SessionRow(ObjectRow, table=True):
    __tablename__ = "session"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index(None, "source", "number"),
        Index("session_alive_idx", "source", "number", postgresql_where=text("NOT is_final")),
    )

    status: str
    is_final: bool
    stored_at: AwareDatetime = Field(sa_column_kwargs=_NOW)


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
    recorded_at: AwareDatetime = Field(sa_column_kwargs=_NOW)
    document: str | None = Field(sa_type=JSONB(none_as_null=True))


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

    session_key: str = Field(primary_key=True)
    connection_id: str = Field(index=True)
    sha256: str
    document: str = Field(sa_type=JSONB)


class SignedMeterDataRow(Row, table=True):
    __tablename__ = "signed_meter_data"

    session_key: str = Field(primary_key=True)
    sha256: str
    document: str = Field(sa_type=JSONB)


class SessionOutcomeRow(Row, table=True):
    """What an ended session of ours became: a CDR, or none for a reason."""

    __tablename__ = "session_outcome"

    session_key: str = Field(primary_key=True)
    cdr_key: str | None
    reason: str
    recorded_at: AwareDatetime = Field(sa_column_kwargs=_NOW)


class AuthorizationRow(Row, table=True):
    __tablename__ = "token_authorization"
    __table_args__ = (UniqueConstraint("connection_id", "token_key", "at"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    token_key: str
    allowed: str
    at: AwareDatetime
    document: str = Field(sa_type=JSONB)


# --- charge detail records ------------------------------------------------------------------------


class CdrRow(Row, table=True):
    """One CDR and its dossier. `sha256` is the digest of the CDR alone; amounts are in `currency`."""

    __tablename__ = "cdr"
    __table_args__ = (
        UniqueConstraint("ours", "connection_id", "key"),
        Index(None, "connection_id", "ours", "session_key"),
        Index(None, "connection_id", "ours", "end_at"),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    ours: bool
    connection_id: str
    key: str
    session_key: str | None
    sha256: str
    reference: str = Field(unique=True)
    evidence_number: int | None = Field(sa_type=BigInteger, foreign_key="evidence.number")
    start_at: AwareDatetime
    end_at: AwareDatetime
    last_updated: AwareDatetime
    energy_kwh: Decimal = Field(sa_type=Numeric)
    currency: str
    net: Decimal = Field(sa_type=Numeric)
    gross: Decimal | None = Field(sa_type=Numeric)
    recorded_at: AwareDatetime = Field(sa_column_kwargs=_NOW)
    document: str = Field(sa_type=JSONB)


class CdrLineRow(Row, table=True):
    """One priced component of one CDR, with the exact price that was applied."""

    __tablename__ = "cdr_line"

    cdr_number: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="cdr.number")
    position: int = Field(primary_key=True)
    component: str
    measured: Decimal = Field(sa_type=Numeric)
    quantity: Decimal = Field(sa_type=Numeric)
    unit: str
    unit_price: Decimal = Field(sa_type=Numeric)
    currency: str
    net: Decimal = Field(sa_type=Numeric)
    tax_name: str | None
    tax_percent: Decimal | None = Field(sa_type=Numeric)
    tax: Decimal | None = Field(sa_type=Numeric)
    gross: Decimal | None = Field(sa_type=Numeric)
    tariff_key: str | None
    tariff_sha256: str | None
    tariff_element: int | None
    tariff_component: int | None
    note: str | None


class CdrEventRow(Row, table=True):
    __tablename__ = "cdr_event"
    __table_args__ = (Index(None, "cdr_number", "number"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    cdr_number: int = Field(sa_type=BigInteger, foreign_key="cdr.number")
    state: str
    text: str
    at: AwareDatetime


class CdrReceiptRow(Row, table=True):
    """What the partner answered to one delivery of one CDR."""

    __tablename__ = "cdr_receipt"
    __table_args__ = (Index(None, "cdr_number", "number"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    cdr_number: int = Field(sa_type=BigInteger, foreign_key="cdr.number")
    http_status: int
    ocpi_status: int
    url: str | None
    version_accepted: str | None
    outcome: str
    findings: str = Field(sa_type=JSONB)
    proved: bool
    at: AwareDatetime


# --- evidence and traffic -------------------------------------------------------------------------


class EvidenceRow(Row, table=True):
    """Bytes of one request and its answer as they went over the wire, compressed with zlib."""

    __tablename__ = "evidence"
    __table_args__ = (Index(None, "object_key"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    direction: str
    connection_id: str
    module: str
    method: str
    url_or_path: str
    status: int | None
    headers: str = Field(sa_type=JSONB)
    body: bytes
    body_sha256: str
    answer: bytes
    answer_sha256: str
    adapter: str | None
    object_key: str | None
    at: AwareDatetime


class OutboxRow(Row, table=True):
    """Something that a partner has yet to be told, in the order in which it happened."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "outbox_pending_idx",
            "connection_id",
            "number",
            postgresql_where=text("settled_at IS NULL AND refused_at IS NULL"),
        ),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    module: str
    object_key: str
    action: str
    added_at: AwareDatetime = Field(sa_column_kwargs=_NOW)
    settled_at: AwareDatetime | None
    refused_at: AwareDatetime | None
    reason: str | None


class ToldRow(Row, table=True):
    """An object as a partner last acknowledged it."""

    __tablename__ = "told"

    connection_id: str = Field(primary_key=True)
    module: str = Field(primary_key=True)
    object_key: str = Field(primary_key=True)
    document: str
    at: AwareDatetime = Field(sa_column_kwargs=_NOW)


class IdempotencyRow(Row, table=True):
    """A request by its key, and the answer that it got. The answer is sealed: it may hold a new token."""

    __tablename__ = "idempotency"

    key: str = Field(primary_key=True)
    fingerprint: str
    status: int | None
    sealed_body: bytes | None
    began_at: AwareDatetime = Field(sa_column_kwargs=_NOW)
    finished_at: AwareDatetime | None


class CaseRow(Row, table=True):
    __tablename__ = "review_case"

    id: str = Field(primary_key=True)
    kind: str
    subject: str = Field(index=True)
    state: str
    opened_at: AwareDatetime
    document: str = Field(sa_type=JSONB)


# --- settlement -----------------------------------------------------------------------------------


class StatementRow(Row, table=True):
    __tablename__ = "statement"
    __table_args__ = (Index(None, "connection_id", "month"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    key: str = Field(unique=True)
    connection_id: str
    issuer: str
    recipient: str
    month: str
    currency: str
    sha256: str
    document: str = Field(sa_type=JSONB)


class ReconciliationReportRow(Row, table=True):
    __tablename__ = "reconciliation_report"
    __table_args__ = (UniqueConstraint("statement_key", "checked_by", "sha256"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    statement_key: str
    checked_by: str
    checked_at: AwareDatetime
    currency: str
    agreed_net: Decimal = Field(sa_type=Numeric)
    agreed_gross: Decimal = Field(sa_type=Numeric)
    sha256: str
    document: str = Field(sa_type=JSONB)


class InvoiceSeriesRow(Row, table=True):
    """The last number that a series gave out."""

    __tablename__ = "invoice_series"

    series: str = Field(primary_key=True)
    last: int = Field(sa_type=BigInteger)


class InvoiceNumberRow(Row, table=True):
    """Which statement got which number of a series."""

    __tablename__ = "invoice_number"
    __table_args__ = (UniqueConstraint("series", "position"),)

    series: str = Field(primary_key=True)
    statement_key: str = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)


class InvoiceRow(Row, table=True):
    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("issuer", "key"),
        Index(None, "connection_id", "number"),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    key: str
    issuer: str
    recipient: str
    connection_id: str
    statement_key: str
    issued: bool
    month: str
    issued_at: AwareDatetime
    currency: str
    net: Decimal = Field(sa_type=Numeric)
    vat: Decimal = Field(sa_type=Numeric)
    gross: Decimal = Field(sa_type=Numeric)
    sha256: str
    document: str = Field(sa_type=JSONB)


class InvoiceFileRow(Row, table=True):
    __tablename__ = "invoice_file"

    invoice_key: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    media_type: str
    content: bytes
    sha256: str


class LedgerEntryRow(Row, table=True):
    """`legs` is how many postings belong to it: a later leg would not balance unseen."""

    __tablename__ = "ledger_entry"

    number: int = Field(primary_key=True, sa_type=BigInteger)
    key: str = Field(unique=True)
    event: str
    at: AwareDatetime
    text: str
    legs: int
    sha256: str
    recorded_at: AwareDatetime = Field(sa_column_kwargs=_NOW)


class LedgerPostingRow(Row, table=True):
    """One leg: positive is debit, negative is credit, in minor units of the currency."""

    __tablename__ = "ledger_posting"
    __table_args__ = (Index(None, "account", "currency"),)

    entry_number: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="ledger_entry.number")
    position: int = Field(primary_key=True)
    account: str
    currency: str
    amount_minor: int = Field(sa_type=BigInteger)
