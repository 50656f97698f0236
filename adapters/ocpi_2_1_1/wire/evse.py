"""EVSE and connector (2.1.1 locations)."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import Many, Some, WireEntity
from adapters.ocpi.wire.scalars import DateTime, Whole
from adapters.ocpi.wire.texts import URL, String
from adapters.ocpi.wire.words import Word
from adapters.ocpi_2_1_1.wire.identifiers import Id
from adapters.ocpi_2_1_1.wire.location_words import Capability, ConnectorType, PowerType
from adapters.ocpi_2_1_1.wire.places import GeoLocation, Image
from adapters.ocpi_2_2_1.wire.evse import StatusSchedule
from adapters.ocpi_2_2_1.wire.location_words import ConnectorFormat, ParkingRestriction, Status
from adapters.ocpi_2_2_1.wire.places import DisplayText


class Connector(WireEntity):
    id: Annotated[str, Id(36)]
    standard: Annotated[str, Word(ConnectorType)]
    format: Annotated[str, Word(ConnectorFormat)]
    power_type: Annotated[str, Word(PowerType)]
    voltage: Annotated[int, Whole()]
    amperage: Annotated[int, Whole()]
    tariff_id: Annotated[str, Id(36)] | None = None
    terms_and_conditions: Annotated[str, URL] | None = None
    last_updated: Annotated[datetime, DateTime()]


class EVSE(WireEntity):
    uid: Annotated[str, Id(39)]
    evse_id: Annotated[str, Id(48)] | None = None
    status: Annotated[str, Word(Status, closed_in_canon=True)]
    status_schedule: Many[StatusSchedule] = ()
    capabilities: Many[Annotated[str, Word(Capability)]] = ()
    connectors: Some[Connector]
    floor_level: Annotated[str, String(4)] | None = None
    coordinates: GeoLocation | None = None
    physical_reference: Annotated[str, String(16)] | None = None
    directions: Many[DisplayText] = ()
    parking_restrictions: Many[Annotated[str, Word(ParkingRestriction)]] = ()
    images: Many[Image] = ()
    last_updated: Annotated[datetime, DateTime()]
