"""What was agreed, what is claimed and answered, invoices, and the ledger."""

from decimal import Decimal

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Index, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from canonical.store.tables.row import NOW, Row, next_number


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
    recorded_at: AwareDatetime = Field(sa_column_kwargs=NOW)


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

    number: int = Field(sa_type=BigInteger, unique=True, sa_column_kwargs=next_number("invoice_file"))
    invoice_key: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    media_type: str
    content: bytes
    sha256: str


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
    recorded_at: AwareDatetime = Field(sa_column_kwargs=NOW)


class LedgerPostingRow(Row, table=True):
    """One leg: positive is debit, negative is credit, in minor units of the currency."""

    __tablename__ = "ledger_posting"
    __table_args__ = (Index(None, "account", "currency"),)

    entry_number: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="ledger_entry.number")
    position: int = Field(primary_key=True)
    account: str
    currency: str
    amount_minor: int = Field(sa_type=BigInteger)
