"""What a session of the generator has to cost, worked out from what it told alone.

It shares nothing with the engine that it judges: exact fractions, the clock on the wall second by second, and one
rounding of the total at the end, and of its tax. Of the one tariff that the generator hands in (`wares`), for vehicles
that charge from the first second to the last.
"""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from deploy.chaos.evidence import ToldSession

PER_KWH: Final = Fraction(39, 100)
BY_DAY: Final = Fraction(120, 100)
"""An hour from 06:00 to 22:00."""
VAT: Final = Fraction(21, 100)
ZONE: Final = ZoneInfo("Europe/Amsterdam")
_DAY: Final = range(6, 22)
_SECOND: Final = timedelta(seconds=1)


def reckoned(session: ToldSession) -> tuple[Decimal, Decimal]:
    """Before tax, and with it."""
    exact = Fraction(session.energy_kwh) * PER_KWH + Fraction(_seconds_by_day(session), 3600) * BY_DAY
    net = _cents(exact)
    return net, net + _cents(exact * VAT)


def _seconds_by_day(session: ToldSession) -> int:
    return sum(_hour(session.start + number * _SECOND) in _DAY for number in range(_lasts(session)))


def _lasts(session: ToldSession) -> int:
    return (session.end - session.start) // _SECOND


def _hour(at: datetime) -> int:
    return at.astimezone(ZONE).hour


def _cents(amount: Fraction) -> Decimal:
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
