"""Stated amounts against a pricing of ours: component by component, before and after tax."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from canonical.cdr import Cdr, CostComponent
from canonical.model import Finding
from canonical.money import Price
from canonical.tariff import Tariff, TaxIncluded
from settlement.agreement import Agreement, AmountBasis
from settlement.pricing.breakdown import Breakdown
from settlement.validation.components import STATED_IN, Amount, component_code, priced, sign_of, stated_costs, sum_of
from settlement.validation.findings import blocking, differs, noted

_ZERO = Decimal(0)
_ADJUSTING = (CostComponent.DISCOUNT, CostComponent.LIMIT)


def differences(cdr: Cdr, ours: Breakdown, agreement: Agreement, *, bare: bool) -> Iterator[Finding]:
    """Every amount of the CDR that does not follow from `ours`, in the same currency. `bare`: its version has no word
    for tax.
    """
    tolerance = agreement.money_tolerance
    for component, price in stated_costs(cdr).items():
        if price is not None:
            expected = priced(ours.lines, component)
            code = component_code(_named(component, ours, price, tolerance))
            yield from _amount(code, _words(component), STATED_IN[component], expected, price, tolerance)
    yield from _adjustments(cdr, ours, tolerance)
    if bare and agreement.amount_basis is AmountBasis.GROSS:
        yield from _gross_total(cdr, ours, tolerance)
    else:
        yield from _total(cdr, ours, tolerance)
    if not cdr.total_cost.before_tax and ours.net:
        message = "the CDR asks for nothing, and by its tariff it was not free"
        yield differs("cdr.zero_total_not_free", message, "total_cost", ours.net, cdr.total_cost.before_tax)


def unheard_of_rates(cdr: Cdr, tariffs: Sequence[Tariff], tolerance: Decimal) -> Iterator[Finding]:
    """A tax rate that none of the tariffs has, on a line of its own or as the share that it makes of the total."""
    rates = tax_rates(tariffs)
    total, gross = cdr.total_cost, cdr.total_cost.after_tax
    if gross is None:
        return
    if not rates:
        if gross != total.before_tax and all(t.tax_included is not TaxIncluded.NOT_APPLICABLE for t in tariffs):
            yield noted("cdr.tax_not_in_tariff", "the CDR states a tax, and no tariff says at what rate", "total_cost")
        return
    known = rates | _single_rates(tariffs)
    named = ", ".join(f"{rate:f} %" for rate in sorted(rates))
    stated = {tax.percentage for tax in total.taxes or () if tax.percentage is not None}
    strange = sorted(stated - known)
    if strange:
        message = "a tax is stated at a rate that the tariff does not have"
        yield differs("cdr.tax_rate_differs", message, "total_cost.taxes", named, f"{strange[0]:f} %")
        return
    tax, net = abs(gross) - abs(total.before_tax), abs(total.before_tax)
    low, high = net * min(rates) / 100 - tolerance, net * max(rates) / 100 + tolerance
    if not low <= tax <= high and net:
        message = "the tax is not what the rates of the tariff make of the amount before tax"
        yield differs("cdr.tax_rate_differs", message, "total_cost", named, f"{(tax * 100 / net):.2f} %")


def tax_rates(tariffs: Sequence[Tariff]) -> frozenset[Decimal]:
    """All rates by which something in the tariffs is taxed; empty when one of them leaves a rate open."""
    rates = [
        component.vat_percent
        for tariff in tariffs
        if tariff.tax_included is not TaxIncluded.NOT_APPLICABLE
        for element in tariff.elements
        for component in element.price_components
        if component.price
    ]
    return frozenset() if None in rates else frozenset(rate for rate in rates if rate is not None)


def _single_rates(tariffs: Sequence[Tariff]) -> frozenset[Decimal]:
    """The rates of single taxes, where several are on one price."""
    return frozenset(
        tax.percent
        for tariff in tariffs
        for element in tariff.elements
        for component in element.price_components
        for tax in component.taxes
    )


def _named(component: CostComponent, ours: Breakdown, stated: Price, tolerance: Decimal) -> CostComponent:
    """Which part of the parking is wrong, where that can be told: idle time stands with the parking time in OCPI."""
    if component is not CostComponent.PARKING:
        return component
    parked, idle = sum_of(ours.lines, CostComponent.PARKING), sum_of(ours.lines, CostComponent.IDLE)
    all_idle = bool(idle.net) and not parked.net
    without_idle = bool(idle.net) and abs(parked.net - stated.before_tax) <= tolerance
    return CostComponent.IDLE if all_idle or without_idle else CostComponent.PARKING


def _amount(
    code: str, words: str, where: str, expected: Amount, stated: Price, tolerance: Decimal
) -> Iterator[Finding]:
    if abs(expected.net - stated.before_tax) > tolerance:
        yield differs(code, f"priced again, the {words} cost is another", where, expected.net, stated.before_tax)
    elif expected.gross is not None and stated.after_tax is not None:
        yield from _tax(where, words, expected.gross - expected.net, stated.after_tax - stated.before_tax, tolerance)


def _tax(where: str, words: str, expected: Decimal, stated: Decimal, tolerance: Decimal) -> Iterator[Finding]:
    if abs(expected - stated) > tolerance:
        message = f"the tax on the {words} cost is another"
        yield differs("cdr.tax_differs", message, where, expected, stated)


def _adjustments(cdr: Cdr, ours: Breakdown, tolerance: Decimal) -> Iterator[Finding]:
    """What lies between the parts and the total: a discount, or a lowest or highest price. OCPI has no field for it."""
    adjusting = [c for c in _ADJUSTING if any(line.component is c for line in ours.lines)]
    parts = {component: price.before_tax for component, price in stated_costs(cdr).items() if price is not None}
    unsaid = any(priced(ours.lines, c).net for c in stated_costs(cdr) if c not in parts)
    if not adjusting or not parts or unsaid:
        return
    expected = sum_of(ours.lines, *_ADJUSTING).net
    stated = sign_of(cdr) * cdr.total_cost.before_tax - sum(parts.values(), _ZERO)
    if abs(expected - stated) > tolerance * (len(parts) + 1):
        message = f"what the {_words(adjusting[0])} makes of the sum of the parts is another"
        yield differs(component_code(adjusting[0]), message, "total_cost", expected, stated)


def _total(cdr: Cdr, ours: Breakdown, tolerance: Decimal) -> Iterator[Finding]:
    sign, stated = sign_of(cdr), cdr.total_cost
    net = sign * ours.net
    if abs(net - stated.before_tax) > tolerance:
        message = "priced again, the total cost is another"
        yield differs("cdr.total_cost_differs", message, "total_cost", net, stated.before_tax)
    if ours.gross is None or stated.after_tax is None:
        return
    gross = sign * ours.gross
    if abs(gross - stated.after_tax) > tolerance:
        if abs(net - stated.before_tax) <= tolerance:
            yield from _tax("total_cost", "total", gross - net, stated.after_tax - stated.before_tax, _ZERO)
        message = "priced again, the total after tax is another"
        yield differs("cdr.gross_cost_differs", message, "total_cost", gross, stated.after_tax)


def _gross_total(cdr: Cdr, ours: Breakdown, tolerance: Decimal) -> Iterator[Finding]:
    """A bare amount that was agreed to hold the tax."""
    sign, stated = sign_of(cdr), cdr.total_cost.before_tax
    if ours.gross is None:
        message = "amounts are agreed to hold the tax, and no rate says how much of it"
        yield blocking("cdr.tax_rate_unknown", message, "total_cost")
        return
    if abs(sign * ours.gross - stated) > tolerance:
        message = "priced again, the total after tax is another"
        yield differs("cdr.gross_cost_differs", message, "total_cost", sign * ours.gross, stated)


def _words(component: CostComponent) -> str:
    return {
        CostComponent.FLAT: "fixed",
        CostComponent.LIMIT: "lowest or highest price",
    }.get(component, component.value.lower())
