"""Commands, where they differ from 2.2.1, and their answers and results, which are said in the same few words."""

from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi.wire.words import listed
from adapters.ocpi_2_1_1.from_canonical.instants import instant
from adapters.ocpi_2_1_1.from_canonical.token import token
from adapters.ocpi_2_1_1.from_canonical.unsayable import check_sayable
from adapters.ocpi_2_1_1.wire.command_words import CommandResponseType
from canonical.command import Command, CommandResponse, CommandResult


def reserve_now(source: Command) -> Document:
    """Raises CannotWrite for a reservation whose id is no number: another number would be another reservation."""
    return fields(
        source.extensions,
        response_url=source.reply_to,
        token=token(source.token) if source.token else None,
        expiry_date=instant(source.expires),
        reservation_id=_number(source.reservation_id),
        location_id=source.location_id,
        evse_uid=source.evse_uid,
    )


def start_session(source: Command) -> Document:
    return fields(
        source.extensions,
        response_url=source.reply_to,
        token=token(source.token) if source.token else None,
        location_id=source.location_id,
        evse_uid=source.evse_uid,
    )


def command_response(source: CommandResponse) -> Document:
    return _said(source.answer)


def command_result(source: CommandResult) -> Document:
    return _said(source.outcome)


def _said(word: str) -> Document:
    """Everything that is not in the version's list is some kind of no."""
    return fields(result=word if word in listed(CommandResponseType) else CommandResponseType.REJECTED.value)


def _number(reservation_id: str | None) -> int | None:
    if reservation_id is None:
        return None
    number = int(reservation_id) if reservation_id.isascii() and reservation_id.isdigit() else -1
    wrong = {} if str(number) == reservation_id else {"reservation_id": "must be a whole number in this version"}
    check_sayable(wrong)
    return number
