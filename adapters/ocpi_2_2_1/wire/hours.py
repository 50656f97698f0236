"""When a site is open (2.2.1 locations, Hours)."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireModel
from adapters.ocpi.wire.scalars import Boolean, DateTime, Whole
from adapters.ocpi.wire.texts import TIME_OF_DAY


class RegularHours(WireModel):
    weekday: Annotated[int, Whole(least=1, most=7)]
    period_begin: Annotated[str, TIME_OF_DAY]
    period_end: Annotated[str, TIME_OF_DAY]


class ExceptionalPeriod(WireModel):
    period_begin: Annotated[datetime, DateTime()]
    period_end: Annotated[datetime, DateTime()]


class Hours(WireModel):
    twentyfourseven: Annotated[bool, Boolean()]
    regular_hours: Many[RegularHours] = ()
    exceptional_openings: Many[ExceptionalPeriod] = ()
    exceptional_closings: Many[ExceptionalPeriod] = ()
