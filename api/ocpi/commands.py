"""Commands (OCPI 2.2.1 commands): what providers order at our charge points, and the results of what we ordered.

An order is judged by what we know, stored, and answered at once; our charging backend carries it out, and its word
goes to the address that came with the order. An order that comes again is the same order, with the same answer.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

from activities.partner_link import check_reply_address
from adapters.contract import UnsafeUrl
from api.errors import InvalidInput, UnknownObject
from api.ocpi.call import Answer, Call
from api.ocpi.ownership import check_owner, is_for
from api.wake import wake
from canonical.command import (
    Command,
    CommandAnswer,
    CommandKind,
    CommandRecord,
    CommandResponse,
    CommandResult,
    CommandState,
)
from canonical.event import EventKind
from canonical.identity import ObjectId, PartyId
from canonical.location import Evse, Location
from canonical.model import DisplayText
from canonical.session import Session
from canonical.store import NotFound, UnitOfWork, conclude, event_of, tell_result

_SECURITY = logging.getLogger("roamwork.security")
_PARAMETER: Final = 2001
_LOCATION: Final = 2003
_REMOTE: Final = "REMOTE_START_STOP_CAPABLE"
_CONNECTOR_REQUIRED: Final = "START_SESSION_CONNECTOR_REQUIRED"
_ADMITTED_AFTER: Final = timedelta(minutes=15)
"""A token that came with an order opens a session for so long after it (OCPI 2.2.1 commands, StartSession)."""

_REPEAT_WITHIN: Final = timedelta(minutes=5)
"""The same order, with the same address for its result, is a repeat for so long after its result."""

_NO_MORE_RESULTS: Final = frozenset({CommandState.REFUSED})


@dataclass(frozen=True)
class Judgement:
    """Our first answer. `status_code` is OCPI's, where the order names what is not there.

    `session` is the one of ours that the order is about.
    """

    answer: CommandAnswer = CommandAnswer.ACCEPTED
    reason: str = ""
    status_code: int = 1000
    session: ObjectId | None = None


Judge = Callable[[Call, UnitOfWork, Command], Awaitable[Judgement]]


async def post_command(call: Call) -> Answer:
    """One of the five orders, named by its endpoint."""
    kind = CommandKind(call.endpoint.operation.name)
    command = call.adapter.read_command(kind, call.body, call.parties).value
    if command.token is not None:
        await check_owner(call, command.token.owner)
    return await take(call, command, _judge)


async def take(call: Call, command: Command, judge: Judge) -> Answer:
    """Judge an order and store it, or find it stored; answer, and have it looked after. Raises InvalidInput."""
    reply_to = command.reply_to
    if reply_to is None:
        raise InvalidInput.of("response_url", "is required")
    try:
        check_reply_address(call.connection, reply_to)
    except UnsafeUrl as refusal:
        _SECURITY.warning("connection %s wanted a result at a foreign address: %s", call.connection.id, refusal)
        raise InvalidInput.of("response_url", f"is not on a host of this connection: {refusal}") from None
    now = call.services.clock()
    async with call.services.store.transaction() as unit:
        record = await unit.commands.repeated(call.connection.id, command, since=now - _REPEAT_WITHIN)
        status_code = 1000
        if record is None:
            judgement = await judge(call, unit, command)
            status_code = judgement.status_code
            record = await _stored(call, unit, command, judgement)
    if record.state is CommandState.ACCEPTED:
        wait_s = max((record.due_at - now).total_seconds(), 0.0)
        signals = call.services.signals
        await wake(signals.command(record.id, call.connection.id, ours=False, wait_s=wait_s), f"command {record.id}")
    response = record.response or CommandResponse(answer=CommandAnswer.REJECTED)
    return Answer(
        data=call.adapter.write_response(command.kind, response),
        status_code=status_code,
        message=_text(response) or "Success",
    )


async def command_result(call: Call) -> Answer:
    """The result of an order of ours. The first word counts; a later one is kept beside it."""
    record = await _ours(call)
    result = call.adapter.read_result(record.command.kind, call.body).value
    async with call.services.store.transaction() as unit:
        record = await unit.commands.get(record.id, lock=True)
        if record.state in _NO_MORE_RESULTS:
            raise UnknownObject("no result is awaited here")
        first = await conclude(unit, record, result, call.services.clock())
        if not first and result != record.result:
            late = await unit.commands.add_afterword(record.id, result, tell=False)
            if late:
                await tell_result(unit, record, result, late=True)
        await _keep_profile(call, unit, record, result)
    if first:
        signals = call.services.signals
        await wake(
            signals.command_concluded(record.id, call.connection.id, ours=True), f"command_concluded {record.id}"
        )
    return Answer()


async def _ours(call: Call) -> CommandRecord:
    """The order behind an address that we gave out; to everybody but the partner who got it there is none."""
    async with call.services.store.transaction() as unit:
        try:
            record = await unit.commands.get(call.segment("reference"))
        except NotFound:
            raise UnknownObject("no result is awaited here") from None
    elsewhere = record.connection_id != call.connection.id or not record.ours
    if elsewhere or call.segment("command").upper() != record.command.kind.value:
        raise UnknownObject("no result is awaited here")
    if record.party is not None and not is_for(call, record.party):
        _SECURITY.warning("connection %s, as %s, told a result of %s", call.connection.id, call.requester, record.party)
        raise UnknownObject("no result is awaited here")
    return record


async def _keep_profile(call: Call, unit: UnitOfWork, record: CommandRecord, result: CommandResult) -> None:
    """The profile that was asked for is the newest that is known of its session."""
    if result.profile is None or record.command.session_id is None or record.party is None:
        return
    session = ObjectId(owner=record.party, id=record.command.session_id)
    await unit.smart_charging.put_active(session, result.profile, call.services.clock(), source=call.connection.id)


async def _stored(call: Call, unit: UnitOfWork, command: Command, judgement: Judgement) -> CommandRecord:
    accepted = judgement.answer is CommandAnswer.ACCEPTED
    now, timeout = call.services.clock(), call.services.command_timeout_s
    due_at = now + timedelta(seconds=timeout)
    record = CommandRecord(
        id=str(uuid4()),
        connection_id=call.connection.id,
        party=_party(call),
        ours=False,
        command=command.model_copy(update={"reply_to": None}),
        state=CommandState.ACCEPTED if accepted else CommandState.REFUSED,
        given_at=now,
        due_at=due_at,
        response=CommandResponse(
            answer=judgement.answer,
            timeout_s=timeout if accepted else 0,
            messages=(DisplayText(language="en", text=judgement.reason),) if judgement.reason else (),
        ),
        note=judgement.reason,
    )
    admits_until = max(due_at + _ADMITTED_AFTER, command.expires or due_at)
    await unit.commands.add(
        record,
        reply_to=command.reply_to,
        session=judgement.session,
        admits_until=admits_until if accepted and command.kind.admits else None,
    )
    if accepted:
        kind = event_of(command.kind, EventKind.COMMAND_REQUESTED, EventKind.CHARGING_PROFILE_REQUESTED)
        await unit.events.add(kind, record.id, call.connection.id, record)
    return record


async def _judge(call: Call, unit: UnitOfWork, command: Command) -> Judgement:
    match command.kind:
        case CommandKind.STOP_SESSION:
            return await _stop(call, unit, command)
        case CommandKind.CANCEL_RESERVATION:
            return await _cancel(call, unit, command)
        case CommandKind.START_SESSION:
            return _refused_token(command) or await _at_place(call, unit, command, _REMOTE)
        case CommandKind.RESERVE_NOW:
            return (
                _refused_token(command) or _expired(call, command) or await _at_place(call, unit, command, "RESERVABLE")
            )
        case _:
            return await _at_place(call, unit, command, "UNLOCK_CAPABLE")


async def is_for_requester(call: Call, unit: UnitOfWork, session: Session) -> bool:
    """Whether a session of ours is billed over this connection; behind a hub, whether its token is the requester's."""
    context = await unit.sessions.context(session.object_id)
    if context is None or context.connection_id != call.connection.id:
        return False
    behind_hub = call.connection.hub is not None and call.requester is not None
    return not behind_hub or (call.requester or session.owner).key == session.token.issuer_party.key


