"""The store: a pool of connections to one PostgreSQL database, and transactions on it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from canonical.store.admissions import Admissions
from canonical.store.direct import Direct
from canonical.store.drivers import Drivers
from canonical.store.errors import StoreUnavailable
from canonical.store.evidence import ADD_EVIDENCE, EvidenceRecord, values_of
from canonical.store.lending import Lending, reconnect_in_time
from canonical.store.representations import Representations
from canonical.store.transaction import Transaction
from canonical.store.unavailable import unavailable
from canonical.store.unit_of_work import UnitOfWork
from canonical.vault import Vault

_OVERFLOW = 10
"""Connections beyond the pool's size, for a rush."""


class Store:
    """Everything that outlives a process, except workflow histories.

    `representations` are objects as bytes, `admissions` who is calling: both without a transaction.
    """

    def __init__(self, engine: AsyncEngine, vault: Vault, direct: Direct, database_url: str, most: int) -> None:
        self._engine = engine
        self._vault = vault
        self._direct = direct
        self._lending = Lending(engine, most)
        self._contended: dict[str, int] = {}
        self.on_events: Callable[[], None] = _nobody
        """Called when events were committed by this process; it must not block, nor raise."""
        self.drivers = Drivers(direct, vault, told=lambda: self.admissions.listening)
        self.representations = Representations(direct, self.drivers, told=lambda: self.admissions.listening)
        self.admissions = Admissions(database_url, vault, direct, also=self._keys_may_be_gone)

    @classmethod
    async def connect(cls, database_url: str, vault: Vault, *, pool_size: int = 10) -> Self:
        """Open a pool on a migrated database. Raises StoreUnavailable when it does not answer."""
        engine = create_async_engine(
            asyncpg_url(database_url),
            pool_size=pool_size,
            max_overflow=_OVERFLOW,
            # Transactions are begun and ended in canonical.store.transaction.
            isolation_level="AUTOCOMMIT",
            # Parameters may hold secrets, and exceptions end up in logs and histories.
            hide_parameters=True,
            # JSONB columns carry JSON text both ways: see canonical.store.documents.
            json_serializer=str,
            json_deserializer=str,
        )
        reconnect_in_time(engine)
        store = cls(engine, vault, Direct(database_url, size=pool_size), database_url, pool_size + _OVERFLOW)
        try:
            await store.ping()
        except StoreUnavailable:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Close the pools. Transactions that are open are rolled back."""
        await self.admissions.close()
        await self._direct.close()
        await self._lending.close()
        await self._engine.dispose()

    async def ping(self) -> None:
        """Raises StoreUnavailable when the database does not answer."""
        async with self._begin() as connection:
            await connection.look("SELECT 1")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """One transaction: committed at the end of the block, rolled back when an exception leaves it.

        Raises StoreUnavailable when the database went away or gave the transaction up (deadlock). When that
        happens during the commit, it may or may not have been committed: repeat it, for every write in the
        store is harmless when repeated.
        """
        unit: UnitOfWork | None = None
        try:
            async with self._begin() as connection:
                unit = UnitOfWork(connection, self._vault)
                yield unit
            if connection.events_added:
                self.on_events()
        finally:
            # After the commit, also after one of which we do not know whether it happened.
            if unit is not None and unit.admission_changed:
                self.admissions.forget()

    def _keys_may_be_gone(self) -> None:
        self.drivers.forget()
        self.representations.forget()

    async def keep_evidence(self, record: EvidenceRecord) -> None:
        """As `evidence.add`, in a transaction of its own: one statement, one round trip for a driver known lately."""
        await self._direct.fetch(ADD_EVIDENCE, *await values_of(record, self.drivers))

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[Transaction]:
        try:
            lent = await self._lending.take()
        except Exception as error:
            away = unavailable(error)
            if away is None:
                raise
            raise away from error
        transaction = Transaction(self._engine, lent, self.drivers, self._contended)
        try:
            yield transaction
            await transaction.commit()
        finally:
            await self._lending.give_back(transaction)


def _nobody() -> None:
    """Nobody waits for events."""


def asyncpg_url(database_url: str) -> URL:
    """The address with the asyncpg driver, whether or not it names one."""
    return make_url(database_url).set(drivername="postgresql+asyncpg")
