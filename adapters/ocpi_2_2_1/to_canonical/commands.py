"""Commands, and the answers and results of them."""

from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_2_1.to_canonical.places import display_texts
from adapters.ocpi_2_2_1.to_canonical.token import token
from adapters.ocpi_2_2_1.wire import commands as wire
from canonical.command import Command, CommandAnswer, CommandKind, CommandOutcome, CommandResponse, CommandResult


def cancel_reservation(source: wire.CancelReservation) -> Command:
    return Command(
        kind=CommandKind.CANCEL_RESERVATION,
        reply_to=source.response_url,
        reservation_id=source.reservation_id,
        extensions=extensions(source),
    )


def reserve_now(source: wire.ReserveNow) -> Command:
    return Command(
        kind=CommandKind.RESERVE_NOW,
        reply_to=source.response_url,
        token=token(source.token),
        expires=source.expiry_date,
        reservation_id=source.reservation_id,
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        authorization_reference=source.authorization_reference,
        extensions=extensions(source),
    )


def start_session(source: wire.StartSession) -> Command:
    return Command(
        kind=CommandKind.START_SESSION,
        reply_to=source.response_url,
        token=token(source.token),
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        connector_id=source.connector_id,
        authorization_reference=source.authorization_reference,
        extensions=extensions(source),
    )


def stop_session(source: wire.StopSession) -> Command:
    return Command(
        kind=CommandKind.STOP_SESSION,
        reply_to=source.response_url,
        session_id=source.session_id,
        extensions=extensions(source),
    )


def unlock_connector(source: wire.UnlockConnector) -> Command:
    return Command(
        kind=CommandKind.UNLOCK_CONNECTOR,
        reply_to=source.response_url,
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        connector_id=source.connector_id,
        extensions=extensions(source),
    )


def command_response(source: wire.CommandResponse) -> CommandResponse:
    return CommandResponse(
        answer=CommandAnswer(source.result), timeout_s=source.timeout, messages=display_texts(source.message)
    )


def command_result(source: wire.CommandResult) -> CommandResult:
    return CommandResult(outcome=CommandOutcome(source.result), messages=display_texts(source.message))
