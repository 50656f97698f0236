"""Sessions (OCPI 2.2.1 sessions): the store takes every update, the session's process hears of its states only."""

from api.errors import UnknownObject
from api.ocpi import written
from api.ocpi.call import Answer, Call
from api.ocpi.freshness import is_stale
from api.ocpi.ownership import check_body, object_in_path
from api.ocpi.paging import PageRequest
from api.wake import wake
from canonical.session import Session
from canonical.store import BILLED_SESSIONS, PARTYS_SESSIONS, SESSIONS, Driver, note_begun


async def list_sessions(call: Call) -> Answer:
    """Our sessions whose tokens are this partner's; another partner's drivers are none of its business."""
    asked = PageRequest.of_call(call, needs_since=True)
    return await written.page_of_party(call, BILLED_SESSIONS, PARTYS_SESSIONS, asked)


async def get_session(call: Call) -> Answer:
    name = object_in_path(call, "session_id")
    data = await written.one(call, SESSIONS, call.connection.id, name)
    if data is None:
        raise UnknownObject(f"session_id: {name.id} is not known")
    return Answer(data=data)


async def put_session(call: Call) -> Answer:
    in_path = object_in_path(call, "session_id")
    session = call.adapter.read(Session, call.body, call.parties).value
    check_body(call, in_path, session.object_id)
    async with call.services.store.transaction() as unit:
        unit.keyring.expect(Driver.of(session.token))
        seen = await unit.sessions.see(session.object_id, source=call.connection.id)
        outcome = await unit.sessions.put_over(seen, session, source=call.connection.id)
        if outcome.applied:
            await note_begun(unit, call.connection.id, outcome.before, session)
    if outcome.applied:
        await _tell(call, outcome.before, session)
    return _answer(session, http_status=201 if outcome.created else 200)


async def patch_session(call: Call) -> Answer:
    name = object_in_path(call, "session_id")
    async with call.services.store.transaction() as unit:
        seen = await unit.sessions.see(name, source=call.connection.id)
        before = seen.value
        if before is None:
            raise UnknownObject(f"session_id: {name.id} is not known")
        after = call.adapter.patch(before, call.body, call.parties).value
        check_body(call, name, after.object_id)
        fresh = not is_stale(before, after)
        if fresh:
            await unit.sessions.put_over(seen, after, source=call.connection.id)
            await note_begun(unit, call.connection.id, before, after)
    if fresh:
        await _tell(call, before, after)
    return _answer(after)


async def _tell(call: Call, before: Session | None, after: Session) -> None:
    """Wake the session's process when there is something new to know: that it exists, or its status."""
    signals, connection, name = call.services.signals, call.connection, after.object_id
    if before is None and not after.status.is_final:
        started = signals.session_started(name, connection.id, call.our_side, after.status)
        await wake(started, f"session_started {name}")
    elif before is None or before.status is not after.status:
        changed = signals.session_changed(name, connection.id, call.our_side, after.status)
        await wake(changed, f"session_changed {name}")


def _answer(session: Session, http_status: int = 200) -> Answer:
    """The end of a session is evidence: what it says is what the CDR has to say."""
    return Answer(
        http_status=http_status,
        object_key=session.object_id.key,
        keep=session.status.is_final,
        driver=Driver.of(session.token),
    )
