"""Meter readings to charging periods: a new one wherever the price or the state of the vehicle changes.

Between two readings energy is taken to flow evenly. What a period holds is the difference of two rounded
totals, so that periods always sum to the total, to the last digit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from canonical.session import (
    ChargingPeriod,
    MeterReading,
    VehicleState,
    Volume,
    VolumeDimension,
)
from canonical.tariff import Tariff
from settlement.pricing.boundaries import Leg, boundaries, exact_seconds, zone_named
from settlement.pricing.breakdown import Unpriceable
from settlement.pricing.restrictions import Band, Situation
from settlement.pricing.selection import applying
from settlement.rounding import round_to

VOLUME_DECIMALS = 4
"""Of kWh and of hours: OCPI's default precision of a number."""

_TIME_DIMENSION = {
    VehicleState.CHARGING: VolumeDimension.TIME,
    VehicleState.PARKED: VolumeDimension.PARKING_TIME,
    VehicleState.RESERVED: VolumeDimension.RESERVATION_TIME,
}


@dataclass(frozen=True)
class _Piece:
    """A leg in one state, with the tariff elements that apply to it from its first moment to its last."""

    state: VehicleState
    leg: Leg
    power_kw: Fraction
    elements: tuple[int, ...]


def periods(
    readings: Sequence[MeterReading], end: datetime, tariff: Tariff | None, time_zone: str
) -> tuple[ChargingPeriod, ...]:
    """The charging periods from the first reading until `end`, cut where `tariff` may change its price.

    Raises Unpriceable when the readings contradict each other or the tariff depends on what is not known.
    """
    ordered = _in_order(readings, end)
    pieces = list(_pieces(ordered, end, tariff, zone_named(time_zone)))
    restricts_power = tariff is not None and any(
        e.restrictions and (e.restrictions.min_power_kw is not None or e.restrictions.max_power_kw is not None)
        for e in tariff.elements
    )
    return tuple(
        _period(group, pieces[0].leg.start, tariff.id if tariff else None, with_power=restricts_power)
        for group in _grouped(pieces)
    )


def rounded_kwh(kwh: Fraction) -> Decimal:
    return round_to(kwh, VOLUME_DECIMALS)


def rounded_hours(seconds: Fraction) -> Decimal:
    return round_to(seconds / 3600, VOLUME_DECIMALS)


def _in_order(readings: Sequence[MeterReading], end: datetime) -> list[MeterReading]:
    ordered = sorted(readings, key=lambda r: (r.at, r.energy_kwh))
    if not ordered or ordered[0].at > end:
        raise Unpriceable.because("readings.missing", "there is no meter reading before the end of the session")
    for earlier, later in pairwise(ordered):
        if later.energy_kwh < earlier.energy_kwh:
            raise Unpriceable.because(
                "readings.energy_decreases",
                f"the meter went from {earlier.energy_kwh} back to {later.energy_kwh} kWh",
                f"readings at {later.at:%Y-%m-%dT%H:%M:%SZ}",
            )
    in_time = [r for r in ordered if r.at <= end]
    if ordered[-1].energy_kwh > in_time[-1].energy_kwh:
        raise Unpriceable.because("readings.after_end", "energy was delivered after the end of the session")
    # Of readings of one instant the last word counts.
    return list({reading.at: reading for reading in in_time}.values())


def _pieces(
    readings: Sequence[MeterReading], end: datetime, tariff: Tariff | None, zone: ZoneInfo | None
) -> Iterator[_Piece]:
    use_began = next((r.at for r in readings if r.state is not VehicleState.RESERVED), end)
    # What was delivered before the first reading counts with what follows it.
    kwh = Fraction(0)
    for place, reading in enumerate(readings):
        following = readings[place + 1] if place + 1 < len(readings) else None
        until = following.at if following else end
        kwh_until = Fraction(following.energy_kwh if following else reading.energy_kwh)
        if until == reading.at and place:
            continue
        leg = Leg(reading.at, until, kwh, kwh_until)
        reserved = reading.state is VehicleState.RESERVED
        counting_from = readings[0].at if reserved else use_began
        power = _power(reading, leg)
        for part in _cut(leg, tariff, counting_from, zone):
            elements: tuple[int, ...] = ()
            if tariff:
                situation = Situation(
                    at=part.start,
                    zone=zone,
                    kwh=part.kwh_from,
                    elapsed_s=exact_seconds(part.start - counting_from),
                    power_kw=Band(power, power),
                    current_a=_current(reading.state),
                )
                elements = applying(tariff, situation, reserved=reserved)
            yield _Piece(reading.state, part, power, elements)
        kwh = kwh_until


def _cut(leg: Leg, tariff: Tariff | None, counting_from: datetime, zone: ZoneInfo | None) -> Iterator[Leg]:
    """`leg` in parts that begin and end at the candidates for a change of price."""
    start, kwh = leg.start, leg.kwh_from
    found = boundaries(tariff, leg, counting_from=counting_from, zone=zone) if tariff else ()
    for boundary in found:
        at = leg.moment(boundary.after_s)
        if not boundary.by_clock:
            # An interpolated instant has no fraction of a second worth keeping, and not every partner keeps it.
            whole = at.replace(microsecond=0)
            at = whole if whole > start else at
        if start < at < leg.end:
            yield Leg(start, at, kwh, boundary.kwh)
            start, kwh = at, boundary.kwh
    yield Leg(start, leg.end, kwh, leg.kwh_to)


def _power(reading: MeterReading, leg: Leg) -> Fraction:
    if reading.power_kw is not None:
        return Fraction(reading.power_kw)
    return (leg.kwh_to - leg.kwh_from) * 3600 / leg.seconds if leg.seconds else Fraction(0)


def _current(state: VehicleState) -> Band | None:
    return None if state is VehicleState.CHARGING else Band(Fraction(0), Fraction(0))


def _grouped(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    groups: list[list[_Piece]] = []
    for piece in pieces:
        last = groups[-1][-1] if groups else None
        if last and (last.state, last.elements) == (piece.state, piece.elements):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _period(pieces: Sequence[_Piece], began: datetime, tariff_id: str | None, *, with_power: bool) -> ChargingPeriod:
    first, last = pieces[0].leg, pieces[-1].leg
    state = pieces[0].state
    kwh = rounded_kwh(last.kwh_to) - rounded_kwh(first.kwh_from)
    hours = rounded_hours(exact_seconds(last.end - began)) - rounded_hours(exact_seconds(first.start - began))
    volumes = [Volume(dimension=_TIME_DIMENSION[state], volume=hours)]
    if kwh or state is VehicleState.CHARGING:
        volumes.insert(0, Volume(dimension=VolumeDimension.ENERGY, volume=kwh))
    if with_power and state is VehicleState.CHARGING:
        powers = [piece.power_kw for piece in pieces]
        volumes += [
            Volume(dimension=VolumeDimension.MIN_POWER, volume=rounded_kwh(min(powers))),
            Volume(dimension=VolumeDimension.MAX_POWER, volume=rounded_kwh(max(powers))),
        ]
    return ChargingPeriod(start=first.start, volumes=tuple(volumes), tariff_id=tariff_id)
