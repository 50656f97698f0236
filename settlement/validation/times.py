"""Do the times of a CDR make sense, by themselves and by our clock?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from canonical.cdr import Cdr
from canonical.model import Finding, Instant
from canonical.session import VolumeDimension
from settlement.rounding import round_to
from settlement.validation.findings import blocking, differs

FIRST_PLAUSIBLE = datetime(2015, 1, 1, tzinfo=UTC)
"""Before this nobody sent CDRs over OCPI: an older date is a clock that was never set."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far two clocks may be apart."""

_ROUNDED_HOURS_S = Decimal(36)
"""A duration in hours may be rounded to two decimals."""


def own_times(cdr: Cdr, *, time_costs: bool) -> Iterator[Finding]:
    """Contradictions within the CDR. What durations state matters where `time_costs`."""
    starts = [period.start for period in cdr.charging_periods]
    moments = [cdr.start, *starts, cdr.end]
    if min(moments) < FIRST_PLAUSIBLE:
        yield blocking("cdr.clock_fault", f"{min(moments):%Y-%m-%d} is the date of a clock that was not set", "start")
    if moments != sorted(moments):
        yield blocking("cdr.times_out_of_order", "start, charging periods and end are not in order of time")
    outside = [number for number, start in enumerate(starts) if not cdr.start <= start <= cdr.end]
    if outside:
        where = f"charging_periods[{outside[0]}].start_date_time"
        yield blocking("cdr.period_outside", "a charging period begins before the session, or after its end", where)
    yield from _durations(cdr, time_costs=time_costs)


def by_our_clock(cdr: Cdr, received_at: Instant, latest: timedelta | None) -> Iterator[Finding]:
    """What came before it happened, or later than was agreed."""
    if cdr.end > received_at + CLOCK_SKEW:
        yield differs(
            "cdr.in_future",
            "it ends later than it was received",
            "end",
            f"by {received_at:%Y-%m-%dT%H:%M:%SZ}",
            f"{cdr.end:%Y-%m-%dT%H:%M:%SZ}",
        )
    if latest is not None and received_at - cdr.end > latest:
        yield differs(
            "cdr.late",
            "it came later than was agreed",
            "end",
            f"within {latest.days} d {latest.seconds} s",
            f"after {(received_at - cdr.end).days} d",
        )


def hours_of(cdr: Cdr, dimension: VolumeDimension) -> Decimal | None:
    """The sum that the charging periods state, in hours; None where none of them does."""
    stated = [volume for period in cdr.charging_periods if (volume := period.volume(dimension)) is not None]
    return sum(stated, Decimal(0)) if stated else None


def _durations(cdr: Cdr, *, time_costs: bool) -> Iterator[Finding]:
    lasted = _seconds(cdr.end - cdr.start)
    if cdr.end >= cdr.start and abs(cdr.total_time_h * 3600 - lasted) > _ROUNDED_HOURS_S:
        yield differs(
            "cdr.total_time_differs",
            "the total time is not that from start to end",
            "total_time",
            _hours(lasted),
            cdr.total_time_h,
            blocks=time_costs,
        )
    parked = hours_of(cdr, VolumeDimension.PARKING_TIME) or Decimal(0)
    stated = cdr.total_parking_time_h
    if stated is not None and abs(stated - parked) * 3600 > _ROUNDED_HOURS_S:
        yield differs(
            "cdr.parking_time_differs",
            "the parking time is not the sum of that of the charging periods",
            "total_parking_time",
            parked,
            stated,
            blocks=time_costs,
        )


def _seconds(duration: timedelta) -> Decimal:
    return Decimal(duration // timedelta(microseconds=1)) / 1_000_000


def _hours(seconds: Decimal) -> Decimal:
    return round_to(Fraction(seconds) / 3600, 4)
