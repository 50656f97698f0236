"""Location and its parking places."""

from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi_2_2_1.from_canonical import location as before
from adapters.ocpi_2_2_1.from_canonical.places import images
from adapters.ocpi_2_3_0.from_canonical.evse import evse
from canonical.location import Location, ParkingPlace


def location(source: Location) -> Document:
    written = before.location_of(source, [evse(each) for each in source.evses])
    places = [_parking(each) for each in source.parking_places]
    return {**written, **fields(parking_places=places, help_phone=source.help_phone)}


def _parking(source: ParkingPlace) -> Document:
    return fields(
        id=source.id,
        physical_reference=source.physical_reference,
        vehicle_types=list(source.vehicle_types),
        max_vehicle_weight=source.max_vehicle_weight_kg,
        max_vehicle_height=source.max_vehicle_height_cm,
        max_vehicle_length=source.max_vehicle_length_cm,
        max_vehicle_width=source.max_vehicle_width_cm,
        parking_space_length=source.parking_space_length_cm,
        parking_space_width=source.parking_space_width_cm,
        dangerous_goods_allowed=source.dangerous_goods_allowed,
        direction=source.direction,
        drive_through=source.drive_through,
        restricted_to_type=source.restricted_to_type,
        reservation_required=source.reservation_required,
        time_limit=source.time_limit_min,
        roofed=source.roofed,
        images=images(source.images),
        lighting=source.lighting,
        refrigeration_outlet=source.refrigeration_outlet,
        standards=list(source.standards),
        apds_reference=source.apds_reference,
    )
