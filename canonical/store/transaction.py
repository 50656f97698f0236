"""One database transaction. What is asked thousands of times a second goes straight through the driver.

Round trips are what a small transaction takes its time with, so it makes as few as it can: it begins when something
is locked or written and not before, and what is written without a question waits until something is asked or the
transaction ends, and then goes out together, as one statement. A transaction that has only that one statement needs
neither a beginning nor an end. READ COMMITTED makes the two ways equal: each statement sees what was committed before.

So a change takes two round trips: a look, and a statement that writes if what was looked at still stands. If it does
not, nothing is written, and the transaction is Overtaken.
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import asyncpg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util.concurrency import greenlet_spawn

from canonical.store.drivers import Drivers, Keyring
from canonical.store.errors import Overtaken
from canonical.store.unavailable import OF_THE_DRIVER, unavailable

_PLACE: Final = re.compile(r"\$(\d+)")
_CONTENDED_NS: Final = 2 * 10**9
_MOST_CONTENDED: Final = 10_000
_ONE_KEY_EACH: Final = "driver_key_lookup_hash_key"


class _Part(NamedTuple):
    statement: str
    needed: bool = False
    name: str | None = None


class Transaction(AsyncConnection):
    """What repositories work on. The engine is in AUTOCOMMIT: beginning and ending are done here and nowhere else.

    Raises StoreUnavailable when the database went away or gave the transaction up.
    """

    def __init__(
        self, engine: AsyncEngine, lent: PoolProxiedConnection, drivers: Drivers, contended: dict[str, int]
    ) -> None:
        """`contended` are names of objects, each with the time until which those who change it had better queue."""
        super().__init__(engine)
        self.drivers = drivers
        self.keyring = Keyring(drivers)
        """Under whose keys repositories seal what tells of a driver."""
        self._lent = lent
        driver = lent.driver_connection
        if not isinstance(driver, asyncpg.Connection):
            raise TypeError("the engine's driver is asyncpg")
        self._driver = driver
        self._begun = False
        self._stands = False
        self._contended = contended
        self._depends_on: list[str] = []
        self._waiting: list[tuple[_Part, Sequence[object]]] = []
        self.events_added = False
        """Whether this transaction tells of something."""

    if not TYPE_CHECKING:  # with all the signatures that it has

        async def execute(self, *statement, **options):  # noqa: ANN002, ANN003, ANN201
            """A statement of the query builder."""
            await self._built()
            with _told_apart():
                return await super().execute(*statement, **options)

        async def run_sync(self, *function, **options):  # noqa: ANN002, ANN003, ANN201
            await self._built()
            with _told_apart():
                return await super().run_sync(*function, **options)

    async def look(self, statement: str, *values: object) -> Sequence[Sequence[Any]]:
        """Rows of a plain SELECT, which locks nothing and leaves no trace: no transaction begins for it."""
        if self._waiting:
            await self._begin()
            await self._send()
        asked = self.keyring.asked()
        if asked is None:
            return await self._fetch(statement, values)
        rows = await self._fetch(_with_keys(statement), (*values, asked))
        keys, free, *_ = rows[0]
        self.keyring.bring(keys, free)
        return [row[3:] for row in rows if row[2]]

    async def ask(self, statement: str, *values: object) -> Sequence[Sequence[Any]]:
        """Rows of a statement that locks or writes."""
        await self._begin()
        await self._send()
        return await self._fetch(statement, values)

    async def write(self, statement: str, *values: object, needed: bool = False, name: str | None = None) -> None:
        """A statement whose rows nobody wants. It is run before the next question, at the latest with the commit.

        The same one twice is not run together: one statement cannot write a row twice. `needed`: the statement returns
        what it has written, and if that is nothing the transaction is Overtaken. By `name` those that are written
        directly behind it can read what it returns.
        """
        if any(waiting.statement == statement for waiting, _ in self._waiting):
            await self._begin()
            await self._send()
        self._waiting.append((_Part(statement, needed, name), values))

    def is_contended(self, name: str) -> bool:
        """Whether somebody was overtaken at this object lately."""
        return self._contended.get(name, 0) > time.monotonic_ns()

    def depends_on(self, name: str) -> None:
        """Something will be written if this object is still what it was."""
        self._depends_on.append(name)

    async def commit(self) -> None:
        """All of it stands. When this fails, it may or may not; Overtaken: it does not."""
        if self._begun:
            await self._send()
            await self._run("COMMIT")
            self._begun = False
        else:
            await self._send()
        self._stands = True
        self.keyring.committed()

    @property
    def untouched(self) -> PoolProxiedConnection | None:
        """The connection if it is as it was lent: the transaction went well, and only the driver was used."""
        return self._lent if self._stands and self.sync_connection is None else None

    async def give_back(self) -> None:
        """Whatever has not been committed is undone, and the connection goes back to its pool."""
        self._waiting.clear()
        try:
            if self._driver.is_in_transaction():
                await self._driver.execute("ROLLBACK")
        except OF_THE_DRIVER:
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
        """Run what waits, as one statement, with the keys that it is sealed under."""
        if self._waiting:
            keys = [(_Part(statement), values) for statement, values in self.keyring.to_write()]
            waiting, self._waiting = [*keys, *self._waiting], []
            statement = _together(tuple(part for part, _ in waiting))
            await self._fetch(statement, [value for _, values in waiting for value in values])

    async def _fetch(self, statement: str, values: Sequence[object]) -> Sequence[Sequence[Any]]:
        try:
            return await self._driver.fetch(statement, *values)  # type: ignore[no-any-return]
        except OF_THE_DRIVER as error:
            if isinstance(error, asyncpg.DivisionByZeroError):  # nothing of ours divides by anything but what it found
                self._overtaken()
                raise Overtaken("what was to be changed has been changed by somebody else") from None
            if isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == _ONE_KEY_EACH:
                self.keyring.overtaken()
                raise Overtaken("the driver was given a key by somebody else") from None
            raise _translated(error, statement) from None

    def _overtaken(self) -> None:
        if len(self._contended) > _MOST_CONTENDED:
            self._contended.clear()
        self._contended |= dict.fromkeys(self._depends_on, time.monotonic_ns() + _CONTENDED_NS)

    async def _run(self, command: str) -> None:
        try:
            done = await self._driver.execute(command)
        except OF_THE_DRIVER as error:
            raise _translated(error, command) from None
        if done != command:  # the end of a transaction in which a statement has failed is called COMMIT, and is none
            raise RuntimeError(f"{command} became {done}")


@contextmanager
def _told_apart() -> Iterator[None]:
    """Of the query builder's errors, StoreUnavailable where repeating may help."""
    try:
        yield
    except (SQLAlchemyError, *OF_THE_DRIVER) as error:
        away = unavailable(error)
        if away is None:
            raise
        raise away from error


