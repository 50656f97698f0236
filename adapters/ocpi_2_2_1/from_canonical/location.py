"""Location."""

from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from adapters.ocpi_2_2_1.from_canonical.energy import energy_mix
from adapters.ocpi_2_2_1.from_canonical.evse import evse
from adapters.ocpi_2_2_1.from_canonical.places import (
    business,
    display_texts,
    geo_location,
    images,
    related_point,
)
from canonical.location import ExceptionalPeriod, Location, OpeningTimes, PublishTo


def location(source: Location) -> Document:
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
        evses=[evse(each) for each in source.evses],
        directions=display_texts(source.directions),
        operator=business(source.operator),
        suboperator=business(source.suboperator),
        owner=business(source.site_owner),
        facilities=list(source.facilities),
        time_zone=source.time_zone,
        opening_times=_hours(source.opening_times),
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


def _hours(source: OpeningTimes | None) -> Document | None:
    if source is None:
        return None
    return fields(
        twentyfourseven=source.twentyfourseven,
        regular_hours=[
            fields(weekday=day.weekday, period_begin=day.period_begin, period_end=day.period_end)
            for day in source.regular_hours
        ],
        exceptional_openings=[_exceptional(period) for period in source.exceptional_openings],
        exceptional_closings=[_exceptional(period) for period in source.exceptional_closings],
    )


def _exceptional(source: ExceptionalPeriod) -> Document:
    return fields(period_begin=instant(source.period_begin), period_end=instant(source.period_end))
