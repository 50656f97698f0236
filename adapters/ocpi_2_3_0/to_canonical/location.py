"""Location and its parking places."""

from adapters.ocpi_2_2_1.to_canonical import location as before
from adapters.ocpi_2_2_1.to_canonical.places import images
from adapters.ocpi_2_3_0.to_canonical.evse import evse
from adapters.ocpi_2_3_0.wire import location as wire
from canonical.location import Location, ParkingPlace


def location(source: wire.Location) -> Location:
    read = before.location_of(source, tuple(evse(each) for each in source.evses))
    places = tuple(_parking_place(each) for each in source.parking_places)
    return read.model_copy(update={"parking_places": places, "help_phone": source.help_phone})


def _parking_place(source: wire.Parking) -> ParkingPlace:
    return ParkingPlace(
        id=source.id,
        physical_reference=source.physical_reference,
        vehicle_types=source.vehicle_types,
        max_vehicle_weight_kg=source.max_vehicle_weight,
        max_vehicle_height_cm=source.max_vehicle_height,
        max_vehicle_length_cm=source.max_vehicle_length,
        max_vehicle_width_cm=source.max_vehicle_width,
        parking_space_length_cm=source.parking_space_length,
        parking_space_width_cm=source.parking_space_width,
        dangerous_goods_allowed=source.dangerous_goods_allowed,
        direction=source.direction,
        drive_through=source.drive_through,
        restricted_to_type=source.restricted_to_type,
        reservation_required=source.reservation_required,
        time_limit_min=source.time_limit,
        roofed=source.roofed,
        images=images(source.images),
        lighting=source.lighting,
        refrigeration_outlet=source.refrigeration_outlet,
        standards=source.standards,
        apds_reference=source.apds_reference,
    )
