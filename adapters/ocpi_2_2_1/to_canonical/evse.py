"""EVSE and connector."""

from adapters.ocpi.leftovers import extensions
from adapters.ocpi.wire.words import Word, listed
from adapters.ocpi_2_2_1.to_canonical.places import display_texts, geo_point, images
from adapters.ocpi_2_2_1.wire import evse as wire
from canonical.location import Connector, Evse, EvseStatus, StatusSchedule


def connector(source: wire.Connector) -> Connector:
    return Connector(
        id=source.id,
        standard=source.standard,
        format=source.format,
        power_type=source.power_type,
        max_voltage_v=source.max_voltage,
        max_amperage_a=source.max_amperage,
        max_electric_power_w=source.max_electric_power,
        tariff_ids=source.tariff_ids,
        terms_and_conditions=source.terms_and_conditions,
        last_updated=source.last_updated,
        extensions=extensions(source),
    )


def evse(source: wire.EVSE) -> Evse:
    return evse_of(source, tuple(connector(each) for each in source.connectors))


def evse_of(source: wire.EVSE, connectors: tuple[Connector, ...]) -> Evse:
    """With connectors that the version has read."""
    return Evse(
        uid=source.uid,
        evse_id=source.evse_id,
        status=status(source.status),
        status_schedule=tuple(schedule(entry) for entry in source.status_schedule),
        capabilities=source.capabilities,
        connectors=connectors,
        floor_level=source.floor_level,
        coordinates=geo_point(source.coordinates) if source.coordinates else None,
        physical_reference=source.physical_reference,
        directions=display_texts(source.directions),
        parking_restrictions=source.parking_restrictions,
        images=images(source.images),
        last_updated=source.last_updated,
        extensions=extensions(source),
    )


def status(word: str) -> EvseStatus:
    return EvseStatus(word if word in listed(EvseStatus) else Word.FALLBACK)


def schedule(source: wire.StatusSchedule) -> StatusSchedule:
    return StatusSchedule(period_begin=source.period_begin, period_end=source.period_end, status=status(source.status))
