"""Do the amounts of a CDR agree with each other, and is it known what they mean?"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from canonical.cdr import Cdr
from canonical.model import Finding
from canonical.money import Price
from canonical.tariff import Tariff
from settlement.agreement import Agreement, AmountBasis
from settlement.pricing.policy import PricingPolicy
from settlement.rounding import round_to
from settlement.validation.components import STATED_IN, stated_costs
from settlement.validation.findings import blocking, differs, noted

_ZERO = Decimal(0)
_DECIMALS = 4
"""As many OCPI's numbers have (OCPI 2.2.1 types, number)."""


def own_amounts(cdr: Cdr, agreement: Agreement, *, bare: bool) -> Iterator[Finding]:
    """Contradictions within the CDR. `bare`: its version has no word for tax."""
    stated = _stated(cdr)
    yield from _currencies(cdr, stated)
    for where, price in stated.items():
        yield from _decimals(where, price, agreement.pricing)
        if price.after_tax is not None and abs(price.after_tax) < abs(price.before_tax):
            message = "the amount after tax is below the one before tax"
            yield differs("cdr.gross_below_net", message, where, price.before_tax, price.after_tax)
    yield from _tax(cdr, agreement, bare=bare)
    yield from _sums(cdr, agreement)
    if not cdr.credit and any(price.before_tax < 0 for price in stated.values()):
        yield blocking("cdr.negative_amount", "an amount is below zero, and the CDR is no credit", "total_cost")


def tariff_currency(cdr: Cdr, held: Tariff) -> Iterator[Finding]:
    """The currency of the price that was published."""
    if held.currency != cdr.currency:
        message = "the tariff that we hold is in another currency"
        yield differs("cdr.currency_differs", message, "currency", held.currency, cdr.currency)


def _stated(cdr: Cdr) -> dict[str, Price]:
    """Every amount that is stated, by the field that it stands in."""
    parts = {STATED_IN[component]: price for component, price in stated_costs(cdr).items() if price is not None}
    return {"total_cost": cdr.total_cost, **parts}


def _currencies(cdr: Cdr, stated: dict[str, Price]) -> Iterator[Finding]:
    named = {price.currency for price in stated.values()} | {tariff.currency for tariff in cdr.tariffs}
    others = ", ".join(sorted(named - {cdr.currency}))
    if others:
        message = "prices or tariffs in the CDR are in another currency than the CDR"
        yield differs("cdr.currency_differs", message, "currency", others, cdr.currency)


def _decimals(where: str, price: Price, policy: PricingPolicy) -> Iterator[Finding]:
    """More decimals than a CDR has. They matter where the rounded amount depends on them."""
    for amount in (price.before_tax, price.after_tax):
        short = None if amount is None else round_to(Fraction(amount), _DECIMALS)
        if amount is None or short is None or amount == short:
            continue
        kept, cut = policy.round(Fraction(amount), price.currency), policy.round(Fraction(short), price.currency)
        message = f"{amount:f} has more than four decimals"
        if kept == cut:
            yield noted("cdr.money_decimals", message, where)
        else:
            yield differs("cdr.money_decimals", f"{message}, and they matter", where, cut, kept)


def _tax(cdr: Cdr, agreement: Agreement, *, bare: bool) -> Iterator[Finding]:
    if bare and agreement.amount_basis is AmountBasis.NOT_AGREED:
        message = "the version does not say whether tax is in an amount, and nothing was agreed about it"
        yield blocking("cdr.tax_basis_not_agreed", message, "total_cost")
    elif cdr.total_cost.after_tax is None:
        yield noted("cdr.vat_unknown", "the CDR does not state its VAT", "total_cost")


def _sums(cdr: Cdr, agreement: Agreement) -> Iterator[Finding]:
    """The parts make the total. Where a lowest or highest price or a discount does, repricing has the last word."""
    parts = [price for price in stated_costs(cdr).values() if price]
    limited = any(tariff.min_price or tariff.max_price for tariff in cdr.tariffs)
    if not parts or limited or agreement.discounts:
        return
    sign = -1 if cdr.credit and cdr.total_cost.before_tax < 0 else 1
    tolerance = agreement.money_tolerance * len(parts)
    net, total = sum((price.before_tax for price in parts), _ZERO), sign * cdr.total_cost.before_tax
    if abs(net - total) > tolerance:
        message = "the costs by component do not sum to the total"
        yield differs("cdr.total_not_sum", message, "total_cost", net, total)
    taxed = [price.after_tax for price in parts if price.after_tax is not None]
    if cdr.total_cost.after_tax is None or len(taxed) != len(parts):
        return
    gross, total = sum(taxed, _ZERO), sign * cdr.total_cost.after_tax
    if abs(gross - total) > tolerance:
        message = "the costs by component after tax do not sum to the total"
        yield differs("cdr.gross_not_sum", message, "total_cost", gross, total)
