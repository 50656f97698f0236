"""Real deployments for tests: processes, databases and Temporal as they run elsewhere, and nothing replaced.

Starting processes is what costs time here, so a deployment is shared by the tests of a module. Several test processes
should therefore share the work by file (`--dist loadfile`, as `roam test` does).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Self

import pytest
import pytest_asyncio

from canonical.partner import Side
from deploy.embedded.ports import free_port
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.local import LocalDeployment
from tests.conftest import Databases
from tests.end_to_end.deployment import Deployment, deployed
from workflows.search_attributes import REGISTERED

_NAMESPACES = tuple(f"deployment-{number}" for number in range(1, 7))
"""More than the modules of one run deploy."""


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTemporal]:
    """One server for every test process, with namespaces to hand out."""
    server = EmbeddedTemporal(tmp_path_factory.mktemp("temporal"), _NAMESPACES, search_attributes=REGISTERED)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def namespaces(temporal: EmbeddedTemporal) -> Iterator[str]:
    """Namespaces that no deployment has used yet."""
    return iter(_NAMESPACES)


class Deployer:
    """Makes and starts deployments, each on a fresh database and in a namespace of its own; ends them on exit."""

    def __init__(
        self,
        databases: Databases,
        temporal: EmbeddedTemporal,
        namespaces: Iterator[str],
        folders: pytest.TempPathFactory,
    ) -> None:
        self._databases = databases
        self._temporal = temporal
        self._namespaces = namespaces
        self._folders = folders
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._running.aclose()

    async def __call__(self, party: str, name: str, *sides: Side, public_url: str | None = None) -> Deployment:
        """Return when api and worker are ready. Partners may be on plain HTTP and on this machine.

        `public_url` is where partners reach it, if that is not where it listens.
        """
        database_url = await self._databases.fresh()
        self._running.push_async_callback(self._databases.drop, database_url)
        local = LocalDeployment(
            folder=self._folders.mktemp("deployment"),
            party=party,
            business_name=name,
            sides=sides,
            port=free_port(),
            database_url=database_url,
            temporal_address=self._temporal.address,
            temporal_namespace=next(self._namespaces),
            public_url=public_url,
            settings={
                "ROAM_ALLOW_HTTP_PARTNERS": "true",
                "ROAM_ALLOW_PRIVATE_PARTNERS": "true",
                "ROAM_PAGE_LIMIT": "2",  # so that a handful of objects takes several pages
            },
        )
        await asyncio.to_thread(local.prepare)
        # Here and not in a thread: a process ends with the thread that started it.
        return self._running.enter_context(deployed(local))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deploy(
    databases: Databases,
    temporal: EmbeddedTemporal,
    namespaces: Iterator[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Deployer]:
    async with Deployer(databases, temporal, namespaces, tmp_path_factory) as deployer:
        yield deployer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deployment(deploy: Deployer) -> Deployment:
    """A company that is both an operator and a provider."""
    return await deploy("DE*RCO", "Roamwork", Side.CPO, Side.EMSP)
