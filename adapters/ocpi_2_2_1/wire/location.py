"""Location (2.2.1 locations)."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireEntity, WireModel
from adapters.ocpi.wire.scalars import Boolean, DateTime
from adapters.ocpi.wire.texts import ALPHA_3, CiString, CountryCode, PartyCode, String
from adapters.ocpi.wire.words import Word
from adapters.ocpi_2_2_1.wire.energy import EnergyMix
from adapters.ocpi_2_2_1.wire.evse import EVSE
from adapters.ocpi_2_2_1.wire.hours import Hours
from adapters.ocpi_2_2_1.wire.location_words import Facility, ParkingType
from adapters.ocpi_2_2_1.wire.places import (
    AdditionalGeoLocation,
    BusinessDetails,
    DisplayText,
    GeoLocation,
    Image,
)
from adapters.ocpi_2_2_1.wire.token_words import TokenType


class PublishTokenType(WireModel):
    uid: Annotated[str, CiString(36)] | None = None
    type: Annotated[str, Word(TokenType)] | None = None
    visual_number: Annotated[str, String(64)] | None = None
    issuer: Annotated[str, String(64)] | None = None
    group_id: Annotated[str, CiString(36)] | None = None


class Location(WireEntity):
    country_code: Annotated[str, CountryCode(2)]
    party_id: Annotated[str, PartyCode(3)]
    id: Annotated[str, CiString(36)]
    publish: Annotated[bool, Boolean()]
    publish_allowed_to: Many[PublishTokenType] = ()
    name: Annotated[str, String(255)] | None = None
    address: Annotated[str, String(255)]
    city: Annotated[str, String(45)]
    postal_code: Annotated[str, String(10)] | None = None
    state: Annotated[str, String(45)] | None = None
    country: Annotated[str, ALPHA_3]
    coordinates: GeoLocation
    related_locations: Many[AdditionalGeoLocation] = ()
    parking_type: Annotated[str, Word(ParkingType)] | None = None
    evses: Many[EVSE] = ()
    directions: Many[DisplayText] = ()
    operator: BusinessDetails | None = None
    suboperator: BusinessDetails | None = None
    owner: BusinessDetails | None = None
    facilities: Many[Annotated[str, Word(Facility)]] = ()
    time_zone: Annotated[str, String(255)]
    opening_times: Hours | None = None
    charging_when_closed: Annotated[bool, Boolean()] | None = None
    images: Many[Image] = ()
    energy_mix: EnergyMix | None = None
    last_updated: Annotated[datetime, DateTime()]
