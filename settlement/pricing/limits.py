"""The least and the most that a session may cost (OCPI 2.2.1 tariffs, min_price and max_price).

Limits before and after tax bind separately. What a limit takes away or adds stands on lines of its own, one a
tax rate, in proportion to what was billed at that rate; OCPI does not say how to split it.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from canonical.cdr import CostComponent, CostLine
from canonical.money import Price
from canonical.tariff import Tariff
from settlement.pricing.breakdown import RateTotal, rate_totals
from settlement.pricing.policy import PricingPolicy
from settlement.pricing.taxes import is_taxed

_ZERO = Decimal(0)


def limit_lines(lines: Sequence[CostLine], tariff: Tariff, policy: PricingPolicy) -> tuple[CostLine, ...]:
    """The lines that bring the total within the tariff's limits; none when it is already."""
    rates = rate_totals(lines)
    net = sum((rate.base for rate in rates), _ZERO)
    taxes = [rate.tax for rate in rates if rate.tax is not None]
    gross = sum(taxes, net) if len(taxes) == len(rates) else None

    limited_net, bound = _limited_net(net, tariff)
    limited_net = policy.round(Fraction(limited_net))
    limited_gross = _limited_gross(gross, net, limited_net, bound, tariff)
    if limited_gross is not None:
        limited_gross = policy.round(Fraction(limited_gross))
    if (limited_net, limited_gross) == (net, gross):
        return ()
    tax_change = None
    if gross is not None and limited_gross is not None:
        tax_change = (limited_gross - limited_net) - (gross - net)
    note = _note(net, limited_net, gross, limited_gross)
    shares = _shares(rates, net)
    return tuple(
        _line(rate, net_part, tax_part, tariff, note)
        for rate, net_part, tax_part in zip(
            [rate for rate, _ in shares],
            _portions(limited_net - net, [share for _, share in shares], policy),
            _tax_portions(tax_change, rates, policy, len(shares)),
            strict=True,
        )
    )


def _limited_net(net: Decimal, tariff: Tariff) -> tuple[Decimal, Price | None]:
    if tariff.min_price and net < tariff.min_price.before_tax:
        return tariff.min_price.before_tax, tariff.min_price
    if tariff.max_price and net > tariff.max_price.before_tax:
        return tariff.max_price.before_tax, tariff.max_price
    return net, None


def _limited_gross(
    gross: Decimal | None,
    net: Decimal,
    limited_net: Decimal,
    bound: Price | None,
    tariff: Tariff,
) -> Decimal | Fraction | None:
    if gross is None or not is_taxed(tariff):
        return None if gross is None else limited_net
    limited: Decimal | Fraction = gross
    if bound and bound.after_tax is None:
        if not net:
            # Nothing was billed, so no rate is known for the minimum that is due.
            return None
        limited = Fraction(gross) * Fraction(limited_net) / Fraction(net)
    if tariff.min_price and tariff.min_price.after_tax is not None:
        limited = max(limited, tariff.min_price.after_tax)
    if tariff.max_price and tariff.max_price.after_tax is not None:
        limited = min(limited, tariff.max_price.after_tax)
    return limited


def _shares(rates: Sequence[RateTotal], net: Decimal) -> list[tuple[Decimal | None, Fraction]]:
    if not net:
        return [(rates[0].percent if len(rates) == 1 else None, Fraction(1))]
    return [(rate.percent, Fraction(rate.base) / Fraction(net)) for rate in rates]


def _tax_portions(
    change: Decimal | None, rates: Sequence[RateTotal], policy: PricingPolicy, parts: int
) -> list[Decimal] | list[None]:
    if change is None:
        return [None] * parts
    taxes = [Fraction(rate.tax or 0) for rate in rates]
    if not sum(taxes) or len(taxes) != parts:
        return [change, *[_ZERO] * (parts - 1)]
    return _portions(change, [tax / sum(taxes) for tax in taxes], policy)


def _portions(amount: Decimal, shares: Sequence[Fraction], policy: PricingPolicy) -> list[Decimal]:
    """`amount` by shares that sum to 1; the portions sum to `amount`."""
    given, upto, portions = _ZERO, Fraction(0), []
    for share in shares:
        upto += share
        portion = policy.round(Fraction(amount) * upto) - given
        given += portion
        portions.append(portion)
    return portions


def _note(net: Decimal, limited_net: Decimal, gross: Decimal | None, limited_gross: Decimal | None) -> str:
    if limited_net == net and gross is not None and limited_gross is not None:
        return "minimum price" if limited_gross > gross else "maximum price"
    return "minimum price" if limited_net > net else "maximum price"


def _line(rate: Decimal | None, net: Decimal, tax: Decimal | None, tariff: Tariff, note: str) -> CostLine:
    return CostLine(
        component=CostComponent.LIMIT,
        measured=Decimal(1),
        quantity=Decimal(1),
        unit="1",
        unit_price=net,
        currency=tariff.currency,
        net=net,
        tax_name="VAT" if rate is not None else None,
        tax_percent=rate,
        tax=tax,
        gross=None if tax is None else net + tax,
        note=note,
    )
