"""Commands, and the answers and results of them. What this version has no word for is said by the nearest one."""

from collections.abc import Mapping
from typing import Final

from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from adapters.ocpi_2_2_1.from_canonical.places import display_texts
from adapters.ocpi_2_2_1.from_canonical.token import token
from canonical.command import Command, CommandAnswer, CommandOutcome, CommandResponse, CommandResult

_ANSWERS: Final[Mapping[CommandAnswer, CommandAnswer]] = {
    CommandAnswer.TIMEOUT: CommandAnswer.REJECTED,
    CommandAnswer.TOO_OFTEN: CommandAnswer.REJECTED,
}
_OUTCOMES: Final[Mapping[CommandOutcome, CommandOutcome]] = {
    CommandOutcome.UNKNOWN: CommandOutcome.FAILED,
    CommandOutcome.UNKNOWN_SESSION: CommandOutcome.REJECTED,
}


def cancel_reservation(source: Command) -> Document:
    return fields(source.extensions, response_url=source.reply_to, reservation_id=source.reservation_id)


def reserve_now(source: Command) -> Document:
    return fields(
        source.extensions,
        response_url=source.reply_to,
        token=token(source.token) if source.token else None,
        expiry_date=instant(source.expires),
        reservation_id=source.reservation_id,
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        authorization_reference=source.authorization_reference,
    )


def start_session(source: Command) -> Document:
    return fields(
        source.extensions,
        response_url=source.reply_to,
        token=token(source.token) if source.token else None,
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        connector_id=source.connector_id,
        authorization_reference=source.authorization_reference,
    )


def stop_session(source: Command) -> Document:
    return fields(source.extensions, response_url=source.reply_to, session_id=source.session_id)


def unlock_connector(source: Command) -> Document:
    return fields(
        source.extensions,
        response_url=source.reply_to,
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        connector_id=source.connector_id,
    )


def command_response(source: CommandResponse) -> Document:
    """Nothing is to be waited for after a refusal: its timeout, which the version demands, is 0."""
    return fields(
        result=_ANSWERS.get(source.answer, source.answer).value,
        timeout=source.timeout_s or 0,
        message=display_texts(source.messages),
    )


def command_result(source: CommandResult) -> Document:
    return fields(result=_OUTCOMES.get(source.outcome, source.outcome).value, message=display_texts(source.messages))
