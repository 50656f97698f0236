"""EVSE and connector, where they differ from 2.2.1 (2.3.0 locations)."""

from typing import Annotated

from adapters.ocpi.wire.model import Many, Some, WireModel
from adapters.ocpi.wire.texts import CiString, String
from adapters.ocpi.wire.words import Open, Word
from adapters.ocpi_2_2_1.wire import evse as before
from adapters.ocpi_2_2_1.wire.location_words import Capability
from adapters.ocpi_2_3_0.wire.location_words import (
    ConnectorCapability,
    ConnectorType,
    EVSEPosition,
    ParkingRestriction,
)
from adapters.ocpi_2_3_0.wire.places import Image


class Connector(before.Connector):
    standard: Annotated[str, Open(ConnectorType)]
    capabilities: Many[Annotated[str, Open(ConnectorCapability)]] = ()


class EVSEParking(WireModel):
    parking_id: Annotated[str, CiString(36)]
    evse_position: Annotated[str, Word(EVSEPosition)] | None = None


class EVSE(before.EVSE):
    capabilities: Many[Annotated[str, Open(Capability)]] = ()
    connectors: Some[Connector]
    parking_restrictions: Many[Annotated[str, Open(ParkingRestriction)]] = ()
    parking: Many[EVSEParking] = ()
    images: Many[Image] = ()
    accepted_service_providers: Many[Annotated[str, String(50)]] = ()
