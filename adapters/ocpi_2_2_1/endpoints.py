"""The endpoints of OCPI 2.2.1 that we serve, on both sides."""

from collections.abc import Mapping
from typing import Final

from adapters.contract import Endpoint, Module, Operation
from adapters.ocpi import endpoints
from adapters.ocpi.endpoints import PARTY, RECEIVER, REPLY, SENDER, Wire
from adapters.ocpi_2_2_1 import wire

_ORDERS: Final[Mapping[Operation, Wire]] = {
    Operation.CANCEL_RESERVATION: wire.CancelReservation,
    Operation.RESERVE_NOW: wire.ReserveNow,
    Operation.START_SESSION: wire.StartSession,
    Operation.STOP_SESSION: wire.StopSession,
    Operation.UNLOCK_CONNECTOR: wire.UnlockConnector,
}

_PROFILES, _PROFILE = Module.CHARGING_PROFILES, "/{session_id}"
_GET, _SET = Operation.GET_ACTIVE_CHARGING_PROFILE, Operation.SET_CHARGING_PROFILE
_CLEAR, _PUSH = Operation.CLEAR_CHARGING_PROFILE, Operation.PUT_ACTIVE_CHARGING_PROFILE
_CHARGING_PROFILES: Final = (
    Endpoint(_PROFILES, RECEIVER, "GET", _PROFILE, _GET, None, wire.ChargingProfileResponse),
    Endpoint(_PROFILES, RECEIVER, "PUT", _PROFILE, _SET, wire.SetChargingProfile, wire.ChargingProfileResponse),
    Endpoint(_PROFILES, RECEIVER, "DELETE", _PROFILE, _CLEAR, None, wire.ChargingProfileResponse),
    Endpoint(_PROFILES, SENDER, "PUT", _PROFILE, _PUSH, wire.ActiveChargingProfile),
    # Which of the three results comes here, the command in the path tells.
    Endpoint(_PROFILES, SENDER, "POST", REPLY, Operation.CHARGING_PROFILE_RESULT),
)

_HUB_CLIENTS: Final = (
    Endpoint(Module.HUB_CLIENT_INFO, RECEIVER, "GET", PARTY, Operation.GET_HUB_CLIENT, None, wire.ClientInfo),
    Endpoint(Module.HUB_CLIENT_INFO, RECEIVER, "PUT", PARTY, Operation.PUT_HUB_CLIENT, wire.ClientInfo),
)

ENDPOINTS: Final = (
    *endpoints.credentials(wire.Credentials),
    *endpoints.locations(wire.Location, wire.EVSE, wire.Connector),
    *endpoints.tariffs(wire.Tariff),
    *endpoints.tokens(wire.Token, wire.LocationReferences, wire.AuthorizationInfo),
    *endpoints.sessions(wire.Session, wire.ChargingPreferences),
    *endpoints.cdrs(wire.CDR),
    *endpoints.commands(_ORDERS, wire.CommandResponse, wire.CommandResult),
    *_CHARGING_PROFILES,
    *_HUB_CLIENTS,
)
