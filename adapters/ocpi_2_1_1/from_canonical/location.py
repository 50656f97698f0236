"""Location."""

from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi_2_1_1.from_canonical.energy import energy_mix
from adapters.ocpi_2_1_1.from_canonical.evse import evse, sayable
from adapters.ocpi_2_1_1.from_canonical.instants import instant
from adapters.ocpi_2_1_1.from_canonical.unsayable import check_sayable
from adapters.ocpi_2_1_1.wire.location_words import Facility, LocationType
from adapters.ocpi_2_2_1.from_canonical.hours import hours
from adapters.ocpi_2_2_1.from_canonical.places import business, display_texts, geo_location, images, related_point
from adapters.ocpi_2_2_1.wire.location_words import ParkingType
from canonical.location import Location


def location(source: Location) -> Document:
    """Raises CannotWrite for one that is not published: whoever reads this version would show it."""
    check_sayable({} if source.publish else {"publish": "in this version every location is public"})
    return place(source)


def place(source: Location) -> Document:
    """The site of a session or a CDR, which may be one that is not published. Without postal code it says so."""
    return fields(
        source.extensions,
        id=source.id,
        type=_type(source.parking_type),
        name=source.name,
        address=source.address,
        city=source.city,
        postal_code=source.postal_code or "",
        country=source.country,
        coordinates=geo_location(source.coordinates),
        related_locations=[related_point(each) for each in source.related_locations],
        evses=[evse(each) for each in source.evses],
        directions=display_texts(source.directions),
        operator=business(source.operator),
        suboperator=business(source.suboperator),
        owner=business(source.site_owner),
        facilities=sayable(source.facilities, Facility),
        time_zone=source.time_zone,
        opening_times=hours(source.opening_times),
        charging_when_closed=source.charging_when_closed,
        images=images(source.images),
        energy_mix=energy_mix(source.energy_mix),
        last_updated=instant(source.last_updated),
    )


def _type(parking_type: str | None) -> str:
    """OTHER for a kind of parking that came with a later version."""
    if parking_type is None:
        return LocationType.UNKNOWN
    return LocationType.OTHER if parking_type in set(ParkingType) - set(LocationType) else parking_type
