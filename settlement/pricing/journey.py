"""The walk along a charge: which price everything that was used falls under, stretch by stretch."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from canonical.model import Finding
from canonical.tariff import TariffDimension
from settlement.pricing.breakdown import Charge, Unpriceable
from settlement.pricing.exact import KWH, NEVER, Exact, micros, moment, shown
from settlement.pricing.policy import PriceChange, PricingPolicy
from settlement.pricing.quotes import InForce, Prepared, Quote
from settlement.pricing.samples import Part, Samples
from settlement.pricing.schedule import NOTHING, Change, Leg, Schedule
from settlement.pricing.stretches import Kind, Stretch
from settlement.pricing.tally import Tally
from settlement.pricing.wall_clock import wall_clock

_CHARGING, _PARKED, _RESERVED = Kind.CHARGING, Kind.PARKED, Kind.RESERVED
_ENERGY, _TIME, _PARKING = TariffDimension.ENERGY, TariffDimension.TIME, TariffDimension.PARKING_TIME


class Step(NamedTuple):
    """A stretch, or the part of one from one change of price to the next, and the prices in force."""

    leg: Leg
    prices: InForce


class Journey:
    """One walk along the stretches of one charge."""

    def __init__(self, charge: Charge, walk: Sequence[Stretch], policy: PricingPolicy) -> None:
        self.tally = Tally(policy.flat_fees)
        self.notes: list[Finding] = []
        self.is_mere_reservation = all(stretch.kind is _RESERVED for stretch in walk)
        self._clock = wall_clock(charge.time_zone)
        self._on_change = policy.price_change
        self._samples = Samples(charge.samples if self._on_change is PriceChange.SPLIT else ())
        self.notes += self._samples.findings
        self._expired = charge.reservation_expired and self.is_mere_reservation
        self._booked = self._use_began = micros(charge.start)
        if walk[0].kind is _RESERVED:
            # What counts the time of a session does not count that of the reservation before it.
            self._use_began = next((s.start for s in walk if s.kind is not _RESERVED), self._booked)
        self._idle_from = next((s.end for s in reversed(walk) if _charges(s)), NEVER)
        self._last = walk[-1]
        # What applied at the last stretch, and how far it surely does.
        self._schedule: Schedule | None = None
        self._elements = 0
        self._until: Exact = 0
        self._until_kwh: Exact = 0

    def bill(self, stretch: Stretch, tariff: Prepared) -> None:
        """Put all that was used in `stretch` under its price. Raises Unpriceable."""
        schedule = tariff.reservation if stretch.kind is _RESERVED else tariff.use
        if schedule is not self._schedule or stretch.start >= self._until or stretch.kwh_from >= self._until_kwh:
            began = self._began(stretch)
            state = schedule.state(stretch.start, stretch.kwh_from, began, self._clock)
            self._schedule, (self._elements, self._until, self._until_kwh) = schedule, state
        prices = self._in_force(self._elements, stretch, tariff)
        if self._until < stretch.end or self._until_kwh < stretch.kwh_to:
            for step in self._steps(stretch, prices, tariff):
                leg = step.leg
                self._bill(leg.end - leg.start, leg.kwh_to - leg.kwh_from, step.prices, stretch, tariff)
        else:
            self._bill(stretch.end - stretch.start, stretch.kwh_to - stretch.kwh_from, prices, stretch, tariff)

    def _began(self, stretch: Stretch) -> int:
        """From when on min_duration and max_duration count."""
        return self._booked if stretch.kind is _RESERVED else self._use_began

    def _in_force(self, elements: int, stretch: Stretch, tariff: Prepared) -> InForce:
        if stretch.kind is _RESERVED:
            if tariff.reservation.asks_for_flow:
                power, current = stretch.power() or NOTHING, stretch.current() or NOTHING
                elements, _ = tariff.reservation.without_flow(elements, power, current)
            return tariff.in_reservation(elements, self._expired)
        if tariff.use.asks_for_flow:
            elements = tariff.with_flow(_used(stretch), elements, stretch.power(), stretch.current())
        return tariff.in_use(elements)

    def _bill(self, duration: Exact, kwh: Exact, prices: InForce, stretch: Stretch, tariff: Prepared) -> None:
        if prices.flat:
            self.tally.once(prices.flat)
        if prices.fee and stretch is self._last:
            self.tally.once(prices.fee)
        if stretch.kind is _RESERVED:
            if prices.time and duration:
                self.tally.add(prices.time, duration)
            return
        if kwh:
            self._add(prices.energy, kwh, _ENERGY, stretch, tariff)
        if duration:
            dimension = _TIME if stretch.kind is _CHARGING else _PARKING
            self._add(self._price_of_time(prices, stretch), duration, dimension, stretch, tariff)

    def _price_of_time(self, prices: InForce, stretch: Stretch) -> Quote | None:
        if stretch.kind is not _PARKED:
            return prices.time
        return prices.idle if stretch.start >= self._idle_from else prices.parking

    def _add(
        self, quote: Quote | None, quantity: Exact, dimension: TariffDimension, stretch: Stretch, tariff: Prepared
    ) -> None:
        if quote:
            self.tally.add(quote, quantity)
        elif dimension in tariff.priced:
            self._note(
                "pricing.gap",
                f"the tariff has prices for {dimension}, and none of them applies here: it is free",
                stretch,
            )

    def _steps(self, stretch: Stretch, prices: InForce, tariff: Prepared) -> Iterator[Step]:
        """`stretch` as the policy has it where the price changes within it (OCPI wants a new period there)."""
        at, kwh = stretch.leg.start, stretch.leg.kwh_from
        flagged = False
        for part in self._parts(stretch):
            for change in self._changes(part, stretch, tariff):
                # At a sample itself the energy is known.
                at_sample = (change.at, change.kwh) == (part.leg.start, part.leg.kwh_from)
                uncertain = 0 if at_sample else part.uncertain
                after = self._in_force_later(change.elements, stretch, tariff, needed=uncertain is not None)
                if after is not None and not self._costs_otherwise(prices, after, stretch):
                    continue
                if after is None or uncertain is None:
                    if not flagged:
                        self._flag(change, stretch)
                    flagged = True
                    break
                yield Step(Leg(at, change.at, kwh, change.kwh), prices)
                self._note_split(change, change.kwh - stretch.kwh_from, uncertain, stretch)
                at, kwh, prices = change.at, change.kwh, after
        yield Step(Leg(at, stretch.end, kwh, stretch.kwh_to), prices)

    def _in_force_later(self, elements: int, stretch: Stretch, tariff: Prepared, *, needed: bool) -> InForce | None:
        """The prices within `stretch`. None: they hang on what is not known, and those of its first moment hold."""
        try:
            return self._in_force(elements, stretch, tariff)
        except Unpriceable:
            if needed or self._on_change is PriceChange.REFUSE:
                raise
            return None

    def _parts(self, stretch: Stretch) -> Iterator[Part]:
        if self._on_change is PriceChange.SPLIT:
            yield from self._samples.parts(stretch.leg)
        else:
            yield Part(stretch.leg, None)

    def _changes(self, part: Part, stretch: Stretch, tariff: Prepared) -> Iterator[Change]:
        schedule = tariff.reservation if stretch.kind is _RESERVED else tariff.use
        began = self._began(stretch)
        if part.leg.start > stretch.start:
            elements, _, _ = schedule.state(part.leg.start, part.leg.kwh_from, began, self._clock)
            yield Change(part.leg.start, part.leg.kwh_from, elements, by_clock=True)
        yield from schedule.changes(part.leg, began, self._clock)

    def _costs_otherwise(self, before: InForce, after: InForce, stretch: Stretch) -> bool:
        """Whether the rest of `stretch` costs something else than by the prices of `before`."""
        if before == after:
            return False
        new_fee = after.flat is not None and after.flat is not before.flat and not self.tally.has(after.flat)
        energy = stretch.kwh_to != stretch.kwh_from and _differ(before.energy, after.energy)
        time = stretch.end > stretch.start and _differ(
            self._price_of_time(before, stretch), self._price_of_time(after, stretch)
        )
        return new_fee or energy or time

    def _flag(self, change: Change, stretch: Stretch) -> None:
        code = "pricing.period_spans_price_change"
        message = f"the price changes at {moment(change.at):%Y-%m-%dT%H:%M:%SZ}, within a charging period"
        if self._on_change is PriceChange.REFUSE:
            raise Unpriceable.because(code, message, stretch.where)
        self._note(code, message, stretch)

    def _note_split(self, change: Change, used: Exact, uncertain: Exact, stretch: Stretch) -> None:
        self.notes.append(
            Finding(
                code="pricing.period_split",
                message=(
                    f"the price changes at {moment(change.at):%Y-%m-%dT%H:%M:%SZ}, within a charging period: "
                    f"{shown(used, KWH)} kWh were before, between signed readings {shown(uncertain, KWH)} kWh apart"
                ),
                where=stretch.where,
                stated=f"{shown(uncertain, KWH)} kWh",
            )
        )

    def _note(self, code: str, message: str, stretch: Stretch) -> None:
        self.notes.append(Finding(code=code, message=message, where=stretch.where))


def _charges(stretch: Stretch) -> bool:
    return stretch.kind is _CHARGING and (stretch.end > stretch.start or stretch.kwh_to != stretch.kwh_from)


def _used(stretch: Stretch) -> Iterator[TariffDimension]:
    """What has to have a price."""
    yield TariffDimension.FLAT
    if stretch.kwh_to != stretch.kwh_from:
        yield _ENERGY
    if stretch.end > stretch.start:
        yield _TIME if stretch.kind is _CHARGING else _PARKING


def _differ(before: Quote | None, after: Quote | None) -> bool:
    """Whether two prices of the same are different money. Having none is as good as having one of 0."""
    asked = [quote for quote in (before, after) if quote and quote.stated]
    return len(asked) == 1 or (len(asked) == 2 and asked[0].price != asked[1].price)
