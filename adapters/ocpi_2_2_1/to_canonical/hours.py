"""When a site is open."""

from adapters.ocpi_2_2_1.wire import hours as wire
from canonical.location import ExceptionalPeriod, OpeningTimes, RegularHours


def opening_times(source: wire.Hours | None) -> OpeningTimes | None:
    if source is None:
        return None
    return OpeningTimes(
        twentyfourseven=source.twentyfourseven,
        regular_hours=tuple(
            RegularHours(weekday=day.weekday, period_begin=day.period_begin, period_end=day.period_end)
            for day in source.regular_hours
        ),
        exceptional_openings=tuple(_exceptional(period) for period in source.exceptional_openings),
        exceptional_closings=tuple(_exceptional(period) for period in source.exceptional_closings),
    )


def _exceptional(source: wire.ExceptionalPeriod) -> ExceptionalPeriod:
    return ExceptionalPeriod(period_begin=source.period_begin, period_end=source.period_end)
