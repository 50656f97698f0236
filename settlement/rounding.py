"""The only places where an exact amount loses digits."""

from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction

_WIDE = Context(prec=200)
"""No amount has more digits: shifting its point loses none."""


class Rounding(StrEnum):
    """How a tie is broken: away from zero (commercial), or to the even digit. OCPI leaves this to the
    contract.
    """

    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"


def round_to(amount: Fraction, decimals: int, rounding: Rounding = Rounding.HALF_UP) -> Decimal:
    """`amount` with exactly `decimals` digits after the point."""
    whole = whole_number(amount.numerator * 10**decimals, amount.denominator, rounding)
    return with_point(whole, decimals)


def whole_number(numerator: int, denominator: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """The nearest whole number to the quotient. `denominator` is positive."""
    whole, rest = divmod(abs(numerator), denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and (rounding is Rounding.HALF_UP or whole % 2)):
        whole += 1
    return whole if numerator >= 0 else -whole


def with_point(whole: int, decimals: int) -> Decimal:
    """So many of the last decimal: 250 with two decimals is 2.50."""
    return _WIDE.scaleb(Decimal(whole), -decimals)
