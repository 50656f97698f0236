"""The store: a pool of connections to one PostgreSQL database, and transactions on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from canonical.store.errors import StoreUnavailable
from canonical.store.unit_of_work import UnitOfWork
from canonical.vault import Vault

_TRY_AGAIN = frozenset(
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


class Store:
    """Everything that outlives a process, except workflow histories."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    @classmethod
    async def connect(cls, database_url: str, vault: Vault, *, pool_size: int = 10) -> Self:
        """Open a pool on a migrated database. Raises StoreUnavailable when it does not answer."""
        engine = create_async_engine(
            asyncpg_url(database_url),
            pool_size=pool_size,
            # A database that was restarted must cost a reconnect, not a failed request.
            pool_pre_ping=True,
            # Parameters may hold secrets, and exceptions end up in logs and histories.
            hide_parameters=True,
            # JSONB columns carry JSON text both ways: see canonical.store.documents.
            json_serializer=str,
            json_deserializer=str,
        )
        store = cls(engine, vault)
        try:
            await store.ping()
        except StoreUnavailable:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Close the pool. Transactions that are open are rolled back."""
        await self._engine.dispose()

    async def ping(self) -> None:
        """Raises StoreUnavailable when the database does not answer."""
        async with self._begin() as connection:
            await connection.execute(text("SELECT 1"))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """One transaction: committed at the end of the block, rolled back when an exception leaves it.

        Raises StoreUnavailable when the database went away or gave the transaction up (deadlock). When that
        happens during the commit, it may or may not have been committed: repeat it, for every write in the
        store is harmless when repeated.
        """
        async with self._begin() as connection:
            yield UnitOfWork(connection, self._vault)

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        opened = False
        try:
            async with self._engine.begin() as connection:
                opened = True
                yield connection
        except DBAPIError as error:
            raise _translated(error) from error
        except OSError as error:
            if opened:  # it is the caller's own: sockets are wrapped once a connection stands
                raise
            raise StoreUnavailable("the database cannot be reached") from error


def asyncpg_url(database_url: str) -> URL:
    """The address with the asyncpg driver, whether or not it names one."""
    return make_url(database_url).set(drivername="postgresql+asyncpg")


def _translated(error: DBAPIError) -> Exception:
    """StoreUnavailable where repeating may help, otherwise the error itself: it is a bug."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or sqlstate in _TRY_AGAIN:
        return StoreUnavailable("the database gave the transaction up; it may succeed when repeated")
    return error
