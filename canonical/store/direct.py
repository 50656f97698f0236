"""Single statements straight through the driver, for what is asked thousands of times a second.

A transaction costs two more round trips and the layers above the driver most of the time of a small statement.
One statement is a transaction of its own, so nothing is lost by leaving both out.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy.engine import URL, make_url

from canonical.store.unavailable import OF_THE_DRIVER, unavailable


class Direct:
    """A small pool of driver connections, opened when it is first asked."""

    def __init__(self, database_url: str, *, size: int) -> None:
        self._url = driver_url(database_url)
        self._size = size
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def fetch(self, statement: str, *values: object) -> Sequence[Sequence[Any]]:
        """All rows. The statement has to be harmless when it is run twice. Raises StoreUnavailable."""
        for last in (False, True):
            try:
                pool = self._pool or await self._open()
                return await pool.fetch(statement, *values)  # type: ignore[no-any-return]
            except OF_THE_DRIVER as error:
                away = unavailable(error)
                if away is None:
                    raise
                # A connection of the pool may have died with a server that is back since.
                if last:
                    raise away from error
        raise AssertionError

    async def first(self, statement: str, *values: object) -> Sequence[Any] | None:
        """The first row, or None; otherwise as `fetch`."""
        rows = await self.fetch(statement, *values)
        return rows[0] if rows else None

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._size,
                    max_inactive_connection_lifetime=60,
                    # Nothing that we run here leaves a trace in its session.
                    reset=_nothing,
                )
            return self._pool


def driver_url(database_url: str) -> str:
    """The address as the driver takes it, whether or not it names one."""
    url: URL = make_url(database_url).set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


async def _nothing(connection: asyncpg.Connection) -> None:
    del connection
