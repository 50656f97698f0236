"""Location (2.1.1 locations)."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireEntity
from adapters.ocpi.wire.scalars import Boolean, DateTime
from adapters.ocpi.wire.texts import ALPHA_3, String
from adapters.ocpi.wire.words import Word
from adapters.ocpi_2_1_1.wire.evse import EVSE
from adapters.ocpi_2_1_1.wire.identifiers import Id
from adapters.ocpi_2_1_1.wire.location_words import Facility, LocationType
from adapters.ocpi_2_1_1.wire.places import AdditionalGeoLocation, BusinessDetails, EnergyMix, GeoLocation, Image
from adapters.ocpi_2_2_1.wire.hours import Hours
from adapters.ocpi_2_2_1.wire.places import DisplayText


class Location(WireEntity):
    id: Annotated[str, Id(39)]
    type: Annotated[str, Word(LocationType)]
    name: Annotated[str, String(255)] | None = None
    address: Annotated[str, String(45)]
    city: Annotated[str, String(45)]
    postal_code: Annotated[str, String(10)]
    country: Annotated[str, ALPHA_3]
    coordinates: GeoLocation
    related_locations: Many[AdditionalGeoLocation] = ()
    evses: Many[EVSE] = ()
    directions: Many[DisplayText] = ()
    operator: BusinessDetails | None = None
    suboperator: BusinessDetails | None = None
    owner: BusinessDetails | None = None
    facilities: Many[Annotated[str, Word(Facility)]] = ()
    time_zone: Annotated[str, String(255)] | None = None
    opening_times: Hours | None = None
    charging_when_closed: Annotated[bool, Boolean()] | None = None
    images: Many[Image] = ()
    energy_mix: EnergyMix | None = None
    last_updated: Annotated[datetime, DateTime()]
