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

from canonical.session import (
    ChargingPeriod,
    MeterReading,
    VehicleState,
    Volume,
    VolumeDimension,
)
from canonical.tariff import Tariff, TariffDimension
from settlement.pricing.breakdown import Unpriceable
from settlement.pricing.exact import HOUR, KWH, MILLION, SECOND, Exact, micros, millionths, moment
from settlement.pricing.policy import DEFAULT_POLICY, PricingPolicy
from settlement.pricing.quotes import Prepared, Quote
from settlement.pricing.schedule import NOTHING, Change, Flow, Leg
from settlement.pricing.stretches import average_power
from settlement.pricing.wall_clock import WallClock, wall_clock
from settlement.rounding import round_to

VOLUME_DECIMALS = 4
"""Of kWh and of hours: OCPI's default precision of a number."""

_TIME_DIMENSION = {
    VehicleState.CHARGING: VolumeDimension.TIME,
    VehicleState.PARKED: VolumeDimension.PARKING_TIME,
    VehicleState.RESERVED: VolumeDimension.RESERVATION_TIME,
}


_PRICED = {
    VehicleState.CHARGING: (TariffDimension.FLAT, TariffDimension.ENERGY, TariffDimension.TIME),
    VehicleState.PARKED: (TariffDimension.FLAT, TariffDimension.ENERGY, TariffDimension.PARKING_TIME),
}


@dataclass(frozen=True)
class _Piece:
    """A leg in one state, with the prices in force from its first moment to its last."""

    state: VehicleState
    leg: Leg
    power: Exact
    prices: tuple[Quote | None, ...]


def periods(
    readings: Sequence[MeterReading],
    end: datetime,
    tariff: Tariff | None,
    time_zone: str,
    policy: PricingPolicy = DEFAULT_POLICY,
) -> tuple[ChargingPeriod, ...]:
    """The charging periods from the first reading until `end`, cut where `tariff` may change its price.

    Raises Unpriceable when the readings contradict each other or the tariff depends on what is not known.
    """
    ordered = _in_order(readings, end)
    prepared = Prepared(tariff, policy) if tariff else None
    pieces = list(_pieces(ordered, end, prepared, wall_clock(time_zone)))
    with_power = prepared is not None and prepared.use.asks_for_power
    return tuple(
        _period(group, pieces[0].leg.start, tariff.id if tariff else None, with_power=with_power)
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
    readings: Sequence[MeterReading], end: datetime, tariff: Prepared | None, clock: WallClock | None
) -> Iterator[_Piece]:
    use_began = next((r.at for r in readings if r.state is not VehicleState.RESERVED), end)
    # What was delivered before the first reading counts with what follows it.
    kwh: Exact = 0
    for place, reading in enumerate(readings):
        following = readings[place + 1] if place + 1 < len(readings) else None
        until = following.at if following else end
        kwh_until = millionths(following.energy_kwh if following else reading.energy_kwh)
        if until == reading.at and place:
            continue
        leg = Leg(micros(reading.at), micros(until), kwh, kwh_until)
        reserved = reading.state is VehicleState.RESERVED
        counting_from = micros(readings[0].at if reserved else use_began)
        yield from _Cutter(reading, leg, counting_from, tariff, clock).pieces()
        kwh = kwh_until


class _Cutter:
    """Cuts the leg from one reading to the next where the price may change."""

    def __init__(
        self,
        reading: MeterReading,
        leg: Leg,
        counting_from: int,
        tariff: Prepared | None,
        clock: WallClock | None,
    ) -> None:
        self._state, self._leg, self._counting_from = reading.state, leg, counting_from
        self._tariff, self._clock = tariff, clock
        self._power = _power(reading, leg)

    def pieces(self) -> Iterator[_Piece]:
        start, kwh = self._leg.start, self._leg.kwh_from
        for change in self._changes():
            at = change.at if change.by_clock else _worth_keeping(change.at, start)
            if start < at < self._leg.end:
                yield self._piece(Leg(start, at, kwh, change.kwh))
                start, kwh = at, change.kwh
        yield self._piece(Leg(start, self._leg.end, kwh, self._leg.kwh_to))

    def _changes(self) -> Iterator[Change]:
        if self._tariff is not None:
            schedule = self._tariff.reservation if self._reserved else self._tariff.use
            yield from schedule.changes(self._leg, self._counting_from, self._clock)

    def _piece(self, part: Leg) -> _Piece:
        return _Piece(self._state, part, self._power, self._prices(part))

    def _prices(self, part: Leg) -> tuple[Quote | None, ...]:
        """Those that matter in this state."""
        if self._tariff is None:
            return ()
        schedule = self._tariff.reservation if self._reserved else self._tariff.use
        elements, _, _ = schedule.state(part.start, part.kwh_from, self._counting_from, self._clock)
        if self._reserved:
            elements, _ = schedule.without_flow(elements, NOTHING, NOTHING)
            # Nobody knows yet whether it will expire: a change of either price is one.
            return tuple(price for expired in (False, True) for price in self._tariff.in_reservation(elements, expired))
        if schedule.asks_for_flow:
            power, current = Flow(self._power, self._power), _current(self._state)
            elements = self._tariff.with_flow(_PRICED[self._state], elements, power, current)
        prices = self._tariff.in_use(elements)
        return prices.flat, prices.energy, prices.parking if self._state is VehicleState.PARKED else prices.time

    @property
    def _reserved(self) -> bool:
        return self._state is VehicleState.RESERVED


def _worth_keeping(at: Exact, start: Exact) -> Exact:
    """An interpolated instant has no fraction of a second worth keeping, and not every partner keeps it."""
    whole = at // SECOND * SECOND
    return whole if whole > start else round(at)


def _power(reading: MeterReading, leg: Leg) -> Exact:
    """In millionths of a kW."""
    if reading.power_kw is not None:
        return millionths(reading.power_kw)
    return average_power(leg) if leg.end > leg.start else 0


def _current(state: VehicleState) -> Flow | None:
    return None if state is VehicleState.CHARGING else NOTHING


def _grouped(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    groups: list[list[_Piece]] = []
    for piece in pieces:
        before = groups[-1][-1] if groups else None
        if before and (before.state, before.prices) == (piece.state, piece.prices):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _period(pieces: Sequence[_Piece], began: Exact, tariff_id: str | None, *, with_power: bool) -> ChargingPeriod:
    first, last = pieces[0].leg, pieces[-1].leg
    state = pieces[0].state
    kwh = rounded_kwh(Fraction(last.kwh_to, KWH)) - rounded_kwh(Fraction(first.kwh_from, KWH))
    hours = _hours(last.end - began) - _hours(first.start - began)
    volumes = [Volume(dimension=_TIME_DIMENSION[state], volume=hours)]
    if kwh or state is VehicleState.CHARGING:
        volumes.insert(0, Volume(dimension=VolumeDimension.ENERGY, volume=kwh))
    if with_power and state is VehicleState.CHARGING:
        powers = [Fraction(piece.power, MILLION) for piece in pieces]
        volumes += [
            Volume(dimension=VolumeDimension.MIN_POWER, volume=rounded_kwh(min(powers))),
            Volume(dimension=VolumeDimension.MAX_POWER, volume=rounded_kwh(max(powers))),
        ]
    return ChargingPeriod(start=moment(first.start), volumes=tuple(volumes), tariff_id=tariff_id)


def _hours(duration: Exact) -> Decimal:
    return round_to(Fraction(duration, HOUR), VOLUME_DECIMALS)
