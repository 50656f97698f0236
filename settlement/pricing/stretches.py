"""A charge cut into stretches of one kind each, with exact durations: what the engine walks along."""

from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from canonical.model import Finding
from canonical.session import ChargingPeriod, VolumeDimension
from settlement.pricing.breakdown import Charge, Unpriceable
from settlement.pricing.exact import DAY, HOUR, KWH, MILLION, SECOND, Exact, decimal_of, micros, millionths, shown
from settlement.pricing.schedule import NOTHING, Flow, Leg

LONGEST_SESSION = 366 * DAY
"""A session that is longer has a broken clock, and is not priced."""

_ROUNDED_VOLUME = 36 * SECOND
"""How far a duration given in hours may be from the true one: two decimals are the worst in use."""


class Kind(StrEnum):
    CHARGING = "CHARGING"
    PARKED = "PARKED"
    RESERVED = "RESERVED"


# Names of the module are quicker to read than members of an enumeration, and this is read for every volume.
_ENERGY, _IMPORT = VolumeDimension.ENERGY, VolumeDimension.ENERGY_IMPORT
_TIME, _PARKING, _RESERVATION = (
    VolumeDimension.TIME,
    VolumeDimension.PARKING_TIME,
    VolumeDimension.RESERVATION_TIME,
)
_CHARGING, _PARKED, _RESERVED = Kind.CHARGING, Kind.PARKED, Kind.RESERVED


class Stretch(NamedTuple):
    """One kind of use, as the charging period of this number states it. Times and energy as in `exact`."""

    number: int
    period: ChargingPeriod
    kind: Kind
    start: int
    end: int
    kwh_from: Exact
    kwh_to: Exact

    @property
    def leg(self) -> Leg:
        return Leg(self.start, self.end, self.kwh_from, self.kwh_to)

    @property
    def where(self) -> str:
        return f"charging_periods[{self.number}]"

    def power(self) -> Flow | None:
        """In millionths of a kW: as stated, else the average. None: energy flowed in no time, or nobody knows."""
        stated = _flow(self.period, VolumeDimension.MIN_POWER, VolumeDimension.MAX_POWER, VolumeDimension.POWER)
        if stated or (self.kind is not _CHARGING and self.kwh_from == self.kwh_to):
            return stated or NOTHING
        if self.start == self.end:
            return None
        average = average_power(self.leg)
        return Flow(average, average)

    def current(self) -> Flow | None:
        """In millionths of an ampere, as stated. Nothing flows into a vehicle that does not charge."""
        stated = _flow(self.period, VolumeDimension.MIN_CURRENT, VolumeDimension.MAX_CURRENT, VolumeDimension.CURRENT)
        return stated or (None if self.kind is _CHARGING else NOTHING)


def average_power(leg: Leg) -> Exact:
    """In millionths of a kW. The leg takes time."""
    return Fraction((leg.kwh_to - leg.kwh_from) * HOUR, leg.end - leg.start)


def stretches(charge: Charge) -> tuple[list[Stretch], list[Finding]]:
    """The charge in order of time, and what is odd about it. Raises Unpriceable when its times make no
    sense.
    """
    times = _times(charge)
    found: list[Stretch] = []
    notes: list[Finding] = []
    kwh: Exact = 0
    for number, period in enumerate(charge.periods):
        start, end = times[number], times[number + 1]
        energy, durations = _volumes(period, number)
        kwh_after = kwh + energy
        if durations:
            stated = sum(durations.values())
            if not -_ROUNDED_VOLUME <= stated - (end - start) <= _ROUNDED_VOLUME:
                notes.append(_odd_duration(number, end - start, stated))
        kinds = list(durations) if len(durations) == 1 else [kind for kind in durations if durations[kind]]
        if len(kinds) > 1:
            if _RESERVED in kinds:
                raise _refusal("pricing.kinds_mixed", "mixes a reservation with use", number)
            found += _mixed(Stretch(number, period, _CHARGING, start, end, kwh, kwh_after), durations[_CHARGING])
        else:
            kind = kinds[0] if kinds else _of_no_length(durations)
            found.append(Stretch(number, period, kind, start, end, kwh, kwh_after))
        kwh = kwh_after
    return found, notes


