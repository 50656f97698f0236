"""Charging profiles (2.2.1 chargingprofiles). Durations in seconds, limits in W or A per phase."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireEntity, WireModel
from adapters.ocpi.wire.scalars import DateTime, Number, Whole
from adapters.ocpi.wire.texts import URL
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_2_1.wire.charging_profile_words import (
    ChargingProfileResponseType,
    ChargingProfileResultType,
    ChargingRateUnit,
)


class ChargingProfilePeriod(WireModel):
    start_period: Annotated[int, Whole()]
    limit: Annotated[Decimal, Number()]


class ChargingProfile(WireModel):
    start_date_time: Annotated[datetime, DateTime()] | None = None
    duration: Annotated[int, Whole()] | None = None
    charging_rate_unit: Annotated[str, Closed(ChargingRateUnit)]
    min_charging_rate: Annotated[Decimal, Number()] | None = None
    charging_profile_period: Many[ChargingProfilePeriod] = ()


class ActiveChargingProfile(WireModel):
    start_date_time: Annotated[datetime, DateTime()]
    charging_profile: ChargingProfile


class SetChargingProfile(WireEntity):
    charging_profile: ChargingProfile
    response_url: Annotated[str, URL]


class ActiveChargingProfileQuery(WireModel):
    """The query of the request for the active profile, read like a body."""

    duration: Annotated[int, Whole()]
    response_url: Annotated[str, URL]


class ClearProfileQuery(WireModel):
    """The query of the request to clear a profile, read like a body."""

    response_url: Annotated[str, URL]


class ChargingProfileResponse(WireModel):
    result: Annotated[str, Closed(ChargingProfileResponseType)]
    timeout: Annotated[int, Whole()]


class ChargingProfileResult(WireModel):
    result: Annotated[str, Closed(ChargingProfileResultType)]


class ActiveChargingProfileResult(WireModel):
    result: Annotated[str, Closed(ChargingProfileResultType)]
    profile: ActiveChargingProfile | None = None


class ClearProfileResult(WireModel):
    result: Annotated[str, Closed(ChargingProfileResultType)]
