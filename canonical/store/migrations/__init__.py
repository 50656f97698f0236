"""Alembic migrations of the store, and how they are run from inside the program, in any installation."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from canonical.store.store import asyncpg_url

_ADVISORY_LOCK = 7_164_262_001
"""Any number that is ours: whoever migrates holds it, so that two processes that start together queue up."""


async def migrate(database_url: str) -> None:
    """Run all migrations that the database has not seen, in one transaction.

    Repeated: nothing happens. At the same time: the second waits, and finds nothing to do. Cut off: the schema
    is as it was before.
    """
    engine = create_async_engine(asyncpg_url(database_url), poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    # Alembic reads `%` in options as the start of an interpolation.
    folder = str(Path(__file__).parent).replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
