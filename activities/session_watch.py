"""Look after a session of which nothing is heard: what the store knows, what the operator says, what a person is told.

OCPI has no rule on how often an operator speaks of a session, and no way to ask for one session of its own: its list
is asked for what has changed since the session was last heard of. What it says is stored as if it had been pushed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.cases import close_cases, open_case
from activities.failures import partner_conversation
from activities.resources import Resources
from activities.resync import Cursor, ResyncActivities
from adapters.contract import Interface, Module
from canonical.cdr import Cdr
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import Session, SessionStatus
from canonical.store import SessionPatience, UnitOfWork, Watch
from canonical.store.session_watch import word_for

CDR_EXPECTED_WITHIN: Final = SessionPatience().cdr_within
"""How long after a session's end its CDR is not called late."""

LOOKS_IN_VAIN: Final = 3
"""After so many looks that learnt nothing a session is called silent, and a person is told."""

ASKED_FOR: Final = timedelta(days=2)
"""The session of an older CDR is not asked for: such CDRs are pulled by the thousand when a partner is new."""

MOST_PAGES: Final = 10
"""So much of an operator's list is read in one look."""

SILENT: Final = "session-silent"
NEVER_ENDED: Final = "session-never-ended"
CDR_MISSING: Final = "cdr-missing"
"""Kinds of cases, each about one session."""

_CLOCKS: Final = timedelta(hours=1)
"""By so much clocks may differ."""


@dataclass(frozen=True)
class LookOrder:
    """`cdr_key`: a CDR of the session that is here already."""

    session_key: str
    connection_id: str
    side: Side
    cdr_key: str | None = None


@dataclass(frozen=True)
class Looked:
    """What is known of the session now: its status, its CDR, and the words for a person."""

    state: str
    waiting_for: str
    next_action: str = "nothing to do"
    attention: bool = False
    deadline: datetime | None = None
    status: SessionStatus | None = None
    cdr_key: str | None = None
    came_to_nothing: bool = False
    """It ended without any use, and no CDR is waited for any longer; one that comes is checked all the same."""


@dataclass(frozen=True)
class _Known:
    """What the store knows."""

    session: Session | None
    watch: Watch | None
    cdr_key: str | None