def _party(call: Call) -> PartyId | None:
    """Who gives the order."""
    return call.requester or call.connection.partner_party(call.our_side)


def _refused_token(command: Command) -> Judgement | None:
    if command.token is None or command.token.valid:
        return None
    return Judgement(CommandAnswer.REJECTED, "the token is not valid")


def _expired(call: Call, command: Command) -> Judgement | None:
    if command.expires is None or command.expires > call.services.clock():
        return None
    return Judgement(CommandAnswer.REJECTED, "expiry_date is in the past")


async def _at_place(call: Call, unit: UnitOfWork, command: Command, capability: str) -> Judgement:
    """An order for a charge point: that it is ours, and can do it. Without an EVSE one of the location's is enough."""
    location = await _location(call, unit, command.location_id)
    if location is None:
        return _nowhere("location_id", command.location_id)
    evses = location.evses
    if command.evse_uid is not None:
        evse = location.evse(command.evse_uid)
        if evse is None:
            return _nowhere("evse_uid", command.evse_uid)
        evses = (evse,)
    if command.connector_id is not None and not any(e.connector(command.connector_id) for e in evses):
        return _nowhere("connector_id", command.connector_id)
    able = [evse for evse in evses if capability in evse.capabilities]
    if not able:
        return Judgement(CommandAnswer.NOT_SUPPORTED, f"{capability} is no capability here")
    if command.kind is CommandKind.START_SESSION and command.connector_id is None and _needs_connector(able):
        return Judgement(CommandAnswer.REJECTED, "connector_id: is required by this EVSE", _PARAMETER)
    return Judgement()


