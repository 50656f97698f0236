"""What all tests may ask for: a real PostgreSQL, a fresh database, a vault, a store, the shared data folder."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from canonical.store import Store, migrate
from canonical.vault import Vault, new_token
from deploy.embedded.postgres import EmbeddedPostgres

_TEMPLATE = "template_roamwork"
_MEMORY_BYTES_MIN = 2_000_000_000


@dataclass(frozen=True)
class Databases:
    """Makes databases that are copies of a migrated one: some milliseconds instead of a migration each."""

    server: EmbeddedPostgres
    numbers: Iterator[int]

    async def fresh(self) -> str:
        """The address of a new, migrated, empty database."""
        name = f"test_{next(self.numbers)}"
        # Copying files is an order of magnitude faster than logging every page, on a server that does not fsync.
        await self._run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
        return self.server.url(name)

    async def empty(self) -> str:
        """The address of a new database without any table."""
        name = f"test_{next(self.numbers)}"
        await self._run(f"CREATE DATABASE {name}")
        return self.server.url(name)

    async def drop(self, database_url: str) -> None:
        await self._run(f"DROP DATABASE {database_url.rpartition('/')[2]} WITH (FORCE)")

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One server for every test process."""
    with tempfile.TemporaryDirectory(prefix="roam-tests-", dir=_quick_place()) as folder:
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        yield server
        server.stop()


def _quick_place() -> str | None:
    """Memory, where there is enough: a database is hundreds of files, which disks are slow to create."""
    memory = Path("/dev/shm")  # noqa: S108  the folder made in it has a name of its own
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _MEMORY_BYTES_MIN:
        return str(memory)
    return None


@pytest.fixture(scope="session")
def postgres_url(postgres: EmbeddedPostgres) -> str:
    """The maintenance database of that server."""
    return postgres.url("postgres")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def databases(postgres: EmbeddedPostgres) -> Databases:
    """The maker of databases: a test of two deployments asks it for a second one."""
    postgres.create_database(_TEMPLATE)
    await migrate(postgres.url(_TEMPLATE))
    return Databases(postgres, count(1))


@pytest_asyncio.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """A fresh, migrated database."""
    url = await databases.fresh()
    yield url
    await databases.drop(url)


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault(SecretStr(f"of the tests {new_token().get_secret_value()}"))


@pytest_asyncio.fixture
async def store(database_url: str, vault: Vault) -> AsyncIterator[Store]:
    """An open store on a fresh database."""
    store = await Store.connect(database_url, vault, pool_size=5)
    yield store
    await store.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data: specification examples and reference tables. Never copied into the project."""
    place = os.environ.get("ROAM_SHARED")
    folder = Path(place) if place else Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"the shared data folder {folder} is not here (ROAM_SHARED names another)")
    return folder
