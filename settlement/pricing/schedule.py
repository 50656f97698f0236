"""When which elements of a tariff apply: every restriction that is set has to hold (OCPI 2.2.1 tariffs,
TariffRestrictions).

Lower bounds are inclusive and upper bounds exclusive, and each restriction is tested on its own at one instant. A set
of elements is a number in which bit n stands for element n; a line along which they begin and cease to apply is cut
into steps once, so that the set at a place, and the next place where it changes, take one search.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from operator import xor
from typing import Final, NamedTuple

from canonical.tariff import TariffRestrictions, Weekday
from settlement.pricing.breakdown import Unpriceable
from settlement.pricing.exact import DAY, NEVER, SECOND, WEEK, Exact, millionths
from settlement.pricing.policy import NightReading
from settlement.pricing.wall_clock import WallClock

_WEEKDAYS: Final = tuple(Weekday)
_EVERY_DAY: Final = frozenset(range(7))
_MINUTE: Final = 60 * SECOND
_THURSDAY: Final = 3 * DAY
"""1970 began on a Thursday; our weeks begin on Mondays."""


class Leg(NamedTuple):
    """A stretch of time over which energy flows evenly from `kwh_from` to `kwh_to`, both since the session began."""

    start: Exact
    end: Exact
    kwh_from: Exact
    kwh_to: Exact

    def kwh_at(self, at: Exact) -> Exact:
        if self.start == self.end:
            return self.kwh_to
        return self.kwh_from + Fraction((self.kwh_to - self.kwh_from) * (at - self.start), self.end - self.start)

    def moment_of(self, kwh: Exact) -> Exact:
        return self.start + Fraction((self.end - self.start) * (kwh - self.kwh_from), self.kwh_to - self.kwh_from)


class Flow(NamedTuple):
    """Lowest and highest power or current over a stretch of time, in millionths."""

    low: Exact
    high: Exact


NOTHING: Final = Flow(0, 0)


class Change(NamedTuple):
    """A moment at which other elements may begin to apply, and the energy until then.

    `by_clock` tells that the instant is given by clock or calendar, and not by the flow of energy.
    """

    at: Exact
    kwh: Exact
    elements: int
    by_clock: bool


@dataclass(frozen=True, slots=True)
class Steps:
    """The set that applies from each of the ascending edges on; `sets` and `following` begin before the first edge."""

    edges: tuple[Exact, ...]
    sets: tuple[int, ...]
    following: tuple[Exact, ...]

    def at(self, place: Exact) -> tuple[int, Exact]:
        """The set at a place, and the next edge."""
        step = bisect_right(self.edges, place)
        return self.sets[step], self.following[step]


class Schedule:
    """When which of some elements of a tariff apply. Raises Unpriceable when one of them cannot be understood."""

    def __init__(self, restrictions: Mapping[int, TariffRestrictions], nights: NightReading) -> None:
        """`restrictions` by the number of their element."""
        self.all = _set(restrictions)
        self._energy = _between(restrictions, lambda r: (_or_none(r.min_kwh), _or_none(r.max_kwh)))
        self._duration = _between(restrictions, lambda r: (_seconds(r.min_duration_s), _seconds(r.max_duration_s)))
        self._dates = _between(restrictions, lambda r: (_midnight(r.start_date), _midnight(r.end_date)))
        self._week = _week(restrictions, nights)
        self._power = {n: r for n, r in restrictions.items() if _power(r) != (None, None)}
        self._current = {n: r for n, r in restrictions.items() if _current(r) != (None, None)}
        self.asks_for_power = bool(self._power)
        self.asks_for_flow = bool(self._power or self._current)

    def state(self, at: Exact, kwh: Exact, counting_from: Exact, clock: WallClock | None) -> tuple[int, Exact, Exact]:
        """What applies at an instant, whatever the power; until when, and until which energy, that surely stays so.

        `counting_from` is where min_duration and max_duration start. Raises Unpriceable when the local time is needed
        and not known.
        """
        elements = self.all
        until: Exact = NEVER
        until_kwh: Exact = NEVER
        if self._energy:
            some, until_kwh = self._energy.at(kwh)
            elements &= some
        if self._duration:
            some, edge = self._duration.at(at - counting_from)
            elements &= some
            until = min(until, counting_from + edge)
        if self._week or self._dates:
            if clock is None:
                raise Unpriceable.because(
                    "pricing.time_zone_unknown",
                    "the tariff depends on local time, and the time zone of the charge point is not known",
                )
            ahead, shift = clock.read(at)
            local = at + ahead
            until = min(until, shift)
            if self._week:
                in_week = (local + _THURSDAY) % WEEK
                some, edge = self._week.at(in_week)
                elements &= some
                until = min(until, at + edge - in_week)
            if self._dates:
                some, edge = self._dates.at(local)
                elements &= some
                until = min(until, at + edge - local)
        return elements, until, until_kwh

    def without_flow(self, elements: int, power: Flow | None, current: Flow | None) -> tuple[int, int]:
        """Those of `elements` that apply at this power and current, and those of which it cannot be told."""
        unknown = 0
        for asking, flow, bounds in ((self._power, power, _power), (self._current, current, _current)):
            for number, restrictions in asking.items():
                bit = 1 << number
                if elements & bit and flow is None:
                    unknown |= bit
                elif elements & bit and flow is not None and not _within(flow, *bounds(restrictions)):
                    elements &= ~bit
        return elements & ~unknown, elements & unknown

    def changes(self, leg: Leg, counting_from: Exact, clock: WallClock | None) -> Iterable[Change]:
        """Every moment within `leg` at which other elements may begin to apply, in order. A candidate may change
        nothing.
        """
        at, kwh = leg.start, leg.kwh_from
        _, until, until_kwh = self.state(at, kwh, counting_from, clock)
        while True:
            by_energy = leg.moment_of(until_kwh) if until_kwh < leg.kwh_to else NEVER
            if by_energy is NEVER and until >= leg.end:
                return
            by_clock = until < by_energy
            at, kwh = (until, leg.kwh_at(until)) if by_clock else (by_energy, until_kwh)
            elements, until, until_kwh = self.state(at, kwh, counting_from, clock)
            yield Change(at, kwh, elements, by_clock)


def _set(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in numbers)


def _between(
    restrictions: Mapping[int, TariffRestrictions],
    bounds: Callable[[TariffRestrictions], tuple[Exact | None, Exact | None]],
) -> Steps | None:
    """Steps along a line, from a lower and an upper bound an element; None when nothing is bounded."""
    bounded = {number: bounds(r) for number, r in restrictions.items()}
    if not any(edge is not None for pair in bounded.values() for edge in pair):
        return None
    spans = [
        (number, -NEVER if low is None else low, NEVER if high is None else high)
        for number, (low, high) in bounded.items()
    ]
    edges, sets = _swept(spans)
    return Steps(edges[1:], sets, (*edges[1:], NEVER))


def _swept(spans: Iterable[tuple[int, Exact, Exact]]) -> tuple[tuple[Exact, ...], tuple[int, ...]]:
    """Edges, and the set from each of them on, of elements and where each applies: from, and until before.

    One pass, whatever the number of elements: a sender decides how many there are.
    """
    flips: dict[Exact, int] = {-NEVER: 0}
    for number, begin, end in spans:
        if begin < end:
            flips[begin] = flips.get(begin, 0) ^ (1 << number)
            flips[end] = flips.get(end, 0) ^ (1 << number)
    edges = [edge for edge in sorted(flips) if edge == -NEVER or (flips[edge] and edge < NEVER)]
    return tuple(edges), tuple(accumulate((flips[edge] for edge in edges), xor))


class _Window(NamedTuple):
    """Time of day and weekdays. One edge has midnight for the other; two equal ones are the whole day."""

    begin: int
    end: int
    days: frozenset[int]
    nights: NightReading

    @classmethod
    def of(cls, r: TariffRestrictions, nights: NightReading) -> "_Window":
        days = frozenset(_WEEKDAYS.index(day) for day in r.days_of_week) or _EVERY_DAY
        return cls(_clock(r.start_time or "00:00"), _clock(r.end_time or "00:00") or DAY, days, nights)

    def hours(self) -> Iterator[tuple[int, int]]:
        """From when, and until when, it holds in the week."""
        for day in range(7):
            midnight, today = day * DAY, day in self.days
            if self.begin == self.end % DAY and today:
                yield midnight, midnight + DAY
            elif self.begin < self.end and today:
                yield midnight + self.begin, midnight + self.end
            elif self.begin > self.end:
                of_yesterday = self.nights is NightReading.DAY_IT_BEGAN
                if (day - 1) % 7 in self.days if of_yesterday else today:
                    yield midnight, midnight + self.end
                if today:
                    yield midnight + self.begin, midnight + DAY


def _week(restrictions: Mapping[int, TariffRestrictions], nights: NightReading) -> Steps | None:
    """Steps along the local week, from Monday 00:00; None when no element looks at time of day or weekday."""
    bound = [r for r in restrictions.values() if r.start_time or r.end_time or r.days_of_week]
    if not bound:
        return None
    windows = {number: _Window.of(r, nights) for number, r in restrictions.items()}
    edges, sets = _swept((number, *hours) for number, window in windows.items() for hours in window.hours())
    following = tuple(edge for edge in edges[1:] if edge < WEEK)
    return Steps(following, sets[: len(following) + 1], (*following, WEEK))


def _clock(text: str) -> int:
    """`HH:MM` as microseconds since midnight."""
    return (int(text[:2]) * 60 + int(text[3:])) * _MINUTE


def _midnight(day: str | None) -> int | None:
    """Where a local date begins, in microseconds of local time since 1970."""
    if day is None:
        return None
    try:
        return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY
    except ValueError:
        raise Unpriceable.because("pricing.date_impossible", f"{day} is not a day", "restrictions") from None


def _seconds(number: int | None) -> int | None:
    return None if number is None else number * SECOND


def _or_none(number: Decimal | None) -> Exact | None:
    return None if number is None else millionths(number)


def _power(r: TariffRestrictions) -> tuple[Decimal | None, Decimal | None]:
    return r.min_power_kw, r.max_power_kw


def _current(r: TariffRestrictions) -> tuple[Decimal | None, Decimal | None]:
    return r.min_current_a, r.max_current_a


def _within(flow: Flow, lower: Decimal | None, upper: Decimal | None) -> bool:
    return (lower is None or flow.low >= millionths(lower)) and (upper is None or flow.high < millionths(upper))
