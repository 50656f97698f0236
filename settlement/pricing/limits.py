"""The least and the most that a session may cost (OCPI 2.2.1 tariffs, min_price and max_price).

Limits before and after tax bind separately.
"""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from canonical.tariff import Tariff, TaxIncluded
from settlement.pricing.exact import Exact, ratio


class Totals(NamedTuple):
    """Before and after tax, in so many parts of the currency. `gross` None: unknown."""

    net: Exact
    gross: Exact | None


def limited(totals: Totals, tariff: Tariff, per: int, *, at_least: bool) -> Totals:
    """`totals` within the tariff's limits. `at_least` False: the lowest price does not hold for this session.

    Where only the net is limited, the tax changes with it in proportion; the tax on nothing is unknown.
    """
    lowest, highest = tariff.min_price if at_least else None, tariff.max_price
    net = _clamped(totals.net, lowest.before_tax if lowest else None, highest.before_tax if highest else None, per)
    if totals.gross is None:
        return Totals(net, None)
    if tariff.tax_included is TaxIncluded.NOT_APPLICABLE and totals.gross == totals.net:
        return Totals(net, net)
    gross = totals.gross
    binding = (lowest if net > totals.net else highest) if net != totals.net else None
    if binding and binding.after_tax is None:
        if not totals.net:
            return Totals(net, None)
        gross = Fraction(gross * net) / totals.net
    gross = _clamped(gross, lowest.after_tax if lowest else None, highest.after_tax if highest else None, per)
    return Totals(net, gross)


def _clamped(amount: Exact, low: Decimal | None, high: Decimal | None, per: int) -> Exact:
    if high is not None:
        amount = min(amount, _parts(high, per))
    if low is not None:
        amount = max(amount, _parts(low, per))
    return amount


def _parts(limit: Decimal, per: int) -> Fraction:
    return Fraction(*ratio(limit)) * per
