"""EVSE and connector (2.2.1 locations)."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import Many, Some, WireEntity, WireModel
from adapters.ocpi.wire.scalars import DateTime, Whole
from adapters.ocpi.wire.texts import URL, CiString, String
from adapters.ocpi.wire.words import Word
from adapters.ocpi_2_2_1.wire.location_words import (
    Capability,
    ConnectorFormat,
    ConnectorType,
    ParkingRestriction,
    PowerType,
    Status,
)
from adapters.ocpi_2_2_1.wire.places import DisplayText, GeoLocation, Image


class StatusSchedule(WireModel):
    period_begin: Annotated[datetime, DateTime()]
    period_end: Annotated[datetime, DateTime()] | None = None
    status: Annotated[str, Word(Status, closed_in_canon=True)]


class Connector(WireEntity):
    id: Annotated[str, CiString(36)]
    standard: Annotated[str, Word(ConnectorType)]
    format: Annotated[str, Word(ConnectorFormat)]
    power_type: Annotated[str, Word(PowerType)]
    max_voltage: Annotated[int, Whole()]
    max_amperage: Annotated[int, Whole()]
    max_electric_power: Annotated[int, Whole()] | None = None
    tariff_ids: Many[Annotated[str, CiString(36)]] = ()
    terms_and_conditions: Annotated[str, URL] | None = None
    last_updated: Annotated[datetime, DateTime()]


class EVSE(WireEntity):
    uid: Annotated[str, CiString(36)]
    evse_id: Annotated[str, CiString(48)] | None = None
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
