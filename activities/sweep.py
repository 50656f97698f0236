"""Wake what the store knows to be unattended: the second net under every signal."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from temporalio import activity

from activities.resources import Resources
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import SessionStatus

GRACE = timedelta(seconds=10)
"""A signal that is under way is given this long before the sweep steps in."""


class Wake(Protocol):
    """The part of the signals that the sweep needs."""

    async def session_changed(
        self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus
    ) -> None: ...

    async def cdr_received(self, cdr: ObjectId, session_id: str | None, connection_id: str) -> None: ...

    async def feed(self, connection_id: str) -> None: ...


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


class SweepActivities:
    def __init__(self, resources: Resources, wake: Wake) -> None:
        self._resources = resources
        self._wake = wake

    @activity.defn(name="sweep-wake-unattended")
    async def wake_unattended(self, order: SweepOrder) -> Swept:
        """Signal again for ended sessions without outcome, CDRs without verdict, and outboxes that wait.

        A signal to a workflow that is at work changes nothing but its history, which it lengthens: what a workflow
        has struggled with for long is therefore swept seldom.
        """
        now = self._resources.clock()
        before = now - GRACE
        after = None if order.recent_s is None else now - timedelta(seconds=order.recent_s)
        async with self._resources.store.transaction() as work:
            sessions = await work.sessions.unconcluded(before, after)
            cdrs = await work.cdrs.unchecked(before, after)
            feeds = await work.outbox.neglected(before)
        for session, connection_id in sessions:
            await self._wake.session_changed(session.object_id, connection_id, Side.CPO, session.status)
        for cdr in cdrs:
            record = cdr.dossier.cdr
            await self._wake.cdr_received(record.object_id, record.session_id, cdr.connection_id)
        for connection_id in feeds:
            await self._wake.feed(connection_id)
        return Swept(len(sessions), len(cdrs), len(feeds))
