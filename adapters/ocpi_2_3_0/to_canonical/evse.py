"""EVSE and connector."""

from adapters.ocpi_2_2_1.to_canonical import evse as before
from adapters.ocpi_2_3_0.wire import evse as wire
from canonical.location import Connector, Evse, ParkingPosition


def connector(source: wire.Connector) -> Connector:
    return before.connector(source).model_copy(update={"capabilities": source.capabilities})


def evse(source: wire.EVSE) -> Evse:
    read = before.evse_of(source, tuple(connector(each) for each in source.connectors))
    added = {"parking": _positions(source), "accepted_service_providers": source.accepted_service_providers}
    return read.model_copy(update=added)


def _positions(source: wire.EVSE) -> tuple[ParkingPosition, ...]:
    return tuple(
        ParkingPosition(parking_id=each.parking_id, evse_position=each.evse_position) for each in source.parking
    )
