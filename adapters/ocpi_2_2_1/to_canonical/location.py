"""Location."""

from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_2_1.to_canonical.energy import energy_mix
from adapters.ocpi_2_2_1.to_canonical.evse import evse
from adapters.ocpi_2_2_1.to_canonical.hours import opening_times
from adapters.ocpi_2_2_1.to_canonical.places import (
    business,
    display_texts,
    geo_point,
    images,
    related_point,
)
from adapters.ocpi_2_2_1.wire import location as wire
from canonical.identity import PartyId
from canonical.location import Evse, Location, PublishTo


def location(source: wire.Location) -> Location:
    return location_of(source, tuple(evse(each) for each in source.evses))


def location_of(source: wire.Location, evses: tuple[Evse, ...]) -> Location:
    """With EVSEs that the version has read."""
    return Location(
        owner=PartyId(country_code=source.country_code, party_id=source.party_id),
        id=source.id,
        publish=source.publish,
        publish_allowed_to=tuple(_publish_to(each) for each in source.publish_allowed_to),
        name=source.name,
        address=source.address,
        city=source.city,
        postal_code=source.postal_code,
        state=source.state,
        country=source.country,
        coordinates=geo_point(source.coordinates),
        related_locations=tuple(related_point(each) for each in source.related_locations),
        parking_type=source.parking_type,
        evses=evses,
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
        extensions=extensions(source),
    )


def _publish_to(source: wire.PublishTokenType) -> PublishTo:
    return PublishTo(
        uid=source.uid,
        type=source.type,
        visual_number=source.visual_number,
        issuer=source.issuer,
        group_id=source.group_id,
    )
