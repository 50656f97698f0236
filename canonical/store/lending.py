"""Connections of the engine's pool, at hand for one small transaction after another.

The pool of the query builder takes longer to lend a connection and to take it back than a small statement takes. What
comes back as it went out is therefore kept here, and lent again if that is soon; everything else goes through the pool.
"""

import asyncio
import time

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util.concurrency import greenlet_spawn

from canonical.store.transaction import Transaction

_SINCE = "roam.idle_since"
_TRUSTED_NS = 10**9
"""A connection that was used so lately is taken to be alive."""


class Lending:
    """Lends connections, not more at a time than the pool has: whoever finds none waits for the next."""

    def __init__(self, engine: AsyncEngine, most: int) -> None:
        self._engine = engine
        self._free = asyncio.Semaphore(most)
        self._at_hand: list[tuple[int, PoolProxiedConnection]] = []

    async def take(self) -> PoolProxiedConnection:
        """Raises what the pool raises when the database cannot be reached."""
        await self._free.acquire()
        try:
            while self._at_hand:
                since, lent = self._at_hand.pop()
                driver = lent.driver_connection
                if driver is not None and not driver.is_closed() and time.monotonic_ns() - since <= _TRUSTED_NS:
                    return lent
                await greenlet_spawn(lent.close)
            return await self._engine.raw_connection()
        except BaseException:
            self._free.release()
            raise

    async def give_back(self, transaction: Transaction) -> None:
        """Also when the task is being cancelled: nobody else is to find a transaction half-way."""
        lent = transaction.untouched
        if lent is not None:
            self._at_hand.append((time.monotonic_ns(), lent))
            self._free.release()
        else:
            await asyncio.shield(asyncio.ensure_future(self._end(transaction)))

    async def close(self) -> None:
        """What is at hand goes back to the pool."""
        while self._at_hand:
            await greenlet_spawn(self._at_hand.pop()[1].close)

    async def _end(self, transaction: Transaction) -> None:
        try:
            await transaction.give_back()
        finally:
            self._free.release()


def reconnect_in_time(engine: AsyncEngine) -> None:
    """A database that was restarted must cost a reconnect, not a failed request.

    The driver knows at once when a server has closed a connection in good order or has crashed; what it cannot know
    (a network that went away) shows in a round trip, which is made after some idleness only.
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def rested(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_SINCE] = time.monotonic_ns()

    @event.listens_for(engine.sync_engine, "checkout")
    def woken(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        try:
            if record.driver_connection is None or record.driver_connection.is_closed():
                raise DisconnectionError("closed by the server")
            if time.monotonic_ns() - record.info.get(_SINCE, 0) > _TRUSTED_NS:
                engine.sync_engine.dialect.do_ping(connection)
        except engine.sync_engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("does not answer") from error
