"""Charge detail records: their lines, taxes and readings, what happened to them, and how they were delivered."""

from decimal import Decimal

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from canonical.store.tables.row import NOW, Row, computed


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
    recorded_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    document: str = Field(sa_type=JSONB)
    idempotency_key: str | None = Field(sa_column_args=computed("document #>> '{handles,idempotency_key}'"))
    billing_record: str | None = Field(sa_column_args=computed("document #>> '{handles,billing_record}'"))
    credit_of: str | None = Field(sa_column_args=computed("upper(document #>> '{cdr,credit_reference_id}')"))
    settles_at: AwareDatetime | None = Field(
        sa_column_args=computed("CASE WHEN (document #>> '{cdr,credit}') = 'true' THEN last_updated ELSE end_at END")
    )
    authorization_key: str | None = Field(
        sa_column_args=computed("upper(document #>> '{cdr,authorization_reference}')")
    )
    evse_key: str | None = Field(
        sa_column_args=computed(
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


class CdrEventRow(Row, table=True):
    __tablename__ = "cdr_event"
    __table_args__ = (Index(None, "cdr_number", "number"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    cdr_number: int = Field(sa_type=BigInteger, foreign_key="cdr.number")
    state: str
    text: str
    at: AwareDatetime


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


class CdrDeliveryRow(Row, table=True):
    """Where a CDR of ours stands that its partner does not hold yet: the row goes when it does, or nobody tries.

    `in_doubt`: an attempt was begun of which nobody knows the end, so that the partner may hold it. `trying_since` is
    when it was first tried since it was made, held or released; `looked_at` is when it was last seen to, and at
    `next_at` that is done again.
    """

    __tablename__ = "cdr_delivery"
    __table_args__ = (Index(None, "connection_id", "cdr_number"),)

    cdr_number: int = Field(
        primary_key=True, sa_type=BigInteger, foreign_key="cdr.number", sa_column_kwargs={"autoincrement": False}
    )
    connection_id: str
    state: str
    reason: str = Field(sa_column_kwargs={"server_default": ""})
    attempts: int = Field(sa_column_kwargs={"server_default": "0"})
    in_doubt: bool = Field(sa_column_kwargs={"server_default": "false"})
    trying_since: AwareDatetime | None
    since: AwareDatetime
    looked_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    next_at: AwareDatetime | None


class CdrReplacementRow(Row, table=True):
    """A CDR of ours that no partner ever took, and the one of the same session that was made in its place."""

    __tablename__ = "cdr_replacement"

    cdr_number: int = Field(
        primary_key=True, sa_type=BigInteger, foreign_key="cdr.number", sa_column_kwargs={"autoincrement": False}
    )
    by_number: int = Field(sa_type=BigInteger, foreign_key="cdr.number", unique=True)
    at: AwareDatetime
