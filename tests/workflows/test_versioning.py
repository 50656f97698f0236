"""A new build of the worker beside the old one: what is pinned ends where it began, and what lives long moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

import workflows
from activities.partner_feed import FeedActivities
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import SessionStatus
from deploy import versioning
from deploy.settings import Settings
from tests.workflows.stage import PATIENCE_S, Script, Stage, eventually
from workflows import ids
from workflows.signals import TemporalSignals

_numbers = count(1)


def settings(queue: str, build: str | None) -> Settings:
    return Settings(
        party="DE*ABC",  # type: ignore[arg-type]
        business_name="ABC",
        public_url="https://roaming.example",
        database_url="postgresql://",  # type: ignore[arg-type]
        secret_key="k" * 32,  # type: ignore[arg-type]
        task_queue=queue,
        build_id=build,
    )


@asynccontextmanager
async def build(client: Client, queue: str, name: str) -> AsyncIterator[Stage]:
    script = Script()
    async with Worker(
        client,
        task_queue=queue,
        workflows=workflows.ALL,
        activities=script.activities(),
        deployment_config=versioning.deployment_config(settings(queue, name)),
        workflow_runner=versioning.runner(settings(queue, name)),
        graceful_shutdown_timeout=timedelta(0),
    ):
        yield Stage(client, script, TemporalSignals(client, queue), queue)


async def make_current(client: Client, queue: str, name: str) -> None:
    """As `temporal worker deployment set-current-version`, once the server has heard of the build."""
    wanted = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=queue,
        build_id=name,
    )

    async def done() -> bool:
        try:
            await client.workflow_service.set_worker_deployment_current_version(wanted)
        except RPCError:
            return False
        return await versioning.current_build(client, settings(queue, name)) == name

    for _ in range(200):
        if await done():
            return
    raise AssertionError(f"build {name} did not become current")


async def runs_on(stage: Stage, workflow_id: str) -> str:
    """The build that has taken the workflow, once one has."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await _build_of(stage, workflow_id)):  # noqa: ASYNC110  the server has no event for it
            await asyncio.sleep(0.02)
    return found


async def _build_of(stage: Stage, workflow_id: str) -> str:
    found = (await stage.handle(workflow_id).describe()).raw_description.workflow_execution_info
    return str(found.versioning_info.deployment_version.build_id)


@pytest.fixture
def queue() -> str:
    return f"versions-{next(_numbers)}"


async def test_a_session_ends_on_its_build_a_new_one_begins_on_the_next_and_a_feed_moves(
    client: Client, queue: str
) -> None:
    old, new = (ObjectId.parse(f"DE*ABC/{queue}-{name}") for name in ("OLD", "NEW"))
    old_id, new_id = (ids.charging_session(queue, session.key) for session in (old, new))
    feed = ids.partner_feed(queue)
    async with build(client, queue, "1") as first:
        await make_current(client, queue, "1")
        first.script.on(FeedActivities.drain, 0)
        await first.signals.session_started(old, queue, Side.CPO, SessionStatus.ACTIVE)
        assert await runs_on(first, old_id) == "1"
        await first.signals.feed(queue)
        await eventually(lambda: len(first.script.inputs(FeedActivities.drain)) == 1, "the feed on build 1")

        async with build(client, queue, "2") as second:
            second.script.on(FeedActivities.drain, 0)
            await make_current(client, queue, "2")
            await second.signals.session_started(new, queue, Side.CPO, SessionStatus.ACTIVE)
            assert (await runs_on(first, old_id), await runs_on(second, new_id)) == ("1", "2")

            await first.signals.feed(queue)
            await eventually(lambda: bool(second.script.inputs(FeedActivities.drain)), "the feed on build 2")
            assert await runs_on(second, feed) == "2"

            for session, workflow_id, where in ((old, old_id, "1"), (new, new_id, "2")):
                await second.signals.session_changed(session, queue, Side.CPO, SessionStatus.INVALID)
                assert str(await second.result(workflow_id)).startswith("INVALID")
                assert await runs_on(second, workflow_id) == where


def test_what_is_pinned_is_there() -> None:
    assert {kind.__name__ for kind in workflows.ALL} >= versioning.PINNED


async def test_without_a_current_build_it_is_said_what_to_do(client: Client, queue: str) -> None:
    assert await versioning.nothing_runs(client, settings(queue, None)) is None
    assert versioning.deployment_config(settings(queue, None)) is None
    async with build(client, queue, "7"):
        undone = await versioning.nothing_runs(client, settings(queue, "7"))
        assert undone is not None
        assert f"set-current-version --namespace {client.namespace} --deployment-name {queue} --build-id 7" in undone
        await make_current(client, queue, "7")
        assert await versioning.nothing_runs(client, settings(queue, "7")) is None
