"""EVSE and connector."""

from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_1_1.number import NUMBER
from adapters.ocpi_2_1_1.to_canonical.unlisted import unlisted
from adapters.ocpi_2_1_1.wire import evse as wire
from adapters.ocpi_2_1_1.wire.location_words import Capability
from adapters.ocpi_2_2_1.to_canonical.evse import schedule, status
from adapters.ocpi_2_2_1.to_canonical.places import display_texts, geo_point, images
from adapters.ocpi_2_2_1.wire.location_words import ParkingRestriction
from canonical.location import Connector, Evse


def connector(source: wire.Connector) -> Connector:
    return Connector(
        id=source.id,
        standard=source.standard,
        format=source.format,
        power_type=source.power_type,
        max_voltage_v=source.voltage,
        max_amperage_a=source.amperage,
        tariff_ids=(source.tariff_id,) if source.tariff_id else (),
        terms_and_conditions=source.terms_and_conditions,
        last_updated=source.last_updated,
        extensions=extensions(source),
    )


def evse(source: wire.EVSE) -> Evse:
    own = (
        *unlisted("capabilities", source.capabilities, Capability),
        *unlisted("parking_restrictions", source.parking_restrictions, ParkingRestriction),
    )
    return Evse(
        uid=source.uid,
        evse_id=source.evse_id,
        status=status(source.status),
        status_schedule=tuple(schedule(entry) for entry in source.status_schedule),
        capabilities=source.capabilities,
        connectors=tuple(connector(each) for each in source.connectors),
        floor_level=source.floor_level,
        coordinates=geo_point(source.coordinates) if source.coordinates else None,
        physical_reference=source.physical_reference,
        directions=display_texts(source.directions),
        parking_restrictions=source.parking_restrictions,
        images=images(source.images),
        last_updated=source.last_updated,
        extensions=extensions(source, own, NUMBER),
    )
