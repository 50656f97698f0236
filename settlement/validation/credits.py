"""A credit CDR takes all of one debit back: everything as it was, and the total negative (OCPI 2.2.1 cdrs)."""

from collections.abc import Iterator
from decimal import Decimal

from canonical.cdr import Cdr
from canonical.model import Finding, fold
from settlement.agreement import Agreement
from settlement.validation.circumstances import Kin
from settlement.validation.components import stated_costs
from settlement.validation.findings import blocking, differs

_ZERO = Decimal(0)


def credit_shape(cdr: Cdr) -> Iterator[Finding]:
    """Whether a credit looks like one, by itself."""
    if not cdr.credit:
        if cdr.credit_reference_id is not None:
            message = "it names a CDR that it credits, and does not say that it is a credit"
            yield blocking("cdr.reference_without_credit", message, "credit_reference_id")
        return
    if cdr.credit_reference_id is None:
        yield blocking("cdr.credit_without_reference", "it does not say what it credits", "credit_reference_id")
    if cdr.total_cost.before_tax > 0 or (cdr.total_cost.after_tax or _ZERO) > 0:
        yield blocking("cdr.credit_positive", "it is a credit, and its total is not negative", "total_cost")
    if any(price.before_tax < 0 for price in stated_costs(cdr).values() if price is not None):
        message = "a credit negates its total alone, and here a component is negative"
        yield blocking("cdr.credit_parts_negated", message, "total_cost")
    if cdr.total_energy_kwh < 0:
        message = "a credit negates its total alone, and here the energy is negative"
        yield blocking("cdr.credit_energy_negated", message, "total_energy")


def against_original(cdr: Cdr, kin: Kin, agreement: Agreement) -> Iterator[Finding]:
    """Whether it takes back what was billed, all of it, and once."""
    reference = cdr.credit_reference_id
    if not cdr.credit or reference is None:
        return
    original = kin.original
    if original is None:
        message = f"CDR {reference}, which it credits, was never received"
        yield blocking("cdr.credit_orphan", message, "credit_reference_id")
        return
    if original.credit:
        message = f"CDR {reference}, which it credits, is a credit itself"
        yield blocking("cdr.credit_of_credit", message, "credit_reference_id")
        return
    if kin.original_waits:
        message = f"CDR {reference}, which it credits, is in quarantine: whoever decides on one decides on both"
        yield blocking("cdr.original_waits", message, "credit_reference_id")
    yield from _other_content(cdr, original, agreement)
    yield from _amount(cdr, original, _credited_before(cdr, kin), agreement.money_tolerance)


def _credited_before(cdr: Cdr, kin: Kin) -> Decimal:
    same = [
        other.cdr
        for other in kin.earlier
        if other.cdr.credit and fold(other.cdr.credit_reference_id or "") == fold(cdr.credit_reference_id or "")
    ]
    return sum((other.total_cost.before_tax for other in same), _ZERO)


def _amount(cdr: Cdr, original: Cdr, before: Decimal, tolerance: Decimal) -> Iterator[Finding]:
    owed, taken = original.total_cost, cdr.total_cost
    rest = owed.before_tax + before
    if before and rest + taken.before_tax < -tolerance:
        message = f"with earlier credits more is taken back than CDR {original.id} billed"
        yield differs("cdr.over_credit", message, "total_cost", -rest, taken.before_tax)
    elif taken.before_tax + owed.before_tax < -tolerance:
        message = f"more is taken back than CDR {original.id} billed"
        yield differs("cdr.over_credit", message, "total_cost", -owed.before_tax, taken.before_tax)
    elif taken.before_tax + owed.before_tax > tolerance:
        message = f"not all that CDR {original.id} billed is taken back"
        yield differs("cdr.credit_partial", message, "total_cost", -owed.before_tax, taken.before_tax)
    elif owed.after_tax is None or taken.after_tax is None:
        return
    elif abs(owed.after_tax + taken.after_tax) > tolerance:
        message = f"the tax of CDR {original.id} is not taken back with it"
        yield differs("cdr.credit_tax_differs", message, "total_cost", -owed.after_tax, taken.after_tax)


def _other_content(cdr: Cdr, original: Cdr, agreement: Agreement) -> Iterator[Finding]:
    energies = (original.total_energy_kwh, abs(cdr.total_energy_kwh))
    same = {
        "currency": original.currency == cdr.currency,
        "start_date_time": original.start == cdr.start,
        "end_date_time": original.end == cdr.end,
        "total_energy": abs(energies[0] - energies[1]) <= agreement.energy_tolerance_kwh,
    }
    strange = [where for where, agrees in same.items() if not agrees]
    if strange:
        message = f"in {', '.join(strange)} it is not like CDR {original.id}, which it credits"
        yield blocking("cdr.credit_differs", message, strange[0])
