"""What the clock on the wall shows at the charge point, and when it is put forward or back."""

from bisect import bisect_right
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from settlement.pricing.exact import DAY, HOUR, SECOND, Exact, micros, moment

_WINDOW: Final = 64 * DAY
"""The part of the calendar that is searched for shifts of the clock at a time, and remembered."""
_SHORTEST: Final = 12 * HOUR
"""No clock is put forward and back within this time."""
_FIRST: Final = micros(datetime(MINYEAR + 1, 1, 1, tzinfo=UTC))
_LAST: Final = micros(datetime(MAXYEAR - 1, 1, 1, tzinfo=UTC))


class WallClock:
    """The local time of one zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def read(self, at: Exact) -> tuple[int, int]:
        """How far local time is ahead of UTC, and until when that surely stays so; all in microseconds."""
        window = at // _WINDOW
        starts, offsets = _shifts(self._zone, window)
        place = bisect_right(starts, at)
        return offsets[place - 1], starts[place] if place < len(starts) else (window + 1) * _WINDOW


@lru_cache(maxsize=1024)
def wall_clock(zone: str) -> WallClock | None:
    """The clock of an IANA zone; None when the name is empty or unknown."""
    try:
        return WallClock(ZoneInfo(zone)) if zone else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=4096)
def _shifts(zone: ZoneInfo, window: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The instants in a window from which on another offset holds, its beginning among them, and the offsets."""
    begin, end = window * _WINDOW, (window + 1) * _WINDOW
    starts, offsets = [begin], [_offset(zone, begin)]
    before = begin
    while before < end:
        after = min(before + _SHORTEST, end)
        if _offset(zone, after) != offsets[-1]:
            shift = _shift_between(zone, before, after)
            starts.append(shift)
            offsets.append(_offset(zone, shift))
        before = after
    return tuple(starts), tuple(offsets)


def _shift_between(zone: ZoneInfo, before: int, after: int) -> int:
    """The first whole second at which the offset is another than `before`."""
    offset = _offset(zone, before)
    while after - before > SECOND:
        middle = (before + after) // 2 // SECOND * SECOND
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, at: int) -> int:
    instant = moment(min(max(at, _FIRST), _LAST))
    return micros(instant.astimezone(zone).replace(tzinfo=UTC)) - micros(instant)
