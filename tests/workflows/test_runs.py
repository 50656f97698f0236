"""What lives for months leaves run after run behind, and loses nothing between two of them."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError

from activities.handshake import Exchange, HandshakeActivities, RegistrationAnswer
from activities.partner_feed import FeedActivities
from activities.resync import Begun, Finished, Progress, ResyncActivities
from activities.schedules import ScheduleActivities
from activities.webhooks import Delivered, WebhookActivities
from adapters.transport.crawl import Place
from tests.workflows.stage import Stage, eventually, refusal
from workflows import ids
from workflows.contract import RegistrationFailed
from workflows.handshake import Handshake, HandshakeOrder, Opening
from workflows.partner_feed import FeedOrder, PartnerFeed
from workflows.resync import Resync, ResyncOrder
from workflows.runs import EVENTS_OF_A_RUN
from workflows.search_attributes import SINCE, STATE, at_start, standing_at_start
from workflows.webhook import WebhookDelivery, WebhookOrder

SOON = 12
"""Events until a new run: so few that each wake or two begins one."""
SERVER_SUGGESTS = 4_096


def test_a_run_is_left_behind_before_the_server_suggests_it() -> None:
    assert EVENTS_OF_A_RUN <= SERVER_SUGGESTS / 2


async def test_wakes_at_every_moment_are_followed_by_a_drain(stage: Stage) -> None:
    """Also those that come while a run ends: whatever was told before a drain began is drained by it or a later one."""
    told = drained = 0

    async def drain(_: object) -> int:
        nonlocal drained
        seen = told
        await asyncio.sleep(0)
        drained = seen
        return 0

    stage.script.on(FeedActivities.drain, drain)
    handle = await stage.client.start_workflow(
        PartnerFeed.run,
        FeedOrder(stage.connection_id, SOON),
        id=ids.partner_feed(stage.connection_id),
        task_queue=stage.signals.task_queue,
        search_attributes=at_start(stage.connection_id, "outbox"),
    )
    runs = set[str | None]()
    for number in range(1, 41):
        told = number
        await stage.signals.feed(stage.connection_id)
        if number % 8 == 0:
            await eventually(lambda: drained == told, f"a drain after wake {number}")  # noqa: B023  as it is then
            runs.add((await handle.describe()).run_id)
    assert len(runs) > 2
    assert (await handle.describe()).history_length < 3 * SOON
    assert await stage.status(handle.id) is WorkflowExecutionStatus.RUNNING


async def test_a_feed_that_is_stuck_is_so_in_its_next_run_since_the_same_moment(stage: Stage) -> None:
    stage.script.on(FeedActivities.drain, refusal("401", "PartnerUnauthorized"))
    feed = ids.partner_feed(stage.connection_id)
    handle = await stage.client.start_workflow(
        PartnerFeed.run,
        FeedOrder(stage.connection_id, SOON),
        id=feed,
        task_queue=stage.signals.task_queue,
        search_attributes=standing_at_start(stage.connection_id, "outbox", "IDLE", datetime.now(UTC)),
    )
    await stage.reaches(feed, "STUCK", attention=True)
    first = await handle.describe()
    for number in range(2, 9):
        await stage.signals.feed(stage.connection_id)
        await eventually(lambda n=number: len(stage.script.calls) >= n, f"attempt {number}")  # type: ignore[misc]
    now = await stage.handle(feed).describe()
    assert now.run_id != first.run_id
    assert now.typed_search_attributes.get(STATE) == "STUCK"
    since: list[datetime | None] = [found.typed_search_attributes.get(SINCE) for found in (first, now)]
    assert since[0] == since[1] is not None


async def test_a_webhook_goes_on_in_a_new_run_and_ends_when_it_is_removed(stage: Stage) -> None:
    waiting = [Delivered(50, more=True)] * 9
    stage.script.on(WebhookActivities.deliver, *waiting, Delivered(1), Delivered(0, exists=False))
    webhook = ids.webhook(stage.connection_id)
    handle = await stage.client.start_workflow(
        WebhookDelivery.run,
        WebhookOrder(stage.connection_id, SOON),
        id=webhook,
        task_queue=stage.signals.task_queue,
    )
    await eventually(lambda: len(stage.script.calls) >= 10, "all that waited")
    await stage.signals.deliver(stage.connection_id)
    await stage.result(webhook)
    ended = await stage.handle(webhook).describe()
    assert ended.run_id != handle.first_execution_run_id
    assert ended.status is WorkflowExecutionStatus.COMPLETED


async def test_a_walk_goes_on_at_its_page_in_a_new_run(stage: Stage) -> None:
    pages = [Progress(2, f"https://p/{n}", Place(f"https://p/{n}", page=n)) for n in range(2, 7)]
    stage.script.on(ResyncActivities.begin, Begun(7)).on(ResyncActivities.finish, Finished("11 seen"))
    stage.script.on(ResyncActivities.pull_page, *pages, Progress(1, None))
    handle = await stage.client.start_workflow(
        Resync.run,
        ResyncOrder(stage.connection_id, "tokens", events_max=SOON),
        id=ids.resync(stage.connection_id, "tokens"),
        task_queue=stage.signals.task_queue,
        search_attributes=at_start(stage.connection_id, "tokens"),
    )
    assert await stage.result(handle.id) == 11
    assert [c.place.page for c in stage.script.inputs(ResyncActivities.pull_page)] == list(range(1, 7))
    assert len(stage.script.inputs(ResyncActivities.begin)) == 1
    assert (await stage.handle(handle.id).describe()).run_id != handle.first_execution_run_id


async def test_a_handshake_that_is_stuck_for_months_goes_on_at_its_step(stage: Stage) -> None:
    """It neither posts its credentials once more, nor forgets how often it has tried, nor since when it is stuck."""
    script, handshake = stage.script, ids.handshake(stage.connection_id)
    script.on(HandshakeActivities.discover, "by an adapter").on(HandshakeActivities.offer_access, None)
    script.on(HandshakeActivities.exchange_credentials, None)
    script.on(HandshakeActivities.prove, refusal("503", "PartnerUnavailable"))
    handle = await stage.client.start_workflow(
        Handshake.run,
        replace(HandshakeOrder.of_today(stage.connection_id, Opening.WE_REGISTER), events_max=3 * SOON),
        id=handshake,
        task_queue=stage.signals.task_queue,
        search_attributes=at_start(stage.connection_id, "credentials"),
    )
    await stage.reaches(handshake, "STUCK_PROVING", attention=True)
    since = (await stage.handle(handshake).describe()).typed_search_attributes.get(SINCE)
    for number in range(2, 10):
        await _nudged(stage, handshake)
        await eventually(lambda n=number: len(script.inputs(HandshakeActivities.prove)) >= n, f"attempt {number}")  # type: ignore[misc]
    now = await stage.handle(handshake).describe()
    assert now.run_id != handle.first_execution_run_id
    assert now.typed_search_attributes.get(SINCE) == since
    assert "attempt 9 failed" in await stage.details(handshake)

    script.on(HandshakeActivities.prove, None).on(HandshakeActivities.modules_to_pull, [])
    script.on(HandshakeActivities.partner_has_called, True).on(ScheduleActivities.arrange, None)
    await _nudged(stage, handshake)
    assert await stage.result(handshake, str) == "CONNECTED"
    exchanged: list[Exchange] = script.inputs(HandshakeActivities.exchange_credentials)
    assert [exchange.request_key for exchange in exchanged] == [handle.first_execution_run_id]


async def test_a_person_who_gives_up_while_runs_change_is_heard(stage: Stage) -> None:
    script, handshake = stage.script, ids.handshake(stage.connection_id)
    script.on(HandshakeActivities.discover, refusal("503", "PartnerUnavailable"))
    handle = await stage.client.start_workflow(
        Handshake.run,
        replace(HandshakeOrder.of_today(stage.connection_id, Opening.WE_REGISTER), events_max=SOON),
        id=handshake,
        task_queue=stage.signals.task_queue,
        search_attributes=at_start(stage.connection_id, "credentials"),
    )
    await stage.reaches(handshake, "STUCK_DISCOVERING")
    for _ in range(5):
        await stage.handle(handshake).signal(Handshake.nudge)
    await stage.handle(handshake).signal(Handshake.give_up)
    assert await stage.result(handshake, str) == "GIVEN_UP"
    assert handle.first_execution_run_id


async def test_a_partner_that_comes_again_and_again_is_refused_each_time_and_waited_for_no_longer(stage: Stage) -> None:
    script, handshake = stage.script, ids.handshake(stage.connection_id)
    no = RegistrationAnswer(accepted=False, ocpi_status=3002, message="no version in common")
    script.on(HandshakeActivities.answer_registration, *[no] * 8, RegistrationAnswer(accepted=True))
    script.on(HandshakeActivities.prove, None).on(HandshakeActivities.modules_to_pull, [])
    script.on(HandshakeActivities.partner_has_called, True).on(ScheduleActivities.arrange, None)
    handle = await stage.client.start_workflow(
        Handshake.run,
        replace(HandshakeOrder.of_today(stage.connection_id, Opening.PARTNER_CALLS), events_max=2 * SOON),
        id=handshake,
        task_queue=stage.signals.task_queue,
        search_attributes=at_start(stage.connection_id, "credentials"),
    )
    for _ in range(8):
        with pytest.raises(RegistrationFailed):
            await stage.signals.register(stage.connection_id)
    assert (await stage.handle(handshake).describe()).run_id != handle.first_execution_run_id
    await stage.signals.register(stage.connection_id)
    assert await stage.result(handshake, str) == "CONNECTED"


async def _nudged(stage: Stage, handshake: str) -> None:
    """Have it tried at once, when it has said how long it waits."""
    await stage.reaches(handshake, "STUCK_PROVING")
    while True:
        with contextlib.suppress(WorkflowUpdateFailedError):  # it is being tried
            return await stage.handle(handshake).execute_update(Handshake.retry)
