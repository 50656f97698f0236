"""Double entries for invoices: balanced, in minor units of the currency, repeatable without harm by their
key.

VAT that an invoice charges beyond, or below, the sum of what its CDRs state stands on an account of its
own: it is the rounding that comes of computing VAT once on the sum, and whoever reconciles finds it there.
"""

import hashlib
from decimal import Decimal

from canonical.cdr import CostComponent
from canonical.settlement import Invoice, LedgerEntry, Posting
from settlement.currency import minor_units

_KEY_LENGTH = 64
_ZERO = Decimal(0)
_NOT_CHARGED = frozenset(("AE", "E", "O"))


def is_postable(invoice: Invoice) -> bool:
    """Whether an invoice moves anything in the books: one of free sessions does not, nor one whose credits take back
    all that it claims. A sum of zero may still be revenue of one kind against another.
    """
    return bool(invoice.gross or invoice.vat or any(_by_component(invoice).values()))


def issued(invoice: Invoice) -> LedgerEntry:
    """Our claim: receivable against revenue by component and VAT owed. Raises ValueError when nothing is to
    post.
    """
    return _entry(
        invoice,
        event="invoice.issued",
        sign=1,
        claim=f"receivable/{invoice.recipient.key}",
        cost="revenue",
        vat="vat-payable",
        text=f"Invoice {invoice.number} to {invoice.recipient_name}, {invoice.month}",
    )


def received(invoice: Invoice) -> LedgerEntry:
    """Their claim: cost by component and VAT reclaimable against payable. Raises ValueError when nothing is
    to post.
    """
    return _entry(
        invoice,
        event="invoice.received",
        sign=-1,
        claim=f"payable/{invoice.issuer.key}",
        cost="cost",
        vat="vat-receivable",
        text=f"Invoice {invoice.number} from {invoice.issuer_name}, {invoice.month}",
    )


def vat_rounding(invoice: Invoice) -> Decimal:
    """VAT of the invoice less the VAT of its CDRs; zero where the invoice charges no VAT at all."""
    if any(group.category in _NOT_CHARGED for group in invoice.vat_groups):
        return _ZERO
    return invoice.vat - sum((item.vat for item in invoice.items), _ZERO)


def _entry(invoice: Invoice, *, event: str, sign: int, claim: str, cost: str, vat: str, text: str) -> LedgerEntry:
    rounding = vat_rounding(invoice)
    amounts = {
        claim: invoice.gross,
        **{f"{cost}/{component.value.lower()}": -net for component, net in _by_component(invoice).items()},
        vat: -(invoice.vat - rounding),
        f"{vat}/rounding": -rounding,
    }
    postings = tuple(
        Posting(
            account=account,
            amount_minor=sign * minor_units(amount, invoice.currency),
            currency=invoice.currency,
        )
        for account, amount in amounts.items()
        if amount
    )
    if not postings:
        raise ValueError(f"invoice {invoice.number} is over nothing: there is nothing to post")
    if sum(posting.amount_minor for posting in postings):
        raise ValueError(f"invoice {invoice.number} does not add up")
    return LedgerEntry(key=_key(event, invoice), event=event, at=invoice.issued_at, postings=postings, text=text)


def _by_component(invoice: Invoice) -> dict[CostComponent, Decimal]:
    sums: dict[CostComponent, Decimal] = {}
    for line in invoice.lines:
        sums[line.component] = sums.get(line.component, _ZERO) + line.net
    return sums


def _key(event: str, invoice: Invoice) -> str:
    readable = f"{event}/{invoice.issuer.key}/{invoice.number}"
    if len(readable) <= _KEY_LENGTH:
        return readable
    return hashlib.sha256(readable.encode()).hexdigest()
