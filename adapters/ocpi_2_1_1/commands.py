"""Which orders OCPI 2.1.1 knows, and how each of them, its answer and its result stand on the wire."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.ocpi.family import Family, family, family_between
from adapters.ocpi.unwrapped import unwrapped
from adapters.ocpi.version import CommandShape
from adapters.ocpi_2_1_1 import wire
from adapters.ocpi_2_1_1.from_canonical import commands as commands_out
from adapters.ocpi_2_1_1.to_canonical import commands as commands_in
from adapters.ocpi_2_2_1.from_canonical import commands as same_out
from adapters.ocpi_2_2_1.to_canonical import commands as same_in
from canonical.command import Command, CommandKind, CommandResponse, CommandResult

_ORDERS: Final[Mapping[CommandKind, Family[Command]]] = {
    CommandKind.RESERVE_NOW: family_between(
        Command, wire.ReserveNow, commands_in.reserve_now, commands_out.reserve_now
    ),
    CommandKind.START_SESSION: family_between(
        Command, wire.StartSession, commands_in.start_session, commands_out.start_session
    ),
    CommandKind.STOP_SESSION: family(Command, wire.StopSession, same_in.stop_session, same_out.stop_session),
    CommandKind.UNLOCK_CONNECTOR: family(
        Command, wire.UnlockConnector, same_in.unlock_connector, same_out.unlock_connector
    ),
}
_RESPONSE: Final = family(
    CommandResponse, wire.CommandResponse, commands_in.command_response, commands_out.command_response
)
_RESULT: Final = unwrapped(
    family(CommandResult, wire.CommandResponse, commands_in.command_result, commands_out.command_result)
)

COMMANDS: Final[Mapping[CommandKind, CommandShape]] = MappingProxyType(
    {kind: CommandShape(order, _RESPONSE, _RESULT) for kind, order in _ORDERS.items()}
)
