"""When a site is open."""

from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from canonical.location import ExceptionalPeriod, OpeningTimes


def hours(source: OpeningTimes | None) -> Document | None:
    if source is None:
        return None
    return fields(
        twentyfourseven=source.twentyfourseven,
        regular_hours=[
            fields(weekday=day.weekday, period_begin=day.period_begin, period_end=day.period_end)
            for day in source.regular_hours
        ],
        exceptional_openings=[_exceptional(period) for period in source.exceptional_openings],
        exceptional_closings=[_exceptional(period) for period in source.exceptional_closings],
    )


def _exceptional(source: ExceptionalPeriod) -> Document:
    return fields(period_begin=instant(source.period_begin), period_end=instant(source.period_end))
