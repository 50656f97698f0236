"""What each drive has to cost, worked out again from the script alone.

It shares nothing with the engine that it judges: no model, no rounding, no segmentation. Exact fractions, second by
second where the clock matters, and one rounding of the total at the end, and of the tax.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from canonical.session import VehicleState
from deploy.demo.cast import ZONE, Drive, TariffId

_VAT = Fraction(21, 100)
_PER_KWH = {TariffId.PER_KWH: Fraction(49, 100), TariffId.DAY_AND_NIGHT: Fraction(39, 100)}
_BY_DAY, _BY_NIGHT, _PARKED = Fraction(120, 100), Fraction(60, 100), Fraction(600, 100)
_DAY = range(6, 22)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Expected:
    """Amounts in EUR before tax by component, exactly; `discount` is negative."""

    energy: Fraction
    time: Fraction
    parking: Fraction
    discount: Fraction

    @property
    def net(self) -> Decimal:
        return _cents(self._exactly())

    @property
    def gross(self) -> Decimal:
        """The tax is rounded by itself, on the exact net."""
        return self.net + _cents(self._exactly() * _VAT)

    def _exactly(self) -> Fraction:
        return self.energy + self.time + self.parking + self.discount


def expected(drive: Drive) -> Expected:
    """The price of a drive by the two tariffs of the story."""
    energy = Fraction(drive.end.energy_kwh) * _PER_KWH[drive.tariff]
    time = parking = Fraction(0)
    if drive.tariff is TariffId.DAY_AND_NIGHT:
        day_s, night_s, parked_s = _seconds(drive)
        time = Fraction(day_s, 3600) * _BY_DAY + Fraction(night_s, 3600) * _BY_NIGHT
        parking = Fraction(parked_s, 3600) * _PARKED
    off = Fraction(drive.discount_percent) / 100
    return Expected(energy, time, parking, -off * (energy + time + parking))


def is_part(amount: Decimal, exact: Fraction) -> bool:
    """Whether an amount is that part of a total: parts take up how the total was rounded, by a cent at most."""
    return abs(Fraction(amount) - exact) <= Fraction(1, 100)


def invoice(drives: tuple[Drive, ...]) -> tuple[Decimal, Decimal]:
    """Net and gross of one invoice over drives: tax once, on the sum."""
    net = sum((expected(drive).net for drive in drives), Decimal(0))
    return net, net + _cents(Fraction(net) * _VAT)


def _seconds(drive: Drive) -> tuple[int, int, int]:
    """Seconds charging by day, charging by night, and parked, by the clock on the wall."""
    day = night = parked = 0
    for begin, end in zip(drive.moments, drive.moments[1:], strict=False):
        now = begin.at
        while now < end.at:
            if begin.state is VehicleState.PARKED:
                parked += 1
            elif now.astimezone(ZONE).hour in _DAY:
                day += 1
            else:
                night += 1
            now += _SECOND
    return day, night, parked


def _cents(amount: Fraction) -> Decimal:
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
