"""CDR (2.1.1 cdrs). Energy in kWh, times in hours, the cost net and in the CDR's currency."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import Many, Some, WireEntity
from adapters.ocpi.wire.scalars import DateTime, Number
from adapters.ocpi.wire.texts import CURRENCY, CiString, String
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_1_1.wire.identifiers import Id
from adapters.ocpi_2_1_1.wire.location import Location
from adapters.ocpi_2_1_1.wire.session import ChargingPeriod
from adapters.ocpi_2_1_1.wire.session_words import AuthMethod
from adapters.ocpi_2_1_1.wire.tariff import Tariff


class CDR(WireEntity):
    id: Annotated[str, CiString(36)]
    start_date_time: Annotated[datetime, DateTime()]
    stop_date_time: Annotated[datetime, DateTime()]
    auth_id: Annotated[str, Id(36)]
    auth_method: Annotated[str, Closed(AuthMethod)]
    location: Location
    meter_id: Annotated[str, String(255)] | None = None
    currency: Annotated[str, CURRENCY]
    tariffs: Many[Tariff] = ()
    charging_periods: Some[ChargingPeriod]
    total_cost: Annotated[Decimal, Number()]
    total_energy: Annotated[Decimal, Number()]
    total_time: Annotated[Decimal, Number()]
    total_parking_time: Annotated[Decimal, Number()] | None = None
    remark: Annotated[str, String(255)] | None = None
    last_updated: Annotated[datetime, DateTime()]
