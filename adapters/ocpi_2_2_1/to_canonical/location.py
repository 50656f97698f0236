"""Location."""

from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_2_1.to_canonical.energy import energy_mix
from adapters.ocpi_2_2_1.to_canonical.evse import evse
from adapters.ocpi_2_2_1.to_canonical.places import (
    business,
    display_texts,
    geo_point,
    images,
    related_point,
)
from adapters.ocpi_2_2_1.wire import hours as wire_hours
from adapters.ocpi_2_2_1.wire import location as wire
from canonical.identity import PartyId
from canonical.location import ExceptionalPeriod, Location, OpeningTimes, PublishTo, RegularHours


def location(source: wire.Location) -> Location:
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
        evses=tuple(evse(each) for each in source.evses),
        directions=display_texts(source.directions),
        operator=business(source.operator),
        suboperator=business(source.suboperator),
        site_owner=business(source.owner),
        facilities=source.facilities,
        time_zone=source.time_zone,
        opening_times=_opening_times(source.opening_times),
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


def _opening_times(source: wire_hours.Hours | None) -> OpeningTimes | None:
    if source is None:
        return None
    return OpeningTimes(
        twentyfourseven=source.twentyfourseven,
        regular_hours=tuple(
            RegularHours(weekday=day.weekday, period_begin=day.period_begin, period_end=day.period_end)
            for day in source.regular_hours
        ),
        exceptional_openings=tuple(_exceptional(period) for period in source.exceptional_openings),
        exceptional_closings=tuple(_exceptional(period) for period in source.exceptional_closings),
    )


def _exceptional(source: wire_hours.ExceptionalPeriod) -> ExceptionalPeriod:
    return ExceptionalPeriod(period_begin=source.period_begin, period_end=source.period_end)
