"""What a session leaves in Temporal, on each side: a budget of events and bytes that does not grow with readings."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest_asyncio
from temporalio.client import Client

from canonical.session import VehicleState
from deploy.demo import cast
from deploy.demo.cast import Drive, Moment
from deploy.demo.office import until
from deploy.embedded.temporal import EmbeddedTemporal
from tests.conftest import Databases
from tests.workflows.conftest import PAIR_WITHIN_BUDGET
from tests.workflows.pair import Pair, Player, pair

EVENTS, BYTES = 30, 12 * 1024
READINGS = 60


@dataclass(frozen=True)
class Cost:
    """What workflows have left so far, by their kind: events, and bytes as the server counts them."""

    events: dict[str, int]
    size: dict[str, int]


@pytest_asyncio.fixture
async def two(temporal: EmbeddedTemporal, databases: Databases) -> AsyncIterator[Pair]:
    urls = (await databases.fresh(), await databases.fresh())
    async with pair(temporal.address, PAIR_WITHIN_BUDGET, urls, "a secret key of the test of the budget") as playing:
        yield playing
    for url in urls:
        await databases.drop(url)


async def test_a_session_with_sixty_readings_stays_within_its_budget(two: Pair) -> None:
    await two.prepare(cast.CARDS[cast.CARD_A], cast.CARD_A)
    await two.meet()
    drive = with_readings(cast.ORDINARY[0], READINGS)
    await two.cpo.office.start(drive)
    for moment in drive.moments[1:-1]:
        await two.cpo.office.read(drive, moment)
    await two.cpo.office.stop(drive, None)
    await until("the CDR on both sides", lambda: _settled(two, drive))
    for player in (two.cpo, two.emsp):
        cost = await _cost(player.built.client)
        print(player.built.client.namespace, cost)  # noqa: T201  shown when asked for
        assert "ChargingSession" in cost.events
        assert ("CdrDelivery" in cost.events) is (player is two.cpo)
        assert sum(cost.events.values()) <= EVENTS, cost
        assert sum(cost.size.values()) <= BYTES, cost


def with_readings(drive: Drive, count: int) -> Drive:
    """The same drive with so many readings between its start and its end."""
    start, end = drive.start, drive.end
    step, energy = (end.at - start.at) / (count + 1), end.energy_kwh / (count + 1)
    between = [
        Moment(start.at + step * n, (energy * n).quantize(Decimal("0.001")), VehicleState.CHARGING)
        for n in range(1, count + 1)
    ]
    whole = [replace(moment, at=moment.at - timedelta(microseconds=moment.at.microsecond)) for moment in between]
    return replace(drive, moments=(start, *whole, end))


async def _settled(two: Pair, drive: Drive) -> bool:
    return await two._judged(drive) and await two._proved(drive) and await _ended(two.cpo) and await _ended(two.emsp)


async def _ended(player: Player) -> bool:
    running = "WorkflowType IN ('ChargingSession', 'CdrDelivery') AND ExecutionStatus = 'Running'"
    return (await player.built.client.count_workflows(running)).count == 0


async def _cost(client: Client) -> Cost:
    events: dict[str, int] = {}
    size: dict[str, int] = {}
    async for found in client.list_workflows("WorkflowType IN ('ChargingSession', 'CdrDelivery')"):
        info = (await client.get_workflow_handle(found.id, run_id=found.run_id).describe()).raw_description
        kind = found.workflow_type
        events[kind] = events.get(kind, 0) + info.workflow_execution_info.history_length
        size[kind] = size.get(kind, 0) + info.workflow_execution_info.history_size_bytes
    return Cost(events, size)
