"""The endpoints of OCPI 2.1.1 that we serve, on both sides."""

from collections.abc import Mapping
from typing import Final

from adapters.contract import Operation
from adapters.ocpi import endpoints
from adapters.ocpi.endpoints import Wire
from adapters.ocpi_2_1_1 import wire

_ORDERS: Final[Mapping[Operation, Wire]] = {
    Operation.RESERVE_NOW: wire.ReserveNow,
    Operation.START_SESSION: wire.StartSession,
    Operation.STOP_SESSION: wire.StopSession,
    Operation.UNLOCK_CONNECTOR: wire.UnlockConnector,
}

ENDPOINTS: Final = (
    *endpoints.credentials(wire.Credentials),
    *endpoints.locations(wire.Location, wire.EVSE, wire.Connector),
    *endpoints.tariffs(wire.Tariff, patched=True),
    *endpoints.tokens(wire.Token, wire.LocationReferences, wire.AuthorizationInfo),
    *endpoints.sessions(wire.Session),
    *endpoints.cdrs(wire.CDR),
    *endpoints.commands(_ORDERS, wire.CommandResponse, wire.CommandResponse),
)