@lru_cache(maxsize=256)
def _together(parts: tuple[_Part, ...]) -> str:
    """One statement that runs all of these, whose parameters follow each other.

    It fails with a division by zero, and then all of it, where one that has to write something writes nothing.
    """
    if len(parts) == 1 and not parts[0].needed:
        return parts[0].statement
    queries, checks, places = [], [], 0
    for number, (statement, needed, given) in enumerate(parts):
        name = given or f"w{number}"
        queries.append(f"{name} AS ({_moved(statement, places)})")
        places += _places(statement)
        if needed:
            checks.append(f"1 / (SELECT count(*) FROM {name})")  # noqa: S608
    return f"WITH {', '.join(queries)} SELECT {', '.join(checks)}"


@lru_cache(maxsize=64)
def _with_keys(statement: str) -> str:
    return Keyring.along.format(statement=statement, place=f"${_places(statement) + 1}")


def _places(statement: str) -> int:
    return max((int(place) for place in _PLACE.findall(statement)), default=0)


def _moved(statement: str, places: int) -> str:
    return _PLACE.sub(lambda found: f"${int(found[1]) + places}", statement)


def _translated(error: Exception, statement: str) -> Exception:
    """StoreUnavailable where repeating may help, otherwise the same as the query builder raises: it is a bug."""
    # Without its details: they show the row, which may hold a secret.
    return unavailable(error) or DBAPIError(statement, None, type(error)(*error.args[:1]), hide_parameters=True)
