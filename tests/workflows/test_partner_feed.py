"""The feed of one partner: no wake is lost, and its history never grows without bound."""

import asyncio

from temporalio.api.failure.v1 import Failure
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError

from activities.partner_feed import FeedActivities
from canonical.store import StoreUnavailable
from tests.workflows.stage import PATIENCE_S, Stage, eventually, refusal
from workflows import ids


async def test_it_drains_until_nothing_waits_and_then_sleeps(stage: Stage) -> None:
    stage.script.on(FeedActivities.drain, 3, 1, 0)
    await stage.signals.feed(stage.connection_id)
    await eventually(lambda: len(stage.script.calls) == 3, "three drains")
    feed = ids.partner_feed(stage.connection_id)
    await stage.reaches(feed, "IDLE", attention=False)
    await stage.signals.feed(stage.connection_id)
    await eventually(lambda: len(stage.script.calls) == 4, "a drain for the second wake")
    assert await stage.status(feed) is WorkflowExecutionStatus.RUNNING


async def test_a_wake_during_a_drain_is_not_lost(stage: Stage) -> None:
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> int:
        under_way.set()
        await go_on.wait()
        return 0

    stage.script.on(FeedActivities.drain, slow, 0)
    await stage.signals.feed(stage.connection_id)
    await asyncio.wait_for(under_way.wait(), 10)
    for _ in range(3):
        await stage.signals.feed(stage.connection_id)
    go_on.set()
    await eventually(lambda: len(stage.script.calls) == 2, "a drain for what came meanwhile")
    await asyncio.sleep(0.2)
    assert len(stage.script.calls) == 2  # three wakes, one look


async def test_a_full_history_is_continued_in_a_new_run_and_no_wake_is_lost(timeless_stage: Stage) -> None:
    stage = timeless_stage
    stage.script.on(FeedActivities.drain, 0)
    feed = ids.partner_feed(stage.connection_id)
    await stage.signals.feed(stage.connection_id)
    await eventually(lambda: bool(stage.script.calls))
    first = (await stage.handle(feed).describe()).run_id
    waiting: set[int] = set()

    async def drain(_: object) -> int:
        waiting.clear()
        return 0

    stage.script.on(FeedActivities.drain, drain)
    for number in range(30):
        waiting.add(number)
        await stage.signals.feed(stage.connection_id)
        if number % 3 == 0:
            await eventually(lambda: not waiting, f"a drain after wake {number}")
    await eventually(lambda: not waiting, "a drain after the last wake")
    now = await stage.handle(feed).describe()
    assert now.run_id != first
    assert now.history_length < 80
    assert now.status is WorkflowExecutionStatus.RUNNING


async def test_a_failure_that_repeating_cannot_cure_leaves_the_feed_alive_and_asks_for_a_person(stage: Stage) -> None:
    stage.script.on(FeedActivities.drain, refusal("401: your token is not known", "PartnerUnauthorized"), 0)
    feed = ids.partner_feed(stage.connection_id)
    await stage.signals.feed(stage.connection_id)
    await stage.reaches(feed, "STUCK", attention=True)
    assert "your token is not known" in await stage.details(feed)
    await stage.signals.feed(stage.connection_id)
    await stage.reaches(feed, "IDLE", attention=False)
    assert len(stage.script.calls) == 2


async def test_the_last_failure_of_what_is_tried_again_can_be_read(stage: Stage) -> None:
    async def fail(_: object) -> int:
        try:
            _deeply(50)
        except ConnectionResetError as error:
            raise StoreUnavailable("the database is away") from error

    stage.script.on(FeedActivities.drain, fail)
    await stage.signals.feed(stage.connection_id)
    handle = stage.handle(ids.partner_feed(stage.connection_id))

    async def last_failure() -> Failure:
        while True:
            pending = (await handle.describe()).raw_description.pending_activities
            if pending and pending[0].HasField("last_failure"):
                return pending[0].last_failure
            await asyncio.sleep(0.02)

    async with asyncio.timeout(PATIENCE_S):
        failure = await last_failure()
    told = await stage.client.data_converter.decode_failure(failure)
    assert isinstance(told, ApplicationError)
    assert (told.type, told.message) == ("StoreUnavailable", "the database is away")


def _deeply(depth: int) -> None:
    if depth:
        return _deeply(depth - 1)
    raise ConnectionResetError("reset by peer")
