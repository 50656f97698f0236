"""When a tariff element applies: every restriction that is set has to hold (OCPI 2.2.1 tariffs,
TariffRestrictions).

Lower bounds are inclusive and upper bounds exclusive, each restriction is tested on its own at one instant: a
window from 22:00 to 06:00 on a Friday does not reach into Saturday.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from canonical.tariff import TariffRestrictions, Weekday
from settlement.pricing.breakdown import Unpriceable

_WEEKDAYS = tuple(Weekday)
_MINUTES_OF_DAY = 24 * 60


@dataclass(frozen=True)
class Band:
    """The lowest and the highest value of something over a stretch of time."""

    low: Fraction
    high: Fraction


@dataclass(frozen=True)
class Situation:
    """What restrictions look at. Zone, power and current may be unknown as long as nothing asks."""

    at: datetime
    zone: ZoneInfo | None
    kwh: Fraction
    """Delivered since the session began."""
    elapsed_s: Fraction
    """Since the session began; within a reservation, since that began."""
    power_kw: Band | None
    current_a: Band | None

    def local(self) -> datetime:
        """The instant by the clock on the wall. Raises Unpriceable when the zone is unknown."""
        if self.zone is None:
            raise Unpriceable.because(
                "pricing.time_zone_unknown",
                "the tariff depends on local time, and the time zone of the charge point is not known",
            )
        return self.at.astimezone(self.zone)


def applies(restrictions: TariffRestrictions | None, situation: Situation) -> bool:
    """Whether all restrictions hold. Raises Unpriceable when one of them asks for what is not known."""
    if restrictions is None:
        return True
    return all(holds(restrictions, situation) for holds in _RESTRICTIONS)


def minutes(clock: str) -> int:
    """`HH:MM` as minutes since midnight."""
    return int(clock[:2]) * 60 + int(clock[3:])


def _time_of_day(r: TariffRestrictions, s: Situation) -> bool:
    if r.start_time is None and r.end_time is None:
        return True
    begin = minutes(r.start_time or "00:00")
    end = minutes(r.end_time or "00:00") or _MINUTES_OF_DAY
    local = s.local()
    now = local.hour * 60 + local.minute
    if begin == end % _MINUTES_OF_DAY:
        return True
    if begin < end:
        return begin <= now < end
    return now >= begin or now < end


def _date(r: TariffRestrictions, s: Situation) -> bool:
    if r.start_date is None and r.end_date is None:
        return True
    today = s.local().date().isoformat()
    return (r.start_date is None or r.start_date <= today) and (r.end_date is None or today < r.end_date)


def _weekday(r: TariffRestrictions, s: Situation) -> bool:
    return not r.days_of_week or _WEEKDAYS[s.local().weekday()] in r.days_of_week


def _energy(r: TariffRestrictions, s: Situation) -> bool:
    return _within(Band(s.kwh, s.kwh), r.min_kwh, r.max_kwh)


def _duration(r: TariffRestrictions, s: Situation) -> bool:
    elapsed = Band(s.elapsed_s, s.elapsed_s)
    return _within(elapsed, r.min_duration_s, r.max_duration_s)


def _power(r: TariffRestrictions, s: Situation) -> bool:
    if r.min_power_kw is None and r.max_power_kw is None:
        return True
    return _within(_known(s.power_kw, "power"), r.min_power_kw, r.max_power_kw)


def _current(r: TariffRestrictions, s: Situation) -> bool:
    if r.min_current_a is None and r.max_current_a is None:
        return True
    return _within(_known(s.current_a, "current"), r.min_current_a, r.max_current_a)


def _within(band: Band, lower: Decimal | int | None, upper: Decimal | int | None) -> bool:
    return (lower is None or band.low >= Fraction(lower)) and (upper is None or band.high < Fraction(upper))


def _known(band: Band | None, what: str) -> Band:
    if band is None:
        raise Unpriceable.because(
            f"pricing.{what}_unknown",
            f"the tariff depends on the {what}, and a charging period does not state it",
        )
    return band


_RESTRICTIONS: tuple[Callable[[TariffRestrictions, Situation], bool], ...] = (
    _time_of_day,
    _date,
    _weekday,
    _energy,
    _duration,
    _power,
    _current,
)
