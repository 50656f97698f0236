"""EVSE and connector."""

from collections.abc import Sequence

from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from adapters.ocpi_2_2_1.from_canonical.places import display_texts, geo_location, images
from canonical.location import Connector, Evse, StatusSchedule


def connector(source: Connector) -> Document:
    return fields(
        source.extensions,
        id=source.id,
        standard=source.standard,
        format=source.format,
        power_type=source.power_type,
        max_voltage=source.max_voltage_v,
        max_amperage=source.max_amperage_a,
        max_electric_power=source.max_electric_power_w,
        tariff_ids=list(source.tariff_ids),
        terms_and_conditions=source.terms_and_conditions,
        last_updated=instant(source.last_updated),
    )


def evse(source: Evse) -> Document:
    return evse_of(source, [connector(each) for each in source.connectors])


def evse_of(source: Evse, connectors: Sequence[Document]) -> Document:
    """With connectors that the version has written."""
    return fields(
        source.extensions,
        uid=source.uid,
        evse_id=source.evse_id,
        status=source.status.value,
        status_schedule=[_schedule(entry) for entry in source.status_schedule],
        capabilities=list(source.capabilities),
        connectors=list(connectors),
        floor_level=source.floor_level,
        coordinates=geo_location(source.coordinates) if source.coordinates else None,
        physical_reference=source.physical_reference,
        directions=display_texts(source.directions),
        parking_restrictions=list(source.parking_restrictions),
        images=images(source.images),
        last_updated=instant(source.last_updated),
    )


def _schedule(source: StatusSchedule) -> Document:
    return fields(
        period_begin=instant(source.period_begin),
        period_end=instant(source.period_end),
        status=source.status.value,
    )
