"""Wake what the store knows to be unattended: the second net under every signal."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from temporalio import activity

from activities.resources import Resources
from adapters.contract import Module
from canonical.identity import ObjectId
from canonical.partner import LinkState, Side
from canonical.session import Session, SessionStatus
from canonical.store import OutboxAction
from canonical.store.events import kind_of_session_change

GRACE = timedelta(seconds=10)
"""A signal that is under way is given this long before the sweep steps in."""

PENDING_FOR = timedelta(days=1)
"""How long one of our sessions may be PENDING, by the word that came last: a driver who was to come does not any more.

Generous, for a vehicle may be plugged in at night and be charged in the morning; nobody waits for it the day after.
"""


class Wake(Protocol):
    """The part of the signals that the sweep needs."""

    async def session_changed(
        self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus
    ) -> None: ...

    async def look(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None: ...

    async def delivery_due(self, cdr: ObjectId, connection_id: str) -> None: ...

    async def cdr_received(self, cdr: ObjectId, session_id: str | None, connection_id: str) -> None: ...

    async def feed(self, connection_id: str) -> None: ...

    async def command(self, command_id: str, connection_id: str, *, ours: bool, wait_s: float = 0.0) -> None: ...

    async def deliver(self, webhook_id: str) -> None: ...

    async def renew(self, connection_id: str) -> None: ...

    async def arrange(self, connection_id: str, state: LinkState) -> None: ...


@dataclass(frozen=True)
class SweepOrder:
    """Look at what was left in the last `recent_s` seconds; None: at everything."""

    recent_s: int | None = None


@dataclass(frozen=True)
class Swept:
    """How many of each had nobody to look after them."""

    sessions: int
    cdrs: int
    feeds: int
    commands: int = 0
    webhooks: int = 0
    invalid: int = 0
    """Sessions that had been PENDING for too long, and were declared invalid."""
    looks: int = 0
    """Sessions of which too little was heard, or that have lasted for too long."""


class SweepActivities:
    def __init__(self, resources: Resources, wake: Wake) -> None:
        self._resources = resources
        self._wake = wake

    @activity.defn(name="sweep-wake-unattended")
    async def wake_unattended(self, order: SweepOrder) -> Swept:
        """Signal again for ended sessions without outcome, CDRs without verdict, CDRs that can be delivered, outboxes
        that wait, and commands whose time has passed.

        A signal to a workflow that is at work changes nothing but its history, which it lengthens: what a workflow
        has struggled with for long is therefore swept seldom. A look at everything also sees to it that each partner
        is pulled from by plan, that no session is PENDING for ever, and that silent ones are looked after.
        """
        now = self._resources.clock()
        before = now - GRACE
        after = None if order.recent_s is None else now - timedelta(seconds=order.recent_s)
        async with self._resources.store.transaction() as work:
            sessions = await work.sessions.unconcluded(before, after)
            cdrs = await work.cdrs.unchecked(before, after)
            undelivered = await work.undelivered.due(before)
            feeds = await work.outbox.neglected(GRACE)
            commands = await work.commands.unattended(before, after)
            webhooks = await work.webhooks.behind(before, failing=after is None)
            connections = await work.connections.list() if after is None else ()
        for session, connection_id in sessions:
            await self._wake.session_changed(session.object_id, connection_id, Side.CPO, session.status)
        for cdr in cdrs:
            name, session_id = cdr.dossier.cdr.object_id, cdr.dossier.handles.session_id
            await self._wake.cdr_received(name, session_id, cdr.connection_id)
        for name, connection_id in undelivered:
            await self._wake.delivery_due(name, connection_id)
        for connection_id in feeds:
            await self._wake.feed(connection_id)
        for command in commands:
            await self._wake.command(command.id, command.connection_id, ours=command.ours)
        for webhook_id in webhooks:
            await self._wake.deliver(webhook_id)
        for connection in connections:
            await self._wake.arrange(connection.id, connection.state)
        invalid = await self._end_pending(now) if after is None else 0
        looks = await self._look_after(now) if after is None else 0
        waking = (len(sessions), len(cdrs) + len(undelivered), len(feeds), len(commands), len(webhooks))
        return Swept(*waking, invalid, looks)

    async def _look_after(self, now: datetime) -> int:
        """Have silent, endless and unbilled sessions looked after: each at most once in a period, by session.

        Cut off between the note and the signal: looked after a period later.
        """
        async with self._resources.store.transaction() as work:
            found = await work.session_watch.claim(now, self._resources.session_patience)
        for each in found:
            side = Side.CPO if each.ours else Side.EMSP
            await self._wake.look(each.session, each.connection_id, side, each.status)
        return len(found)

    async def _end_pending(self, now: datetime) -> int:
        """Declare invalid what never began; what has energy in it is left to its backend. By session: once."""
        async with self._resources.store.transaction() as work:
            found = await work.sessions.long_pending(now - PENDING_FOR)
        ended = [each for each in found if await self._ended(*each, now)]
        for session, connection_id in ended:
            await self._wake.session_changed(session.object_id, connection_id, Side.CPO, SessionStatus.INVALID)
            await self._wake.feed(connection_id)
        return len(ended)

    async def _ended(self, seen: Session, connection_id: str, now: datetime) -> bool:
        async with self._resources.store.transaction() as work:
            session = await work.sessions.held(seen.object_id)
            if session is None or session != seen or session.energy_kwh:
                return False  # it has moved meanwhile, or there is something to bill
            newest = max(now, session.last_updated)
            invalid = session.model_copy(
                update={"status": SessionStatus.INVALID, "end": max(now, session.start), "last_updated": newest}
            )
            await work.sessions.put(invalid, held=session)
            key = session.object_id.key
            await work.outbox.add(connection_id, Module.SESSIONS.value, key, OutboxAction.PUT)
            await work.events.add(kind_of_session_change(session, invalid), key, connection_id, invalid)
        return True