def _needs_connector(evses: list[Evse]) -> bool:
    return all(_CONNECTOR_REQUIRED in evse.capabilities for evse in evses)


def _nowhere(name: str, value: str | None) -> Judgement:
    return Judgement(CommandAnswer.REJECTED, f"{name}: {value} is not known", _LOCATION)


async def _location(call: Call, unit: UnitOfWork, location_id: str | None) -> Location | None:
    if location_id is None:
        return None
    return await unit.locations.get(ObjectId(owner=call.connection.our_party, id=location_id))


async def _stop(call: Call, unit: UnitOfWork, command: Command) -> Judgement:
    """A session with another provider's token is unknown to this one: a REJECTED would tell that it exists."""
    name = ObjectId(owner=call.connection.our_party, id=command.session_id or "")
    session = await unit.sessions.get(name)
    if session is None or not await is_for_requester(call, unit, session):
        return Judgement(CommandAnswer.UNKNOWN_SESSION, "this session is not known")
    if session.status.is_final:
        return Judgement(CommandAnswer.REJECTED, "this session has ended", session=name)
    location = await _location(call, unit, session.location_id)
    evse = location.evse(session.evse_uid) if location is not None and session.evse_uid is not None else None
    if evse is not None and _REMOTE not in evse.capabilities:
        return Judgement(CommandAnswer.NOT_SUPPORTED, f"{_REMOTE} is no capability here", session=name)
    return Judgement(session=name)


async def _cancel(call: Call, unit: UnitOfWork, command: Command) -> Judgement:
    known = await unit.commands.has_reservation(call.connection.id, _party(call), command.reservation_id or "")
    if not known:
        return Judgement(CommandAnswer.REJECTED, "reservation_id: this reservation is not known")
    return Judgement()


def _text(response: CommandResponse) -> str:
    return "; ".join(message.text for message in response.messages)
