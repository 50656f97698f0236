"""The papers of settlement: what is claimed, what the other side says to it, what is owed, and what was posted."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from canonical.cdr import CostComponent, Sha256
from canonical.identity import ObjectId, PartyId
from canonical.model import (
    CanonicalModel,
    Finding,
    Identifier,
    Instant,
    Number,
    Percentage,
    Text,
)
from canonical.money import Currency

Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
"""A settlement period: a calendar month in the issuer's time zone."""


class ComponentAmount(CanonicalModel):
    """Net amount of one component of one CDR, rounded by the policy."""

    component: CostComponent
    net: Number


class StatementItem(CanonicalModel):
    """One CDR on a statement, with the amounts by which it is claimed."""

    cdr: ObjectId
    session_id: Identifier | None = None
    start: Instant
    end: Instant
    energy_kwh: Number
    components: tuple[ComponentAmount, ...]
    net: Number
    vat_percent: Percentage | None
    """The one rate of the CDR; None when it has several, or none is known."""
    vat: Number
    gross: Number
    cdr_sha256: Sha256
    """Digest of the CDR's canonical JSON: both sides can tell whether they hold the same record."""


class Statement(CanonicalModel):
    """What the issuer claims for a month, item by item, before anything is invoiced."""

    id: Identifier
    issuer: PartyId
    recipient: PartyId
    month: Month
    currency: Currency
    items: tuple[StatementItem, ...]
    issued_at: Instant


class ItemOutcome(StrEnum):
    AGREED = "AGREED"
    DISPUTED = "DISPUTED"
    MISSING_HERE = "MISSING_HERE"
    """On the statement, but not among the CDRs that the checking side holds."""
    NOT_CLAIMED = "NOT_CLAIMED"
    """Held by the checking side, but not on the statement."""


class ReconciledItem(CanonicalModel):
    """The verdict on one CDR, with every difference by component."""

    cdr: ObjectId
    outcome: ItemOutcome
    findings: tuple[Finding, ...] = ()


class ReconciliationReport(CanonicalModel):
    """The checking side's answer to a statement."""

    statement_id: Identifier
    checked_by: PartyId
    checked_at: Instant
    currency: Currency
    items: tuple[ReconciledItem, ...]
    agreed_net: Number
    agreed_gross: Number


class VatGroup(CanonicalModel):
    """VAT of one category, computed once on the summed base (EN 16931, BR-CO-17)."""

    category: Annotated[str, StringConstraints(pattern=r"^(S|AE|Z|E|O)$")]
    percent: Percentage
    base: Number
    vat: Number


class InvoiceLine(CanonicalModel):
    """One component at one VAT rate, summed over the CDRs of the invoice."""

    component: CostComponent
    vat_percent: Percentage
    quantity: Number
    unit: str
    net: Number


class Invoice(CanonicalModel):
    """A numbered claim. Its annex is the statement less what was left out."""

    number: Identifier
    statement_id: Identifier
    issuer: PartyId
    issuer_name: str
    recipient: PartyId
    recipient_name: str
    month: Month
    currency: Currency
    issued_at: Instant
    lines: tuple[InvoiceLine, ...]
    vat_groups: tuple[VatGroup, ...]
    net: Number
    vat: Number
    gross: Number
    items: tuple[StatementItem, ...]
    left_out: tuple[ReconciledItem, ...] = ()
    vat_note: str | None = None


class Posting(CanonicalModel):
    """One leg of a double entry: positive is debit, negative is credit, in minor units of the currency."""

    account: str
    amount_minor: int
    currency: Currency


class LedgerEntry(CanonicalModel):
    """A balanced set of postings for one business event. `key` makes a repeat harmless."""

    key: Identifier
    event: str
    at: Instant
    postings: Annotated[tuple[Posting, ...], Field(min_length=2)]
    text: Text


class CaseState(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"


class Case(CanonicalModel):
    """Something that a person has to decide. `subject` is the key of the object it is about."""

    id: Identifier
    kind: str
    subject: str
    text: Text
    findings: tuple[Finding, ...] = ()
    state: CaseState
    opened_at: Instant
    closed_at: Instant | None = None
    accepted: bool | None = None
    """Whether the person let the matter pass. For a quarantined CDR: whether it may be paid."""
    decision: Text | None = None
