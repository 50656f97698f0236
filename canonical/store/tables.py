"""Every table of the store, by family. The migrations create them; a test compares the two.

`document` columns hold the canonical JSON of a model, `key` columns the folded name of an object
(`DE*ABC/LOC1`), and `number` columns count up in the order of creation. `source` is empty for our own
objects and otherwise the id of the connection by which an object came. Tables in APPEND_ONLY refuse
UPDATE, DELETE and TRUNCATE by trigger. Amounts are NUMERIC in their currency, or BIGINT in minor units.
"""

from datetime import date
from decimal import Decimal
from typing import ClassVar

from pydantic import AwareDatetime
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    FetchedValue,
    ForeignKeyConstraint,
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
    "cdr_tax",
    "cdr_meter_link",
    "cdr_emission",
    "agreement",
    "ledger_entry",
    "ledger_posting",
    "invoice",
    "invoice_file",
    "invoice_number",
    "statement",
    "reconciliation_report",
    "event",
    "log_leaf",
    "log_checkpoint",
)
"""Tables whose rows never change and never go."""

_NOW = {"server_default": func.now()}
_NEXT_REVISION = {"server_default": text("nextval('object_revision')")}


def _next(table: str) -> dict[str, object]:
    """The next number of a table that has another key."""
    return {"server_default": text(f"nextval('{table}_number_seq')")}


def _read(expression: str) -> tuple[Computed]:
    """A column that the database computes out of others, and nobody writes."""
    return (Computed(expression, persisted=True),)


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
    revision: int = Field(sa_type=BigInteger, sa_column_kwargs=_NEXT_REVISION)
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


class TokenRow(ObjectRow, table=True):
    __tablename__ = "token"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index(None, "source", "number"),
        Index(None, "source", "last_updated", "number"),
    )


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

    number: int = Field(sa_type=BigInteger, unique=True, sa_column_kwargs=_next("billing_context"))
    session_key: str = Field(primary_key=True)
    connection_id: str = Field(index=True)
    sha256: str
    document: str = Field(sa_type=JSONB)


