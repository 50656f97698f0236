"""Commands of OCPI 2.3.0: those of 2.2.1, with this version's tokens in them."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from adapters.ocpi.family import family
from adapters.ocpi.version import CommandShape
from adapters.ocpi_2_2_1 import commands as before
from adapters.ocpi_2_2_1.from_canonical import commands as commands_out
from adapters.ocpi_2_2_1.to_canonical import commands as commands_in
from adapters.ocpi_2_3_0 import wire
from canonical.command import Command, CommandKind

_RESERVE_NOW: Final = family(Command, wire.ReserveNow, commands_in.reserve_now, commands_out.reserve_now)
_START_SESSION: Final = family(Command, wire.StartSession, commands_in.start_session, commands_out.start_session)

COMMANDS: Final[Mapping[CommandKind, CommandShape]] = MappingProxyType(
    {
        **before.COMMANDS,
        CommandKind.RESERVE_NOW: replace(before.COMMANDS[CommandKind.RESERVE_NOW], order=_RESERVE_NOW),
        CommandKind.START_SESSION: replace(before.COMMANDS[CommandKind.START_SESSION], order=_START_SESSION),
    }
)
