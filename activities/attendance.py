"""Stay at a partner's outbox for a while: what is added meanwhile is told without a workflow being woken.

A session's readings come one by one, and to wake a workflow for each would cost a hundred times what the reading
does. So whoever has emptied an outbox stays, looks again, and leaves only when nothing has come for a while. As long
as it is known to be there, or sure to be tried again, nobody is woken.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from canonical.store import Store


@dataclass(frozen=True)
class Patience:
    """How long somebody stays, and how often it looks."""

    look_every: timedelta = timedelta(seconds=0.5)
    idle: timedelta = timedelta(seconds=30)
    """So long without an entry, and it leaves: to stay costs no more by then than to be woken once."""
    shift: timedelta = timedelta(minutes=5)
    """So long at most: then another one takes over, perhaps in another process."""
    return_within: timedelta = timedelta(minutes=6)
    """When Temporal has tried again at the latest, if it is cut off or the partner is down."""
    commit: timedelta = timedelta(seconds=1)
    """How long a transaction of the api takes at most, as far as nobody is to be woken for what it has added."""


AT_ONCE = Patience(timedelta(), timedelta(), timedelta(), timedelta(minutes=6), timedelta())
"""Empties the outbox once and leaves."""


async def attend(store: Store, connection_id: str, empty: Callable[[], Awaitable[bool]], patience: Patience) -> int:
    """Empty the outbox again and again until the shift or the work is over; returns how much waits then.

    `empty` tells what is due; False when the partner is told nothing any more. Raises what `empty` raises: then the
    connection stays attended, because Temporal tries again. Where it does not, the sweep finds what waits when
    `return_within` is over.
    """
    clock = asyncio.get_running_loop().time
    ends = clock() + patience.shift.total_seconds()
    async with store.transaction() as work:
        await work.outbox.attend(connection_id, patience.return_within)
    may_go_on, last = await empty(), clock()
    while may_go_on and clock() < min(ends, last + patience.idle.total_seconds()):
        if await _asked_to_end(patience.look_every):
            break
        async with store.transaction() as work:
            due = await work.outbox.is_due(connection_id)
        if due:
            may_go_on, last = await empty(), clock()
    async with store.transaction() as work:
        await work.outbox.leave(connection_id)
    await _asked_to_end(patience.commit)
    async with store.transaction() as work:
        return await work.outbox.waiting(connection_id)


async def _asked_to_end(within: timedelta) -> bool:
    """Pause; True as soon as the worker has to end, so that another one can take over."""
    with suppress(TimeoutError):
        await asyncio.wait_for(activity.wait_for_worker_shutdown(), within.total_seconds())
        return True
    return False
