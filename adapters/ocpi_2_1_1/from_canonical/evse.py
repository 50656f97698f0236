"""EVSE and connector."""

from collections.abc import Iterable
from enum import StrEnum

from adapters.document import Document, Json
from adapters.ocpi.fields import fields
from adapters.ocpi.wire.words import listed
from adapters.ocpi_2_1_1.from_canonical.instants import instant
from adapters.ocpi_2_1_1.wire.location_words import Capability
from adapters.ocpi_2_2_1.from_canonical.places import display_texts, geo_location, images
from adapters.ocpi_2_2_1.wire.location_words import ParkingRestriction
from canonical.location import Connector, Evse, StatusSchedule


def connector(source: Connector) -> Document:
    """With one tariff, the first: the version has room for no other, and a tariff has no type in it."""
    return fields(
        source.extensions,
        id=source.id,
        standard=source.standard,
        format=source.format,
        power_type=source.power_type,
        voltage=source.max_voltage_v,
        amperage=source.max_amperage_a,
        tariff_id=next(iter(source.tariff_ids), None),
        terms_and_conditions=source.terms_and_conditions,
        last_updated=instant(source.last_updated),
    )


def evse(source: Evse) -> Document:
    return fields(
        source.extensions,
        uid=source.uid,
        evse_id=source.evse_id,
        status=source.status.value,
        status_schedule=[_schedule(entry) for entry in source.status_schedule],
        capabilities=sayable(source.capabilities, Capability),
        connectors=[connector(each) for each in source.connectors],
        floor_level=source.floor_level,
        coordinates=geo_location(source.coordinates) if source.coordinates else None,
        physical_reference=source.physical_reference,
        directions=display_texts(source.directions),
        parking_restrictions=sayable(source.parking_restrictions, ParkingRestriction),
        images=images(source.images),
        last_updated=instant(source.last_updated),
    )


def sayable(words: Iterable[str], vocabulary: type[StrEnum]) -> list[Json]:
    """The words of a list that the version has: a reader of its closed lists would refuse the object for others."""
    return [word for word in words if word in listed(vocabulary)]


def _schedule(source: StatusSchedule) -> Document:
    return fields(
        period_begin=instant(source.period_begin),
        period_end=instant(source.period_end),
        status=source.status.value,
    )
