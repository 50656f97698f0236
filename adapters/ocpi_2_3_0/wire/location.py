"""Location and its parking places, where they differ from 2.2.1 (2.3.0 locations).

Of a parking place: weights in kg, lengths in cm, the time limit in minutes.
"""

from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import Many, Some, WireModel
from adapters.ocpi.wire.scalars import Boolean, Number
from adapters.ocpi.wire.texts import CiString, String
from adapters.ocpi.wire.words import Open, Word
from adapters.ocpi_2_2_1.wire import location as before
from adapters.ocpi_2_2_1.wire.location_words import Facility, ParkingType
from adapters.ocpi_2_3_0.wire.energy import EnergyMix
from adapters.ocpi_2_3_0.wire.evse import EVSE
from adapters.ocpi_2_3_0.wire.location_words import ParkingDirection, VehicleType
from adapters.ocpi_2_3_0.wire.places import BusinessDetails, Image
from adapters.ocpi_2_3_0.wire.token_words import TokenType


class PublishTokenType(before.PublishTokenType):
    type: Annotated[str, Open(TokenType)] | None = None


class Parking(WireModel):
    id: Annotated[str, CiString(36)]
    physical_reference: Annotated[str, String(12)] | None = None
    vehicle_types: Some[Annotated[str, Open(VehicleType)]]
    max_vehicle_weight: Annotated[Decimal, Number()] | None = None
    max_vehicle_height: Annotated[Decimal, Number()] | None = None
    max_vehicle_length: Annotated[Decimal, Number()] | None = None
    max_vehicle_width: Annotated[Decimal, Number()] | None = None
    parking_space_length: Annotated[Decimal, Number()] | None = None
    parking_space_width: Annotated[Decimal, Number()] | None = None
    dangerous_goods_allowed: Annotated[bool, Boolean()] | None = None
    direction: Annotated[str, Word(ParkingDirection)] | None = None
    drive_through: Annotated[bool, Boolean()] | None = None
    restricted_to_type: Annotated[bool, Boolean()]
    reservation_required: Annotated[bool, Boolean()]
    time_limit: Annotated[Decimal, Number()] | None = None
    roofed: Annotated[bool, Boolean()] | None = None
    images: Many[Image] = ()
    lighting: Annotated[bool, Boolean()] | None = None
    refrigeration_outlet: Annotated[bool, Boolean()] | None = None
    standards: Many[Annotated[str, CiString(36)]] = ()
    apds_reference: Annotated[str, CiString(255)] | None = None


class Location(before.Location):
    publish_allowed_to: Many[PublishTokenType] = ()
    parking_type: Annotated[str, Open(ParkingType)] | None = None
    evses: Many[EVSE] = ()
    parking_places: Many[Parking] = ()
    operator: BusinessDetails | None = None
    suboperator: BusinessDetails | None = None
    owner: BusinessDetails | None = None
    facilities: Many[Annotated[str, Open(Facility)]] = ()
    images: Many[Image] = ()
    energy_mix: EnergyMix | None = None
    help_phone: Annotated[str, CiString(25)] | None = None
