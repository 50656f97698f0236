"""One database transaction. What is asked thousands of times a second goes straight through the driver.

Round trips are what a small transaction takes its time with, so it makes as few as it can: it begins when something
is locked or written and not before, and what is written without a question waits until something is asked or the
transaction ends, and then goes out together, as one statement. A transaction that has only that one statement needs
neither a beginning nor an end. READ COMMITTED makes the two ways equal: each statement sees what was committed before.
"""

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util.concurrency import greenlet_spawn

from canonical.store.drivers import Drivers
from canonical.store.errors import StoreUnavailable

TRY_AGAIN: Final = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now
    }
)
"""SQLSTATEs after which the same transaction may succeed."""

_GONE: Final = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError)
_PLACE: Final = re.compile(r"\$(\d+)")


class Transaction(AsyncConnection):
    """What repositories work on. The engine is in AUTOCOMMIT: beginning and ending are done here and nowhere else.

    Raises StoreUnavailable when the database went away or gave the transaction up.
    """

    def __init__(self, engine: AsyncEngine, lent: PoolProxiedConnection, drivers: Drivers) -> None:
        super().__init__(engine)
        self.drivers = drivers
        """Under whose keys repositories seal what tells of a driver."""
        self._lent = lent
        driver = lent.driver_connection
        if not isinstance(driver, asyncpg.Connection):
            raise TypeError("the engine's driver is asyncpg")
        self._driver = driver
        self._begun = False
        self._waiting: list[tuple[str, Sequence[object]]] = []
        self.events_added = False
        """Whether this transaction tells of something."""

    if not TYPE_CHECKING:  # with all the signatures that it has

        async def execute(self, *statement, **options):  # noqa: ANN002, ANN003, ANN201
            """A statement of the query builder."""
            await self._built()
            return await super().execute(*statement, **options)

        async def run_sync(self, *function, **options):  # noqa: ANN002, ANN003, ANN201
            await self._built()
            return await super().run_sync(*function, **options)

    async def look(self, statement: str, *values: object) -> Sequence[Sequence[Any]]:
        """Rows of a plain SELECT, which locks nothing and leaves no trace: no transaction begins for it."""
        if self._waiting:
            await self._begin()
            await self._send()
        return await self._fetch(statement, values)

    async def ask(self, statement: str, *values: object) -> Sequence[Sequence[Any]]:
        """Rows of a statement that locks or writes."""
        await self._begin()
        await self._send()
        return await self._fetch(statement, values)

    async def write(self, statement: str, *values: object) -> None:
        """A statement whose rows nobody wants. It is run before the next question, at the latest with the commit.

        The same one twice is not run together: one statement cannot write a row twice.
        """
        if any(waiting == statement for waiting, _ in self._waiting):
            await self._begin()
            await self._send()
        self._waiting.append((statement, values))

    async def commit(self) -> None:
        """All of it stands. When this fails, it may or may not."""
        if self._begun:
            await self._send()
            await self._run("COMMIT")
            self._begun = False
        else:
            await self._send()

    async def give_back(self) -> None:
        """Whatever has not been committed is undone, and the connection goes back to its pool."""
        self._waiting.clear()
        try:
            if self._driver.is_in_transaction():
                await self._driver.execute("ROLLBACK")
        except (asyncpg.PostgresError, *_GONE):
            if self._lent.is_valid:
                self._lent.invalidate()
        finally:
            await greenlet_spawn((self.sync_connection or self._lent).close)

    async def _built(self) -> None:
        """Ready for the query builder: it sees all that was written."""
        await self._begin()
        await self._send()
        if self.sync_connection is None:
            self.sync_connection = Connection(self.sync_engine, self._lent)

    async def _begin(self) -> None:
        if not self._begun:
            await self._run("BEGIN")
            self._begun = True

    async def _send(self) -> None:
        """Run what waits, as one statement."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            statement = _together(tuple(each for each, _ in waiting))
            await self._fetch(statement, [value for _, values in waiting for value in values])

    async def _fetch(self, statement: str, values: Sequence[object]) -> Sequence[Sequence[Any]]:
        try:
            return await self._driver.fetch(statement, *values)  # type: ignore[no-any-return]
        except (asyncpg.PostgresError, *_GONE) as error:
            raise _translated(error, statement) from None

    async def _run(self, command: str) -> None:
        try:
            done = await self._driver.execute(command)
        except (asyncpg.PostgresError, *_GONE) as error:
            raise _translated(error, command) from None
        if done != command:  # the end of a transaction in which a statement has failed is called COMMIT, and is none
            raise RuntimeError(f"{command} became {done}")


async def finish(transaction: Transaction) -> None:
    """Give its connection back, also when the task is being cancelled: nobody else is to find it half-way."""
    await asyncio.shield(asyncio.ensure_future(transaction.give_back()))


@lru_cache(maxsize=256)
def _together(statements: tuple[str, ...]) -> str:
    """One statement that runs all of these, whose parameters follow each other."""
    if len(statements) == 1:
        return statements[0]
    parts, places = [], 0
    for number, statement in enumerate(statements):
        parts.append(f"w{number} AS ({_moved(statement, places)})")
        places += max((int(place) for place in _PLACE.findall(statement)), default=0)
    return f"WITH {', '.join(parts)} SELECT"


def _moved(statement: str, places: int) -> str:
    return _PLACE.sub(lambda found: f"${int(found[1]) + places}", statement)


def _translated(error: Exception, statement: str) -> Exception:
    """StoreUnavailable where repeating may help, otherwise the same as the query builder raises: it is a bug."""
    if isinstance(error, _GONE) or getattr(error, "sqlstate", None) in TRY_AGAIN:
        return StoreUnavailable("the database gave the transaction up; it may succeed when repeated")
    # Without its details: they show the row, which may hold a secret.
    return DBAPIError(statement, None, type(error)(*error.args[:1]), hide_parameters=True)
