"""The words of OCPI 2.3.0 locations that 2.2.1 does not have."""

from enum import StrEnum
from typing import Final

from adapters.ocpi.wire.words import with_more
from adapters.ocpi_2_2_1.wire import location_words as before

ConnectorType: Final = with_more(before.ConnectorType, "MCS", "SAE_J3400", module=__name__)
ParkingRestriction: Final = with_more(before.ParkingRestriction, "EMPLOYEES", "TAXIS", "TENANTS", module=__name__)


class ConnectorCapability(StrEnum):
    ISO_15118_2_PLUG_AND_CHARGE = "ISO_15118_2_PLUG_AND_CHARGE"
    ISO_15118_20_PLUG_AND_CHARGE = "ISO_15118_20_PLUG_AND_CHARGE"


class EVSEPosition(StrEnum):
    LEFT = "LEFT"
    RIGHT = "RIGHT"
    CENTER = "CENTER"


class ParkingDirection(StrEnum):
    PARALLEL = "PARALLEL"
    PERPENDICULAR = "PERPENDICULAR"
    ANGLE = "ANGLE"


class VehicleType(StrEnum):
    MOTORCYCLE = "MOTORCYCLE"
    PERSONAL_VEHICLE = "PERSONAL_VEHICLE"
    PERSONAL_VEHICLE_WITH_TRAILER = "PERSONAL_VEHICLE_WITH_TRAILER"
    VAN = "VAN"
    SEMI_TRACTOR = "SEMI_TRACTOR"
    RIGID = "RIGID"
    TRUCK_WITH_TRAILER = "TRUCK_WITH_TRAILER"
    BUS = "BUS"
    DISABLED = "DISABLED"
