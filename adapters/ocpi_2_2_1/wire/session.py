"""Session, and what it shares with the CDR (2.2.1 sessions, cdrs)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from adapters.ocpi.wire.model import Many, Some, WireEntity, WireModel
from adapters.ocpi.wire.scalars import Boolean, DateTime, Number
from adapters.ocpi.wire.texts import CURRENCY, CiString, CountryCode, PartyCode, String
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_2_1.wire.cdr_words import AuthMethod, CdrDimensionType
from adapters.ocpi_2_2_1.wire.places import Price
from adapters.ocpi_2_2_1.wire.session_words import ProfileType, SessionStatus
from adapters.ocpi_2_2_1.wire.token_words import TokenType

P = TypeVar("P", bound=WireModel)


class CdrToken(WireModel):
    country_code: Annotated[str, CountryCode(2)]
    party_id: Annotated[str, PartyCode(3)]
    uid: Annotated[str, CiString(36)]
    type: Annotated[str, Closed(TokenType)]
    contract_id: Annotated[str, CiString(36)]


class CdrDimension(WireModel):
    type: Annotated[str, Closed(CdrDimensionType)]
    volume: Annotated[Decimal, Number()]


class ChargingPeriod(WireModel):
    start_date_time: Annotated[datetime, DateTime()]
    dimensions: Some[CdrDimension]
    tariff_id: Annotated[str, CiString(36)] | None = None


class SessionOf(WireEntity, Generic[P]):
    """A session, with costs in the version's form of a price."""

    country_code: Annotated[str, CountryCode(2)]
    party_id: Annotated[str, PartyCode(3)]
    id: Annotated[str, CiString(36)]
    start_date_time: Annotated[datetime, DateTime()]
    end_date_time: Annotated[datetime, DateTime()] | None = None
    kwh: Annotated[Decimal, Number()]
    cdr_token: CdrToken
    auth_method: Annotated[str, Closed(AuthMethod)]
    authorization_reference: Annotated[str, CiString(36)] | None = None
    location_id: Annotated[str, CiString(36)]
    evse_uid: Annotated[str, CiString(36)]
    connector_id: Annotated[str, CiString(36)]
    meter_id: Annotated[str, String(255)] | None = None
    currency: Annotated[str, CURRENCY]
    charging_periods: Many[ChargingPeriod] = ()
    total_cost: P | None = None
    status: Annotated[str, Closed(SessionStatus)]
    last_updated: Annotated[datetime, DateTime()]


class Session(SessionOf[Price]):
    """A session of this version."""


class ChargingPreferences(WireModel):
    profile_type: Annotated[str, Closed(ProfileType)]
    departure_time: Annotated[datetime, DateTime()] | None = None
    energy_need: Annotated[Decimal, Number()] | None = None
    discharge_allowed: Annotated[bool, Boolean()] | None = None
