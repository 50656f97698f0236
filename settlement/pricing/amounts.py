"""From exact amounts to amounts of money: the only place of the engine where a policy rounds.

Sharing out is by running totals: line n gets what the rounded sum of lines 1…n is more than that of lines 1…n-1, so
that lines always sum to the rounded whole, and none is off by more than one unit of the last decimal.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from settlement.pricing.exact import Exact
from settlement.pricing.levies import Levy
from settlement.pricing.policy import PricingPolicy, RoundingPlace
from settlement.rounding import whole_number, with_point


class Rounded(NamedTuple):
    """The amounts of a line, in units of the last decimal. `taxes` are in the order of its levy's; None: unknown."""

    stated: int
    net: int
    taxes: tuple[int, ...] | None


class Rounder:
    """Rounds the lines of one bill, one after another. Exact amounts are given in `parts` of the currency."""

    def __init__(self, policy: PricingPolicy, currency: str, parts: int) -> None:
        self.digits = policy.digits(currency)
        self.units = 10**self.digits
        self._parts = parts
        self._rounding = policy.rounding
        self.by_line = policy.rounding_place is RoundingPlace.LINE
        self._running: dict[str, tuple[Exact, int]] = {}

    def line(self, levy: Levy, amount: Exact) -> Rounded:
        """An exact amount, as the tariff states it: with or without tax."""
        return self._with_taxes(
            levy,
            amount,
            self.in_units(amount)
            if self.by_line
            else self._grown("with tax" if levy.inclusive else "without tax", amount),
        )

    def share(self, levy: Levy, amount: Exact, of_line: Fraction) -> Rounded:
        """A part of lines that stand already: `amount` exactly, and `of_line` of their rounded amounts."""
        if not self.by_line:
            return self.line(levy, amount)
        return self._with_taxes(levy, amount, self.nearest(of_line))

    def in_units(self, amount: Exact) -> int:
        return whole_number(amount.numerator * self.units, amount.denominator * self._parts, self._rounding)

    def nearest(self, units: Exact) -> int:
        return whole_number(units.numerator, units.denominator, self._rounding)

    def portions(self, whole: int, weights: Iterable[int]) -> Iterator[int]:
        """`whole` by weights that are not all 0; the portions sum to it."""
        weights = list(weights)
        given, upto, total = 0, 0, sum(weights)
        for weight in weights:
            upto += weight
            portion = self.nearest(Fraction(whole * upto, total)) - given
            given += portion
            yield portion

    def money(self, units: int) -> Decimal:
        return with_point(units, self.digits)

    def _with_taxes(self, levy: Levy, amount: Exact, stated: int) -> Rounded:
        if not levy.known:
            return Rounded(stated, stated, None if amount else ())
        base = stated * self._parts if self.by_line else amount * self.units
        taxes = tuple(self._tax(tax.key, base * tax.share.numerator, tax.share.denominator) for tax in levy.taxes)
        return Rounded(stated, stated - sum(taxes) if levy.inclusive else stated, taxes)

    def _tax(self, key: str, times: Exact, per: int) -> int:
        """What a tax is more, of this line, than before it."""
        before, given = self._running.get(key, (0, 0))
        after = before + times
        tax = whole_number(after.numerator, after.denominator * self._parts * per, self._rounding)
        self._running[key] = after, tax
        return tax - given

    def _grown(self, key: str, amount: Exact) -> int:
        before, given = self._running.get(key, (0, 0))
        after = before + amount
        whole = self.in_units(after)
        self._running[key] = after, whole
        return whole - given