def _of_no_length(durations: dict[Kind, Exact]) -> Kind:
    """A period that states energy and no time at all is charging: energy flowed."""
    return _CHARGING if _CHARGING in durations else next(iter(durations), _CHARGING)


def _times(charge: Charge) -> list[int]:
    """When each period begins, and when the last one ends."""
    if not charge.periods:
        raise Unpriceable.because("pricing.no_periods", "there is no charging period")
    start, end = micros(charge.start), micros(charge.end)
    times = [micros(period.start) for period in charge.periods]
    times.append(end)
    if times[0] < start or times != sorted(times):
        raise Unpriceable.because(
            "pricing.times_out_of_order",
            "start, charging periods and end are not in order of time",
            "charging_periods",
        )
    if end - start > LONGEST_SESSION:
        raise Unpriceable.because(
            "pricing.session_too_long",
            f"from {charge.start:%Y-%m-%d} to {charge.end:%Y-%m-%d} is more than a year",
            "end",
        )
    return times


def _volumes(period: ChargingPeriod, number: int) -> tuple[Exact, dict[Kind, Exact]]:
    """The energy that flowed, and how long what happened took."""
    energy: Exact | None = None
    imported: Exact | None = None
    durations: dict[Kind, Exact] = {}
    for volume in period.volumes:
        dimension = volume.dimension
        if dimension is _ENERGY:
            _refuse_second(energy, number)
            energy = millionths(volume.volume)
        elif dimension is _IMPORT:
            _refuse_second(imported, number)
            imported = millionths(volume.volume)
        elif dimension is _TIME or dimension is _PARKING or dimension is _RESERVATION:
            kind = _CHARGING if dimension is _TIME else _PARKED if dimension is _PARKING else _RESERVED
            _refuse_second(durations.get(kind), number)
            duration = millionths(volume.volume) * (HOUR // MILLION)
            if duration < 0:
                raise _refusal("pricing.negative_time", f"states {volume.volume} hours", number)
            durations[kind] = duration
    energy = imported if energy is None else energy
    if energy is not None and energy < 0:
        raise _refusal(
            "pricing.negative_energy",
            f"states {decimal_of(energy, KWH)} kWh, and feeding back has no price here",
            number,
        )
    return energy or 0, durations


def _refuse_second(before: Exact | None, number: int) -> None:
    if before is not None:
        raise _refusal("pricing.volume_repeated", "states the same dimension twice", number)


def _refusal(code: str, message: str, number: int) -> Unpriceable:
    return Unpriceable.because(code, f"a charging period {message}", f"charging_periods[{number}]")


def _odd_duration(number: int, taken: int, stated: Exact) -> Finding:
    return Finding(
        code="pricing.duration_differs",
        message="the volumes of a charging period do not fill the time until the next one",
        where=f"charging_periods[{number}]",
        expected=f"{shown(taken, SECOND)} s",
        stated=f"{shown(stated, SECOND)} s",
        blocks=True,
    )


def _mixed(both: Stretch, charging: Exact) -> tuple[Stretch, Stretch]:
    """Charging first and then parked, to the second."""
    stopped = min(both.start + round(Fraction(charging, SECOND)) * SECOND, both.end)
    parked = both._replace(kind=_PARKED, start=stopped, kwh_from=both.kwh_to)
    return both._replace(end=stopped), parked


def _flow(period: ChargingPeriod, low: VolumeDimension, high: VolumeDimension, mean: VolumeDimension) -> Flow | None:
    known = [millionths(v) for d in (low, high, mean) if (v := period.volume(d)) is not None]
    return Flow(min(known), max(known)) if known else None
