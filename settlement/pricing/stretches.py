"""A charge cut into stretches of one kind each, with exact durations: what the engine walks along."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from canonical.model import Finding
from canonical.session import ChargingPeriod, VolumeDimension
from settlement.pricing.boundaries import Leg
from settlement.pricing.breakdown import Charge, Unpriceable
from settlement.pricing.restrictions import Band

LONGEST_SESSION = timedelta(days=366)
"""A session that is longer has a broken clock, and is not priced."""

_ROUNDED_VOLUME_S = 36
"""How far a duration given in hours may be from the true one: two decimals are the worst in use."""


class Kind(StrEnum):
    CHARGING = "CHARGING"
    PARKED = "PARKED"
    RESERVED = "RESERVED"


_TIME_OF = {
    VolumeDimension.TIME: Kind.CHARGING,
    VolumeDimension.PARKING_TIME: Kind.PARKED,
    VolumeDimension.RESERVATION_TIME: Kind.RESERVED,
}


@dataclass(frozen=True)
class Stretch:
    """One kind of use from `leg.start` to `leg.end`, as one charging period (number `period`) states it."""

    period: int
    kind: Kind
    leg: Leg
    power_kw: Band | None
    current_a: Band | None

    @property
    def kwh(self) -> Fraction:
        return self.leg.kwh_to - self.leg.kwh_from


def stretches(charge: Charge) -> tuple[tuple[Stretch, ...], tuple[Finding, ...]]:
    """The charge in order of time, and what is odd about it. Raises Unpriceable when its times make no
    sense.
    """
    _check_times(charge)
    ends = [*(p.start for p in charge.periods[1:]), charge.end]
    found: list[Stretch] = []
    notes: list[Finding] = []
    kwh = Fraction(0)
    for number, (period, end) in enumerate(zip(charge.periods, ends, strict=True)):
        leg = Leg(period.start, end, kwh, kwh + _energy(period, number))
        notes.extend(_odd_durations(period, number, leg))
        found.extend(_of_period(period, number, leg))
        kwh = leg.kwh_to
    return tuple(found), tuple(notes)


def _check_times(charge: Charge) -> None:
    if not charge.periods:
        raise Unpriceable.because("pricing.no_periods", "there is no charging period")
    starts = [p.start for p in charge.periods]
    moments = [charge.start, *starts, charge.end]
    if moments != sorted(moments):
        raise Unpriceable.because(
            "pricing.times_out_of_order",
            "start, charging periods and end are not in order of time",
            "charging_periods",
        )
    if charge.end - charge.start > LONGEST_SESSION:
        raise Unpriceable.because(
            "pricing.session_too_long",
            f"from {charge.start:%Y-%m-%d} to {charge.end:%Y-%m-%d} is more than a year",
            "end",
        )


def _energy(period: ChargingPeriod, number: int) -> Fraction:
    volume = period.volume(VolumeDimension.ENERGY)
    if volume is None:
        volume = period.volume(VolumeDimension.ENERGY_IMPORT)
    if volume is not None and volume < 0:
        raise Unpriceable.because(
            "pricing.negative_energy",
            f"a charging period states {volume} kWh, and feeding back has no price here",
            f"charging_periods[{number}]",
        )
    return Fraction(volume or 0)


def _stated_times(period: ChargingPeriod) -> dict[Kind, Fraction]:
    return {_TIME_OF[v.dimension]: Fraction(v.volume) * 3600 for v in period.volumes if v.dimension in _TIME_OF}


def _odd_durations(period: ChargingPeriod, number: int, leg: Leg) -> list[Finding]:
    stated = _stated_times(period)
    if not stated or abs(sum(stated.values()) - leg.seconds) <= _ROUNDED_VOLUME_S:
        return []
    return [
        Finding(
            code="pricing.duration_differs",
            message="the volumes of a charging period do not fill the time until the next one",
            where=f"charging_periods[{number}]",
            expected=f"{shown(leg.seconds)} s",
            stated=f"{shown(sum(stated.values(), Fraction(0)))} s",
            blocks=True,
        )
    ]


def _of_period(period: ChargingPeriod, number: int, leg: Leg) -> list[Stretch]:
    stated = _stated_times(period)
    kinds = [kind for kind, seconds in stated.items() if seconds > 0] or list(stated)
    # A period that states energy and no time at all is charging: energy flowed.
    kinds = kinds or [Kind.CHARGING]
    if len(kinds) == 1:
        return [_stretch(period, number, kinds[0], leg)]
    if set(kinds) != {Kind.CHARGING, Kind.PARKED}:
        raise Unpriceable.because(
            "pricing.kinds_mixed",
            "a charging period mixes a reservation with use",
            f"charging_periods[{number}]",
        )
    charging_s = min(Fraction(round(stated[Kind.CHARGING])), leg.seconds)
    stopped: datetime = leg.start + timedelta(microseconds=int(charging_s * 1_000_000))
    return [
        _stretch(period, number, Kind.CHARGING, Leg(leg.start, stopped, leg.kwh_from, leg.kwh_to)),
        _stretch(period, number, Kind.PARKED, Leg(stopped, leg.end, leg.kwh_to, leg.kwh_to)),
    ]


def _stretch(period: ChargingPeriod, number: int, kind: Kind, leg: Leg) -> Stretch:
    power = _band(period, VolumeDimension.MIN_POWER, VolumeDimension.MAX_POWER, VolumeDimension.POWER)
    current = _band(period, VolumeDimension.MIN_CURRENT, VolumeDimension.MAX_CURRENT, VolumeDimension.CURRENT)
    if kind is not Kind.CHARGING:
        nothing = Band(Fraction(0), Fraction(0))
        return Stretch(number, kind, leg, power or nothing, current or nothing)
    if power is None and leg.seconds:
        average = (leg.kwh_to - leg.kwh_from) * 3600 / leg.seconds
        power = Band(average, average)
    return Stretch(number, kind, leg, power, current)


def _band(period: ChargingPeriod, low: VolumeDimension, high: VolumeDimension, mean: VolumeDimension) -> Band | None:
    known = [v for d in (low, high, mean) if (v := period.volume(d)) is not None]
    if not known:
        return None
    lowest, highest = period.volume(low), period.volume(high)
    return Band(
        Fraction(lowest if lowest is not None else min(known)),
        Fraction(highest if highest is not None else max(known)),
    )


def shown(number: Fraction) -> str:
    """A fraction for people, to at most three digits."""
    thousandths = round(number * 1000)
    whole, rest = divmod(abs(thousandths), 1000)
    text = f"{whole}.{rest:03}".rstrip("0").rstrip(".")
    return f"-{text}" if thousandths < 0 else text
