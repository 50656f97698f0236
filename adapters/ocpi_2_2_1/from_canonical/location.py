"""Location."""

from collections.abc import Sequence

from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from adapters.ocpi_2_2_1.from_canonical.energy import energy_mix
from adapters.ocpi_2_2_1.from_canonical.evse import evse
from adapters.ocpi_2_2_1.from_canonical.hours import hours
from adapters.ocpi_2_2_1.from_canonical.places import (
    business,
    display_texts,
    geo_location,
    images,
    related_point,
)
from canonical.location import Location, PublishTo


def location(source: Location) -> Document:
    return location_of(source, [evse(each) for each in source.evses])


def location_of(source: Location, evses: Sequence[Document]) -> Document:
    """With EVSEs that the version has written."""
    return fields(
        source.extensions,
        country_code=source.owner.country_code,
        party_id=source.owner.party_id,
        id=source.id,
        publish=source.publish,
        publish_allowed_to=[_publish_token_type(each) for each in source.publish_allowed_to],
        name=source.name,
        address=source.address,
        city=source.city,
        postal_code=source.postal_code,
        state=source.state,
        country=source.country,
        coordinates=geo_location(source.coordinates),
        related_locations=[related_point(each) for each in source.related_locations],
        parking_type=source.parking_type,
        evses=list(evses),
        directions=display_texts(source.directions),
        operator=business(source.operator),
        suboperator=business(source.suboperator),
        owner=business(source.site_owner),
        facilities=list(source.facilities),
        time_zone=source.time_zone,
        opening_times=hours(source.opening_times),
        charging_when_closed=source.charging_when_closed,
        images=images(source.images),
        energy_mix=energy_mix(source.energy_mix),
        last_updated=instant(source.last_updated),
    )


def _publish_token_type(source: PublishTo) -> Document:
    return fields(
        uid=source.uid,
        type=source.type,
        visual_number=source.visual_number,
        issuer=source.issuer,
        group_id=source.group_id,
    )
