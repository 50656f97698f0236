"""All situations that a tariff tells apart: which of its elements apply together, with an example of each.

Along each axis (time of day, weekday, date, energy, current, power, duration) nothing changes but at the bounds that
elements name, so that one point between two bounds stands for all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from canonical.tariff import ReservationRestriction, Tariff, TariffRestrictions, Weekday

Point: TypeAlias = "int | str | Decimal | Weekday"

_MINUTES_OF_DAY: Final = 24 * 60
_MOST_CASES: Final = 4096
_MOST_ELEMENTS: Final = 200
_NONE: Final = TariffRestrictions()


@dataclass(frozen=True)
class Case:
    """`elements` are those that apply, in order; `example` has a point on each axis that the tariff uses."""

    elements: tuple[int, ...]
    example: Mapping[str, Point]


@dataclass(frozen=True)
class Cases:
    """Of one use of a tariff. `whole` is False when there are too many cases to look at all of them."""

    cases: tuple[Case, ...]
    whole: bool


@dataclass(frozen=True)
class _Axis:
    name: str
    points: Callable[[TariffRestrictions], Sequence[Point]]
    """Where something may change."""
    holds: Callable[[TariffRestrictions, Point], bool]
    first: Point


def of_class(tariff: Tariff, reservation: ReservationRestriction | None) -> tuple[int, ...]:
    """The elements for the use of the charge point (None), or for one kind of reservation."""
    return tuple(n for n, each in enumerate(tariff.elements) if (each.restrictions or _NONE).reservation is reservation)


def cases(tariff: Tariff, reservation: ReservationRestriction | None = None) -> Cases:
    restrictions = {n: tariff.elements[n].restrictions or _NONE for n in of_class(tariff, reservation)}
    if len(restrictions) > _MOST_ELEMENTS:
        return Cases((), whole=False)
    found: dict[int, dict[str, Point]] = {_bits(restrictions): {}}
    for axis in _AXES:
        found = _along(axis, restrictions, found)
        if len(found) > _MOST_CASES:
            return Cases((), whole=False)
    return Cases(tuple(Case(_numbers(those), example) for those, example in found.items()), whole=True)


def window(restrictions: TariffRestrictions) -> tuple[int, int] | None:
    """First minute of the day, and the first that is no more in it; over midnight when that is not the later one."""
    if restrictions.start_time is None and restrictions.end_time is None:
        return None
    return _minutes(restrictions.start_time or "00:00"), _minutes(restrictions.end_time or "00:00") or _MINUTES_OF_DAY


def _along(
    axis: _Axis, restrictions: Mapping[int, TariffRestrictions], found: Mapping[int, dict[str, Point]]
) -> dict[int, dict[str, Point]]:
    """The combinations of `found` with what holds at each point of an axis. Elements are bits, by their number."""
    points = {point for each in restrictions.values() for point in axis.points(each)}
    if not points:
        return dict(found)
    standing = {
        point: _bits(n for n, each in restrictions.items() if axis.holds(each, point))
        for point in sorted({axis.first, *points}, key=_in_order)
    }
    combined: dict[int, dict[str, Point]] = {}
    for those, example in found.items():
        if len(combined) > _MOST_CASES:
            break
        for point, here in standing.items():
            combined.setdefault(those & here, {**example, axis.name: point})
    return combined


def _bits(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in numbers)


def _numbers(bits: int) -> tuple[int, ...]:
    return tuple(number for number in range(bits.bit_length()) if bits >> number & 1)


def _in_order(point: Point) -> "tuple[int | Decimal, str]":
    if isinstance(point, Weekday):
        return tuple(Weekday).index(point), ""
    return (0, point) if isinstance(point, str) else (point, "")


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _window_points(r: TariffRestrictions) -> Sequence[Point]:
    bounds = window(r)
    return [bound % _MINUTES_OF_DAY for bound in bounds] if bounds else []


def _in_window(r: TariffRestrictions, at: Point) -> bool:
    bounds = window(r)
    if bounds is None or bounds[0] == bounds[1] % _MINUTES_OF_DAY:
        return True
    begin, end = bounds
    return begin <= int(at) < end if begin < end else int(at) >= begin or int(at) < end


def _in_dates(r: TariffRestrictions, day: Point) -> bool:
    return (r.start_date is None or r.start_date <= str(day)) and (r.end_date is None or str(day) < r.end_date)


def _range(name: str, lower: str, upper: str) -> _Axis:
    def bounds(r: TariffRestrictions) -> tuple[Decimal | None, Decimal | None]:
        low, high = getattr(r, lower), getattr(r, upper)
        return (None if low is None else Decimal(low), None if high is None else Decimal(high))

    def holds(r: TariffRestrictions, at: Point) -> bool:
        low, high = bounds(r)
        return (low is None or low <= Decimal(at)) and (high is None or Decimal(at) < high)

    def points(r: TariffRestrictions) -> Sequence[Point]:
        return [bound for bound in bounds(r) if bound is not None and bound >= 0]

    return _Axis(name, points, holds, Decimal(0))


def _axes() -> Iterator[_Axis]:
    yield _Axis("minute", _window_points, _in_window, 0)
    yield _Axis(
        "weekday",
        lambda r: tuple(Weekday) if r.days_of_week else (),
        lambda r, day: not r.days_of_week or day in r.days_of_week,
        Weekday.MONDAY,
    )
    yield _Axis("date", lambda r: [day for day in (r.start_date, r.end_date) if day], _in_dates, "0000-00-00")
    yield _range("kwh", "min_kwh", "max_kwh")
    yield _range("current_a", "min_current_a", "max_current_a")
    yield _range("power_kw", "min_power_kw", "max_power_kw")
    yield _range("duration_s", "min_duration_s", "max_duration_s")


_AXES: Final = tuple(_axes())
