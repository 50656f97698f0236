"""Location."""

from collections.abc import Iterator
from typing import Final

from adapters.contract import Parties
from adapters.document import Json, Path
from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_1_1.number import NUMBER
from adapters.ocpi_2_1_1.to_canonical.energy import energy_mix
from adapters.ocpi_2_1_1.to_canonical.evse import evse
from adapters.ocpi_2_1_1.to_canonical.unlisted import unlisted
from adapters.ocpi_2_1_1.wire import location as wire
from adapters.ocpi_2_1_1.wire.location_words import Facility, LocationType
from adapters.ocpi_2_2_1.to_canonical.hours import opening_times
from adapters.ocpi_2_2_1.to_canonical.places import business, display_texts, geo_point, images, related_point
from canonical.location import Location

PARKING_TYPES: Final = frozenset(LocationType) - {LocationType.OTHER, LocationType.UNKNOWN}
"""Types of a location that later versions have as well, as types of its parking."""


def location(source: wire.Location, parties: Parties) -> Location:
    """The operator's, and published: this version tells of no others. An empty postal code is none."""
    return Location(
        owner=parties.cpo,
        id=source.id,
        publish=True,
        name=source.name,
        address=source.address,
        city=source.city,
        postal_code=source.postal_code or None,
        country=source.country,
        coordinates=geo_point(source.coordinates),
        related_locations=tuple(related_point(each) for each in source.related_locations),
        parking_type=source.type if source.type in PARKING_TYPES else None,
        evses=tuple(evse(each) for each in source.evses),
        directions=display_texts(source.directions),
        operator=business(source.operator),
        suboperator=business(source.suboperator),
        site_owner=business(source.owner),
        facilities=source.facilities,
        time_zone=source.time_zone,
        opening_times=opening_times(source.opening_times),
        charging_when_closed=source.charging_when_closed,
        images=images(source.images),
        energy_mix=energy_mix(source.energy_mix),
        last_updated=source.last_updated,
        extensions=extensions(source, _own(source), NUMBER),
    )


def _own(source: wire.Location) -> Iterator[tuple[Path, Json]]:
    if source.type not in PARKING_TYPES and source.type != LocationType.UNKNOWN:
        yield ("type",), source.type
    yield from unlisted("facilities", source.facilities, Facility)
