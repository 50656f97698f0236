"""Commands, where they differ from 2.2.1, and the answers and results of them."""

from adapters.contract import Parties
from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_1_1.to_canonical.token import token
from adapters.ocpi_2_1_1.wire import commands as wire
from canonical.command import Command, CommandAnswer, CommandKind, CommandOutcome, CommandResponse, CommandResult


def reserve_now(source: wire.ReserveNow, parties: Parties) -> Command:
    return Command(
        kind=CommandKind.RESERVE_NOW,
        reply_to=source.response_url,
        token=token(source.token, parties),
        expires=source.expiry_date,
        reservation_id=str(source.reservation_id),
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        extensions=extensions(source),
    )


def start_session(source: wire.StartSession, parties: Parties) -> Command:
    return Command(
        kind=CommandKind.START_SESSION,
        reply_to=source.response_url,
        token=token(source.token, parties),
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        extensions=extensions(source),
    )


def command_response(source: wire.CommandResponse) -> CommandResponse:
    """How long the result may take, this version does not say."""
    return CommandResponse(answer=CommandAnswer(source.result))


def command_result(source: wire.CommandResponse) -> CommandResult:
    return CommandResult(outcome=CommandOutcome(source.result))
