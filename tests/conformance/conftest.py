"""A world for each version, and the comparison of what a test used with what the table says of it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from canonical.vault import Vault
from tests.conformance import table
from tests.conformance.observed import Log, Seen
from tests.conformance.rows import REGISTRY
from tests.conformance.site import World
from tests.conformance.site import world as connected
from tests.conftest import Databases

_SEEN = pytest.StashKey[Seen]()
_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def log() -> Log:
    return Log(REGISTRY)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(request: pytest.FixtureRequest, databases: Databases, vault: Vault, log: Log) -> AsyncIterator[World]:
    """An operator and a provider of ours that are connected in the version that the test names."""
    async with connected(request.param, databases.fresh, vault, log) as built:
        yield built


@pytest.fixture(autouse=True)
def _observed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Notes what the test uses. Where the table names the test for a row, it has to have used the row."""
    if "world" not in request.fixturenames:
        yield
        return
    world: World = request.getfixturevalue("world")
    with world.log.test(world.version) as seen:
        yield
    request.node.stash[_SEEN] = seen
    if table.WRITING or request.node.stash.get(_FAILED, False):
        return
    assert table.faults(table.name_of(request.node.nodeid), world.version, seen) == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = not report.passed
    if report.when == "teardown" and _SEEN in item.stash and not item.stash.get(_FAILED, True):
        table.note(table.name_of(item.nodeid), item.stash[_SEEN])
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if table.WRITING and table.NOTED:
        table.write()