class SessionWatchActivities:
    def __init__(self, resources: Resources, resync: ResyncActivities) -> None:
        self._resources = resources
        self._resync = resync

    @activity.defn(name="session-look")
    async def look(self, order: LookOrder) -> Looked:
        """See what the store knows; ask the operator where that is not enough; open a case where a person has to know.

        By session. Repeated or cut off: asked again, which changes nothing; the same matter opens the same case.
        """
        async with partner_conversation():
            before = await self._known(order)
            answer = await self._asked(order, before)
            known = before if answer is None else await self._known(order)
            async with self._resources.store.transaction() as work:
                found = await self._found(work, order, known, answer)
                if known.watch is not None:
                    await work.session_watch.note(
                        _name(order), source=_source(order), at=self._resources.clock(), attention=found.attention
                    )
        return found

    @activity.defn(name="session-cdr-here")
    async def cdr_here(self, order: LookOrder) -> str | None:
        """The CDR of a partner's session, if it came before the session's end did. Reads, and changes nothing."""
        async with self._resources.store.transaction() as work:
            return await work.session_watch.cdr_of(_name(order), order.connection_id)

    @activity.defn(name="session-settle")
    async def settle(self, order: LookOrder) -> None:
        """Close the cases of a session that has come to its end after all. By session; repeated: nothing more."""
        now = self._resources.clock()
        async with self._resources.store.transaction() as work:
            for kind in (SILENT, NEVER_ENDED, CDR_MISSING):
                await close_cases(work, self._resources, kind, order.session_key, "the session has come to its end")
            await work.session_watch.note(_name(order), source=_source(order), at=now, attention=False)

    async def _known(self, order: LookOrder) -> _Known:
        name, source = _name(order), _source(order)
        async with self._resources.store.transaction() as work:
            cdr_key = order.cdr_key
            if cdr_key is None and order.side is Side.EMSP:
                cdr_key = await work.session_watch.cdr_of(name, order.connection_id)
            return _Known(
                session=await work.sessions.get(name, source=source),
                watch=await work.session_watch.watch(name, source=source),
                cdr_key=cdr_key,
            )

    async def _asked(self, order: LookOrder, known: _Known) -> str | None:
        """What the operator said to our question, in words; None: there was nothing to ask."""
        question = await self._question(order, known)
        if question is None:
            return None
        module, since = question
        async with self._resources.store.transaction() as work:
            connection = await work.connections.get(order.connection_id)
        if connection.endpoint(module, Interface.SENDER) is None:
            return f"it offers no list of {module} to ask"
        cursor = Cursor(order.connection_id, module.value, since=since)
        try:
            for _ in range(MOST_PAGES):
                page = await self._resync.pull_page(cursor)
                if page.next_url is None:
                    break
                cursor = replace(cursor, url=page.next_url)
        except ApplicationError as failure:
            return f"asked, it did not answer: {failure}"
        return f"asked, its list of {module} says nothing new"

    async def _question(self, order: LookOrder, known: _Known) -> tuple[Module, datetime] | None:
        """What to ask the operator for: a list, and since when."""
        session, now, patience = known.session, self._resources.clock(), self._resources.session_patience
        if order.side is Side.CPO:
            return None
        if session is None:
            cdr = await self._cdr(order, known.cdr_key)
            return (Module.SESSIONS, cdr.start) if cdr and cdr.end > now - ASKED_FOR else None
        if known.cdr_key is not None:
            return None
        if session.status is SessionStatus.COMPLETED:
            late = _is_late(session, now, patience)
            return (Module.CDRS, (session.end or session.last_updated) - _CLOCKS) if late else None
        silent = not session.status.is_final and _is_silent(known, now, patience)
        return (Module.SESSIONS, session.last_updated) if silent else None

    async def _cdr(self, order: LookOrder, cdr_key: str | None) -> Cdr | None:
        if cdr_key is None:
            return None
        async with self._resources.store.transaction() as work:
            name = ObjectId.parse(cdr_key)
            stored = await work.cdrs.get(name, connection_id=order.connection_id, ours=False)
        return stored.dossier.cdr if stored else None

    async def _found(self, work: UnitOfWork, order: LookOrder, known: _Known, answer: str | None) -> Looked:
        session, resources = known.session, self._resources
        now, patience = resources.clock(), resources.session_patience
        if session is None:
            return Looked("PLANNED", f"the operator to tell of the session; {answer or 'it has not'}")
        found = Looked(word_for(session.status), "", status=session.status, cdr_key=known.cdr_key)
        whose = "our charging backend" if order.side is Side.CPO else "the operator"
        if session.status.is_final or known.cdr_key is not None:
            if order.side is Side.CPO or known.cdr_key is not None or session.status is SessionStatus.INVALID:
                return replace(found, waiting_for="what comes with its end")
            if not _is_late(session, now, patience):
                deadline = session.last_updated + patience.cdr_within
                return replace(found, waiting_for="the operator's CDR", deadline=deadline)
            if session.came_to_nothing:
                return replace(found, waiting_for="nothing", came_to_nothing=True)
            ended = session.end or session.last_updated
            text = f"{order.connection_id} has sent no CDR for session {order.session_key}, which ended {_at(ended)}"
            await open_case(work, resources, CDR_MISSING, order.session_key, text)
            return replace(
                found,
                state="CDR_OVERDUE",
                waiting_for=f"the operator's CDR, which is late; {answer}",
                next_action="ask the operator for it; there is an open case",
                attention=True,
            )
        if _is_endless(session, now, patience):
            text = f"session {order.session_key} on {order.connection_id} began {_at(session.start)} and has not ended"
            await open_case(work, resources, NEVER_ENDED, order.session_key, text)
            return replace(
                found,
                state="OVERDUE",
                waiting_for=f"{whose} to end a session that began {_at(session.start)}",
                next_action="have it ended, or declared invalid; there is an open case",
                attention=True,
            )
        if known.watch is None or not _is_silent(known, now, patience):
            await close_cases(work, resources, SILENT, order.session_key, "the session was heard of again")
            return replace(found, waiting_for=f"{whose} to say that the session has ended")
        silence = f"{whose} to tell of the session, which was last heard of {_at(known.watch.heard_at)}"
        if known.watch.looks < LOOKS_IN_VAIN:
            return replace(found, waiting_for=f"{silence}; {answer or 'it is looked after again'}")
        if order.side is Side.CPO:
            text = f"nothing was heard of our session {order.session_key} since {_at(known.watch.heard_at)}"
            await open_case(work, resources, SILENT, order.session_key, text)
        return replace(
            found,
            state="SILENT",
            waiting_for=f"{silence}; {answer or 'it is looked after again'}",
            next_action="find out whether it still goes on",
            attention=True,
        )


def _name(order: LookOrder) -> ObjectId:
    return ObjectId.parse(order.session_key)


def _source(order: LookOrder) -> str:
    """Whose copy of the session it is: our own, or that which the operator sent."""
    return "" if order.side is Side.CPO else order.connection_id


def _is_silent(known: _Known, now: datetime, patience: SessionPatience) -> bool:
    return known.watch is not None and known.watch.heard_at < now - patience.silent_after


def _is_endless(session: Session, now: datetime, patience: SessionPatience) -> bool:
    return session.status is not SessionStatus.RESERVATION and session.start < now - patience.endless_after


def _is_late(session: Session, now: datetime, patience: SessionPatience) -> bool:
    return session.last_updated < now - patience.cdr_within


def _at(moment: datetime) -> str:
    return f"on {moment:%Y-%m-%d at %H:%M} UTC"
