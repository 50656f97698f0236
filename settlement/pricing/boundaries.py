"""Where, within a stretch of a session, a tariff may change its price.

A boundary is only a candidate: whether an element really begins or ends to apply there is for `restrictions`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from canonical.tariff import Tariff, TariffRestrictions


@dataclass(frozen=True)
class Leg:
    """A stretch of time over which energy flows evenly from `kwh_from` to `kwh_to` (both since session
    start).
    """

    start: datetime
    end: datetime
    kwh_from: Fraction
    kwh_to: Fraction

    @property
    def seconds(self) -> Fraction:
        return exact_seconds(self.end - self.start)

    def moment(self, after_s: Fraction) -> datetime:
        """The instant `after_s` seconds into the leg, to the microsecond."""
        return self.start + timedelta(microseconds=round(after_s * 1_000_000))

    def kwh_after(self, seconds: Fraction) -> Fraction:
        if not self.seconds:
            return self.kwh_to
        return self.kwh_from + (self.kwh_to - self.kwh_from) * seconds / self.seconds


@dataclass(frozen=True)
class Boundary:
    """A candidate, `after_s` seconds into its leg; `kwh` is the exact state of the meter there.

    `by_clock` tells that the instant is given by clock or calendar, and not by the flow of energy.
    """

    after_s: Fraction
    kwh: Fraction
    by_clock: bool


def boundaries(tariff: Tariff, leg: Leg, *, counting_from: datetime, zone: ZoneInfo | None) -> tuple[Boundary, ...]:
    """Candidates strictly within `leg`, in order. `counting_from` is where min_duration and max_duration
    start.
    """
    restrictions = [e.restrictions for e in tariff.elements if e.restrictions]
    found = {
        exact_seconds(instant - leg.start): None
        for instant in (
            *_duration_changes(restrictions, counting_from),
            *(_clock_changes(restrictions, leg, zone) if zone else ()),
        )
        if leg.start < instant < leg.end
    }
    by_clock = [Boundary(after, leg.kwh_after(after), by_clock=True) for after in found]
    return tuple(sorted([*by_clock, *_energy_changes(restrictions, leg)], key=lambda b: b.after_s))


def zone_named(name: str) -> ZoneInfo | None:
    """The IANA zone, or None when the name is empty or unknown."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def exact_seconds(duration: timedelta) -> Fraction:
    return Fraction(duration // timedelta(microseconds=1), 1_000_000)


def _duration_changes(restrictions: list[TariffRestrictions], counting_from: datetime) -> Iterator[datetime]:
    for r in restrictions:
        for seconds in (r.min_duration_s, r.max_duration_s):
            if seconds is not None:
                yield counting_from + timedelta(seconds=seconds)


def _energy_changes(restrictions: list[TariffRestrictions], leg: Leg) -> Iterator[Boundary]:
    for threshold in {k for r in restrictions for k in (r.min_kwh, r.max_kwh) if k is not None}:
        kwh = Fraction(threshold)
        if leg.kwh_from < kwh < leg.kwh_to:
            share = (kwh - leg.kwh_from) / (leg.kwh_to - leg.kwh_from)
            yield Boundary(leg.seconds * share, kwh, by_clock=False)


def _clock_changes(restrictions: list[TariffRestrictions], leg: Leg, zone: ZoneInfo) -> Iterator[datetime]:
    clocks = {c for r in restrictions for c in (r.start_time, r.end_time) if c}
    if any(_changes_at_midnight(r) for r in restrictions):
        clocks.add("00:00")
    if not clocks:
        return
    for day in _local_days(leg, zone):
        for clock in clocks:
            local = datetime.combine(day, time.fromisoformat(clock), zone)
            # A clock that is put back shows the same time twice; both are boundaries.
            yield local.replace(fold=0).astimezone(UTC)
            yield local.replace(fold=1).astimezone(UTC)
    yield from _clock_shifts(leg, zone)


def _changes_at_midnight(r: TariffRestrictions) -> bool:
    """By day, or because a window with one edge has midnight for the other."""
    one_edge = (r.start_time is None) != (r.end_time is None)
    return bool(r.days_of_week or r.start_date or r.end_date or one_edge)


def _local_days(leg: Leg, zone: ZoneInfo) -> Iterator[date]:
    day = leg.start.astimezone(zone).date()
    last = leg.end.astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _clock_shifts(leg: Leg, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants at which the clock is put forward or back, to the minute.

    Local time jumps there, and may jump into or out of a window without passing its edge.
    """
    before, step = leg.start, timedelta(hours=12)
    while before < leg.end:
        after = min(before + step, leg.end)
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            yield _shift_between(before, after, zone)
        before = after


def _shift_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle <= before:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
