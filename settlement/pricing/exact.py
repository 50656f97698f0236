"""The units in which the engine counts, all exact.

Time is in microseconds since 1970, energy in millionths of a kWh. Both are integers; a Fraction stands where a sender
gives more digits, or where energy is read off between two readings.
"""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from typing import Final, TypeAlias

from settlement.pricing.breakdown import Unpriceable
from settlement.rounding import whole_number, with_point

Exact: TypeAlias = int | Fraction

MILLION: Final = 1_000_000
SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
KWH: Final = 1_000_000
WH: Final = 1_000
NEVER: Final = 1 << 90
"""Later than any time, and more than any energy."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN_DECIMALS: Final = 12
_BILLION: Final = 9
_FINEST: Final = -40
_FINITE: Final = Context(prec=60, traps=[Inexact])


def micros(instant: datetime) -> int:
    """An instant as microseconds since 1970."""
    passed = instant - _EPOCH
    return (passed.days * 86400 + passed.seconds) * SECOND + passed.microseconds


def moment(at: Exact) -> datetime:
    """The instant, to the microsecond."""
    return _EPOCH + timedelta(microseconds=round(at))


def exact_seconds(duration: timedelta) -> Fraction:
    return Fraction(duration // timedelta(microseconds=1), SECOND)


def ratio(number: Decimal) -> tuple[int, int]:
    """Numerator and denominator. Raises Unpriceable for a number that no price, energy or limit can have."""
    if not number:
        return 0, 1
    if not _FINEST < number.adjusted() < _BILLION:
        raise Unpriceable.because("pricing.number_absurd", f"{number:.3e} is no amount of anything that is charged")
    return number.as_integer_ratio()


def millionths(number: Decimal) -> Exact:
    """A number of kWh, or of anything else, in its millionths."""
    numerator, denominator = ratio(number)
    whole, rest = divmod(numerator * MILLION, denominator)
    return Fraction(numerator * MILLION, denominator) if rest else whole


def simplest(number: Fraction) -> Exact:
    """An integer, where the number is one: these are quicker."""
    return number.numerator if number.denominator == 1 else number


def decimal_of(number: Exact, per: int = 1) -> Decimal:
    """`number` / `per` as a decimal without needless zeros; to 12 decimals where it has no end."""
    numerator, denominator = number.numerator, number.denominator * per
    try:
        # The quotient of the General Decimal Arithmetic Specification is the shortest, if it is exact. Of a whole
        # number it keeps the zeros.
        return _FINITE.divide(Decimal(numerator), Decimal(denominator))
    except Inexact:
        return with_point(whole_number(numerator * 10**_SHOWN_DECIMALS, denominator), _SHOWN_DECIMALS)


def shown(number: Exact, per: int = 1) -> str:
    """For people, to at most three digits after the point."""
    thousandths = whole_number(number.numerator * 1000, number.denominator * per)
    whole, rest = divmod(abs(thousandths), 1000)
    text = f"{whole}.{rest:03}".rstrip("0").rstrip(".")
    return f"-{text}" if thousandths < 0 else text
