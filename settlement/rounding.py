"""The only places where an exact amount loses digits."""

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import floor


class Rounding(StrEnum):
    """How a tie is broken: away from zero (commercial), or to the even digit. OCPI leaves this to the
    contract.
    """

    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"


def round_to(amount: Fraction, decimals: int, rounding: Rounding = Rounding.HALF_UP) -> Decimal:
    """`amount` with exactly `decimals` digits after the point."""
    scaled = amount * 10**decimals
    if rounding is Rounding.HALF_EVEN:
        digits = round(scaled)
    else:
        magnitude = floor(abs(scaled) + Fraction(1, 2))
        digits = magnitude if scaled >= 0 else -magnitude
    return Decimal(digits).scaleb(-decimals)
