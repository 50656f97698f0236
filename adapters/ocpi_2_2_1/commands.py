"""Which orders OCPI 2.2.1 knows, and how each of them, its answer and its result stand on the wire."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.ocpi.family import Family, family
from adapters.ocpi.unwrapped import unwrapped
from adapters.ocpi.version import CommandShape
from adapters.ocpi_2_2_1 import wire
from adapters.ocpi_2_2_1.from_canonical import charging_profiles as profiles_out
from adapters.ocpi_2_2_1.from_canonical import commands as commands_out
from adapters.ocpi_2_2_1.to_canonical import charging_profiles as profiles_in
from adapters.ocpi_2_2_1.to_canonical import commands as commands_in
from canonical.command import Command, CommandKind, CommandResponse, CommandResult

_ORDERS: Final[Mapping[CommandKind, Family[Command]]] = {
    CommandKind.CANCEL_RESERVATION: family(
        Command, wire.CancelReservation, commands_in.cancel_reservation, commands_out.cancel_reservation
    ),
    CommandKind.RESERVE_NOW: family(Command, wire.ReserveNow, commands_in.reserve_now, commands_out.reserve_now),
    CommandKind.START_SESSION: family(
        Command, wire.StartSession, commands_in.start_session, commands_out.start_session
    ),
    CommandKind.STOP_SESSION: family(Command, wire.StopSession, commands_in.stop_session, commands_out.stop_session),
    CommandKind.UNLOCK_CONNECTOR: family(
        Command, wire.UnlockConnector, commands_in.unlock_connector, commands_out.unlock_connector
    ),
}
_RESPONSE: Final = family(
    CommandResponse, wire.CommandResponse, commands_in.command_response, commands_out.command_response
)
_RESULT: Final = family(CommandResult, wire.CommandResult, commands_in.command_result, commands_out.command_result)

_PROFILE_ORDERS: Final[Mapping[CommandKind, Family[Command]]] = {
    CommandKind.SET_CHARGING_PROFILE: family(
        Command, wire.SetChargingProfile, profiles_in.set_profile, profiles_out.set_profile
    ),
    CommandKind.CLEAR_CHARGING_PROFILE: family(
        Command, wire.ClearProfileQuery, profiles_in.clear_profile, profiles_out.clear_profile
    ),
    CommandKind.GET_ACTIVE_CHARGING_PROFILE: family(
        Command, wire.ActiveChargingProfileQuery, profiles_in.get_active_profile, profiles_out.get_active_profile
    ),
}
_PROFILE_RESPONSE: Final = family(
    CommandResponse, wire.ChargingProfileResponse, profiles_in.response, profiles_out.response
)
_PROFILE_RESULTS: Final[Mapping[CommandKind, Family[CommandResult]]] = {
    CommandKind.SET_CHARGING_PROFILE: family(
        CommandResult, wire.ChargingProfileResult, profiles_in.result, profiles_out.result
    ),
    CommandKind.CLEAR_CHARGING_PROFILE: family(
        CommandResult, wire.ClearProfileResult, profiles_in.clear_result, profiles_out.result
    ),
    CommandKind.GET_ACTIVE_CHARGING_PROFILE: family(
        CommandResult, wire.ActiveChargingProfileResult, profiles_in.active_result, profiles_out.active_result
    ),
}

COMMANDS: Final[Mapping[CommandKind, CommandShape]] = MappingProxyType(
    {
        **{kind: CommandShape(order, _RESPONSE, unwrapped(_RESULT)) for kind, order in _ORDERS.items()},
        **{
            kind: CommandShape(order, _PROFILE_RESPONSE, unwrapped(_PROFILE_RESULTS[kind]))
            for kind, order in _PROFILE_ORDERS.items()
        },
    }
)
