"""Session, and what it shares with the CDR (2.1.1 sessions, cdrs). Costs are net, in the session's currency."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import Many, Some, WireEntity, WireModel
from adapters.ocpi.wire.scalars import DateTime, Number
from adapters.ocpi.wire.texts import CURRENCY, String
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_1_1.wire.identifiers import Id
from adapters.ocpi_2_1_1.wire.location import Location
from adapters.ocpi_2_1_1.wire.session_words import AuthMethod, CdrDimensionType, SessionStatus


class CdrDimension(WireModel):
    type: Annotated[str, Closed(CdrDimensionType)]
    volume: Annotated[Decimal, Number()]


class ChargingPeriod(WireModel):
    start_date_time: Annotated[datetime, DateTime()]
    dimensions: Some[CdrDimension]


class Session(WireEntity):
    id: Annotated[str, Id(36)]
    start_datetime: Annotated[datetime, DateTime()]
    end_datetime: Annotated[datetime, DateTime()] | None = None
    kwh: Annotated[Decimal, Number()]
    auth_id: Annotated[str, Id(36)]
    auth_method: Annotated[str, Closed(AuthMethod)]
    location: Location
    meter_id: Annotated[str, String(255)] | None = None
    currency: Annotated[str, CURRENCY]
    charging_periods: Many[ChargingPeriod] = ()
    total_cost: Annotated[Decimal, Number()] | None = None
    status: Annotated[str, Closed(SessionStatus)]
    last_updated: Annotated[datetime, DateTime()]