class SignedMeterDataRow(Row, table=True):
    __tablename__ = "signed_meter_data"

    number: int = Field(sa_type=BigInteger, unique=True, sa_column_kwargs=_next("signed_meter_data"))
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
    """One CDR and its dossier. `sha256` is the digest of the CDR alone; amounts are in `currency`.

    What the database reads out of the document itself: the key under which a session of ours is billed, once; the
    operator's own key of the billing record; the folded id of the CDR that a credit takes back, once; and the moment
    by which a CDR belongs to a month: its end, and for a credit the moment at which it was made. By the folded
    reference of its authorisation, and by the folded names of location and EVSE, others over the same are found.
    """

    __tablename__ = "cdr"
    __table_args__ = (
        UniqueConstraint("ours", "connection_id", "key"),
        Index(None, "connection_id", "ours", "session_key"),
        Index(None, "connection_id", "ours", "end_at"),
        Index("cdr_driver_idx", text("split_part(document #>> '{cdr,token,contract_id}', ':', 2)")),
        Index(None, "connection_id", "ours", "number"),
        Index(None, "connection_id", "ours", "last_updated", "number"),
        Index("cdr_billed_once", "idempotency_key", unique=True, postgresql_where=text("ours")),
        Index("cdr_credited_once", "connection_id", "credit_of", unique=True, postgresql_where=text("ours")),
        Index("cdr_billing_record_idx", "billing_record", postgresql_where=text("ours")),
        Index(None, "connection_id", "ours", "settles_at"),
        Index(None, "connection_id", "ours", "authorization_key"),
        Index(None, "connection_id", "ours", "evse_key", "end_at"),
        Index("cdr_credits_idx", "connection_id", "credit_of", postgresql_where=text("NOT ours")),
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
    idempotency_key: str | None = Field(sa_column_args=_read("document #>> '{handles,idempotency_key}'"))
    billing_record: str | None = Field(sa_column_args=_read("document #>> '{handles,billing_record}'"))
    credit_of: str | None = Field(sa_column_args=_read("upper(document #>> '{cdr,credit_reference_id}')"))
    settles_at: AwareDatetime | None = Field(
        sa_column_args=_read("CASE WHEN (document #>> '{cdr,credit}') = 'true' THEN last_updated ELSE end_at END")
    )
    authorization_key: str | None = Field(sa_column_args=_read("upper(document #>> '{cdr,authorization_reference}')"))
    evse_key: str | None = Field(
        sa_column_args=_read(
            "upper((document #>> '{cdr,charge_point,location_id}') || '/' || "
            "(document #>> '{cdr,charge_point,evse_uid}'))"
        )
    )


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


class CdrTaxRow(Row, table=True):
    """One tax on one line of one CDR. `percent` is NULL where the tax is not a rate."""

    __tablename__ = "cdr_tax"
    __table_args__ = (ForeignKeyConstraint(["cdr_number", "line"], ["cdr_line.cdr_number", "cdr_line.position"]),)

    cdr_number: int = Field(primary_key=True, sa_type=BigInteger)
    line: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    name: str
    account_number: str | None
    percent: Decimal | None = Field(sa_type=Numeric)
    amount: Decimal = Field(sa_type=Numeric)


class CdrMeterLinkRow(Row, table=True):
    """One energy line of one CDR, and the signed readings that it came from: SHA-256 of their bytes, and kWh."""

    __tablename__ = "cdr_meter_link"
    __table_args__ = (ForeignKeyConstraint(["cdr_number", "line"], ["cdr_line.cdr_number", "cdr_line.position"]),)

    cdr_number: int = Field(primary_key=True, sa_type=BigInteger)
    line: int = Field(primary_key=True)
    begin_sha256: str
    end_sha256: str
    begin_kwh: Decimal = Field(sa_type=Numeric)
    end_kwh: Decimal = Field(sa_type=Numeric)
    verdict: str
    verdict_reason: str | None


class CdrEmissionRow(Row, table=True):
    """One CDR of ours in the words of one adapter: what our own check says to it, and what the version left out."""

    __tablename__ = "cdr_emission"
    __table_args__ = (UniqueConstraint("cdr_number", "adapter", "body_sha256"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    cdr_number: int = Field(sa_type=BigInteger, foreign_key="cdr.number")
    adapter: str
    version: str
    body_sha256: str
    outcome: str
    findings: str = Field(sa_type=JSONB)
    losses: str = Field(sa_type=JSONB)
    at: AwareDatetime


class CdrReceiptRow(Row, table=True):
    """What the partner answered to one delivery of one CDR. `ocpi_status` is NULL where its answer was no OCPI."""

    __tablename__ = "cdr_receipt"
    __table_args__ = (Index(None, "cdr_number", "number"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    cdr_number: int = Field(sa_type=BigInteger, foreign_key="cdr.number")
    http_status: int
    ocpi_status: int | None
    url: str | None
    version_accepted: str | None
    outcome: str
    findings: str = Field(sa_type=JSONB)
    proved: bool
    at: AwareDatetime


# --- evidence and traffic -------------------------------------------------------------------------


class EvidenceRow(Row, table=True):
    """Bytes of one request and its answer as they went over the wire, compressed with zlib.

    `partner` is the party that it was exchanged with, `rule_set` the code that read and wrote it.
    """

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
    finished_at: AwareDatetime | None
    partner: str | None
    rule_set: str | None
    answer_headers: str | None = Field(sa_type=JSONB(none_as_null=True))


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


class AgreementRow(Row, table=True):
    """What holds with a partner from `valid_from` on. `document` is text, as its digest is of the text."""

    __tablename__ = "agreement"
    __table_args__ = (UniqueConstraint("connection_id", "valid_from"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    ref: str
    document: str
    agreed_by: str
    valid_from: AwareDatetime
    recorded_at: AwareDatetime = Field(sa_column_kwargs=_NOW)


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

    number: int = Field(sa_type=BigInteger, unique=True, sa_column_kwargs=_next("invoice_file"))
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


# --- what the operator's own systems are told -----------------------------------------------------


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
    at: AwareDatetime = Field(sa_column_kwargs=_NOW)
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
    created_at: AwareDatetime = Field(sa_column_kwargs=_NOW)
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
    created_at: AwareDatetime = Field(sa_column_kwargs=_NOW)
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    used_at: AwareDatetime | None


# --- the speed of lists ---------------------------------------------------------------------------


class ObjectCountRow(Row, table=True):
    """How many objects of a family a source has: the sum of its rows. Kept by triggers, never written by hand.

    There are as many rows of one source as there were writers at once: each takes a row that nobody holds, so
    that none waits for another. The source of a CDR of ours is the connection that it is for.
    """

    __tablename__ = "object_count"
    __table_args__ = (Index(None, "family", "source"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    family: str
    source: str
    total: int = Field(sa_type=BigInteger)


class RepresentationRow(Row, table=True):
    """The bytes that an adapter writes for one state of an object: good for exactly the `revision` it names.

    `build` is the code that wrote them. `content` is NULL where the adapter's version has no words for the object.
    """

    __tablename__ = "representation"

    family: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    adapter: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)
    build: str
    content: bytes | None


# --- hubs -----------------------------------------------------------------------------------------


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


# --- pulling from partners ------------------------------------------------------------------------


class CrawlRow(Row, table=True):
    """One walk through one list of one partner, known by `crawl_key` (the workflow that walks).

    `since` is the beginning that was asked for, NULL for everything. `whole` is false once something showed that
    the list may not be complete, `readable` once an element of it could not be read.
    """

    __tablename__ = "crawl"
    __table_args__ = (
        UniqueConstraint("connection_id", "module", "crawl_key"),
        Index(None, "connection_id", "module", "number"),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    module: str
    crawl_key: str
    sweep: bool
    since: AwareDatetime | None
    whole: bool = Field(sa_column_kwargs={"server_default": text("true")})
    readable: bool = Field(sa_column_kwargs={"server_default": text("true")})
    started_at: AwareDatetime
    finished_at: AwareDatetime | None


class SightingRow(Row, table=True):
    """When an object of a partner was last on its list, and how many full sweeps in a row have missed it since.

    `heard` is the object's own `last_updated` when it was missed: a newer state begins the count anew.
    """

    __tablename__ = "sighting"

    connection_id: str = Field(primary_key=True)
    module: str = Field(primary_key=True)
    object_key: str = Field(primary_key=True)
    crawl_number: int = Field(sa_type=BigInteger)
    page: int
    missed: int = Field(sa_column_kwargs={"server_default": text("0")})
    heard: AwareDatetime | None


class InvoiceRecordRow(Row, table=True):
    """Which CDRs an invoice is for. `ours`: we issued the invoice; `withdrawn_at`: the record was a mistake."""

    __tablename__ = "invoice_record"
    __table_args__ = (
        UniqueConstraint("ours", "connection_id", "key"),
        Index(None, "ours", "connection_id", "number"),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    ours: bool
    connection_id: str
    key: str
    invoice_id: str
    last_updated: AwareDatetime
    withdrawn_at: AwareDatetime | None
    document: str = Field(sa_type=JSONB)


# --- commands and smart charging ------------------------------------------------------------------


class CommandRow(Row, table=True):
    """One order, given by us (`ours`) or by a partner. `document` is without the address for the result.

    That address is kept sealed; `order_hash`, keyed, is of it and the order: a partner's repeat is known by it.
    `subject` names the session or reservation that the order is about. `settled`: nothing is left to do.
    `reference` is the folded authorisation reference, by which the session that came of it is found: `session_key`.
    `words_told` counts what the partner has acknowledged of result and afterword.
    """

    __tablename__ = "command"
    __table_args__ = (
        Index(None, "connection_id", "order_hash"),
        Index(None, "connection_id", "subject"),
        Index(None, "connection_id", "reference"),
        Index(None, "token_key"),
        Index("command_unsettled_idx", "due_at", postgresql_where=text("NOT settled")),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(unique=True)
    connection_id: str
    party_key: str | None
    ours: bool
    kind: str
    state: str
    settled: bool
    subject: str | None
    token_key: str | None
    reference: str | None
    admits_until: AwareDatetime | None
    session_key: str | None
    order_hash: str | None
    sealed_reply_to: bytes | None
    document: str = Field(sa_type=JSONB)
    given_at: AwareDatetime
    due_at: AwareDatetime
    sent_at: AwareDatetime | None
    response: str | None = Field(sa_type=JSONB(none_as_null=True))
    result: str | None = Field(sa_type=JSONB(none_as_null=True))
    concluded_at: AwareDatetime | None
    afterword: str | None = Field(sa_type=JSONB(none_as_null=True))
    told_at: AwareDatetime | None
    words_told: int
    note: str


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


# --- the log of financial records -----------------------------------------------------------------


class LogLeafRow(Row, table=True):
    """One record in the log: the row `number` of the table `kind`, at one position, counted from 0.

    `hash` is that of the leaf, `subtrees` those of all complete subtrees that end with it, smallest first: 32 bytes
    each. `name` is what a person calls the record.
    """

    __tablename__ = "log_leaf"
    __table_args__ = (UniqueConstraint("kind", "number"),)

    position: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    kind: str
    number: int = Field(sa_type=BigInteger)
    name: str
    format: int
    hash: bytes
    subtrees: bytes


class LogCheckpointRow(Row, table=True):
    """What was signed: the log had `size` leaves with this root. `note` is the text that can be published."""

    __tablename__ = "log_checkpoint"

    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    root: bytes
    signed_at: AwareDatetime
    key_id: str
    note: str


# --- drivers --------------------------------------------------------------------------------------


class DriverKeyRow(Row, table=True):
    """The key under which everything is sealed that names one driver in rows that never change.

    `lookup_hash`, keyed, is of the contract, or of a card of which no contract is known. `sealed_key` opens with the
    deployment's secret. Once it is shredded both are gone, and `shredded_for` says why. The days say up to when
    something of the driver was kept as a voucher, as a letter, and in the feed of events: always the end of a month.
    """

    __tablename__ = "driver_key"
    __table_args__ = (
        CheckConstraint(
            "(shredded_at IS NULL) = (sealed_key IS NOT NULL) AND (shredded_at IS NULL) = (lookup_hash IS NOT NULL)",
            name="driver_key_shredded_check",
        ),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    lookup_hash: str | None = Field(unique=True)
    sealed_key: bytes | None
    voucher_on: date | None
    letter_on: date | None
    feed_on: date | None
    created_at: AwareDatetime = Field(sa_column_kwargs=_NOW)
    shredded_at: AwareDatetime | None
    shredded_for: str | None


class DriverNameRow(Row, table=True):
    """A name by which a driver is known: a contract or a card. Found by keyed hash, kept sealed under his key."""

    __tablename__ = "driver_name"
    __table_args__ = (Index(None, "lookup_hash"),)

    driver_number: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="driver_key.number")
    lookup_hash: str = Field(primary_key=True)
    sealed: bytes
