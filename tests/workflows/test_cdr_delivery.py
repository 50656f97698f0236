"""A delivery ends with a proof, or rests and says what it waits for."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.delivery import DeliveryActivities, Dispatch, Standing
from canonical.identity import ObjectId
from tests.workflows.stage import Stage, eventually, refusal
from workflows import ids
from workflows.cdr_delivery import CdrDelivery, DeliveryOrder

CDR = "DE*RCO/C-1"
PARKED = Standing(
    "PARKED", "a decision; the partner refused it: 2001: total_cost is missing", "mend it", attention=True
)
HELD = Standing("HELD", "the connection to be resumed", "resume it")
WAITING = Standing("WAITING_FOR_ITS_TURN", "CDR DE*RCO/C-0, which goes before it")
PROVED = Standing("PROVED", "nothing")
ABANDONED = Standing("ABANDONED", "nothing", "settle the CDR outside OCPI", attention=True)


async def deliver(stage: Stage) -> str:
    await stage.signals.cdr_issued(ObjectId.parse(CDR), stage.connection_id)
    return ids.cdr_delivery(stage.connection_id, CDR)


def sent(stage: Stage) -> list[bool]:
    """For each look at the store, whether a person had released it."""
    return [dispatch.released for dispatch in stage.script.inputs(DeliveryActivities.deliver)]


async def test_an_ordinary_delivery_takes_twelve_events(stage: Stage) -> None:
    stage.script.on(DeliveryActivities.deliver, PROVED)
    delivery = await deliver(stage)
    assert await stage.result(delivery) == "PROVED"
    assert await stage.state(delivery) == ("PROVED", False)
    assert stage.script.inputs(DeliveryActivities.deliver) == [Dispatch(CDR, stage.connection_id)]
    assert (await stage.handle(delivery).describe()).history_length <= 12


async def test_a_refused_cdr_is_parked_and_goes_out_when_a_person_releases_it(stage: Stage) -> None:
    stage.script.on(DeliveryActivities.deliver, PARKED, PARKED, PROVED)
    delivery = await deliver(stage)
    await stage.reaches(delivery, "PARKED", attention=True)
    assert "2001: total_cost is missing" in await stage.details(delivery)
    await stage.handle(delivery).execute_update(CdrDelivery.release_now)
    await eventually(lambda: sent(stage) == [False, True], "the second attempt")  # refused again: parked again
    await stage.reaches(delivery, "PARKED", attention=True)
    await stage.signals.delivery_released(ObjectId.parse(CDR), stage.connection_id)
    assert await stage.result(delivery) == "PROVED"
    assert sent(stage) == [False, True, True]


async def test_a_credit_is_delivered_once_however_often_it_is_told_of(stage: Stage) -> None:
    stage.script.on(DeliveryActivities.deliver, PARKED, PROVED)
    delivery = ids.cdr_delivery(stage.connection_id, CDR)
    for _ in range(3):
        await stage.signals.cdr_issued(ObjectId.parse(CDR), stage.connection_id)
    await stage.reaches(delivery, "PARKED", attention=True)
    await stage.signals.cdr_issued(ObjectId.parse(CDR), stage.connection_id)  # it goes on waiting for a person
    await stage.handle(delivery).signal(CdrDelivery.release)
    assert await stage.result(delivery) == "PROVED"
    assert len(sent(stage)) == 2


@pytest.mark.parametrize("stands", [HELD, WAITING])
async def test_what_is_held_looks_again_when_it_is_woken_and_not_before(stage: Stage, stands: Standing) -> None:
    stage.script.on(DeliveryActivities.deliver, stands, stands, PROVED)
    delivery = await deliver(stage)
    await stage.reaches(delivery, stands.state, attention=False)
    assert stands.text in await stage.details(delivery)
    assert sent(stage) == [False]
    await stage.signals.delivery_due(ObjectId.parse(CDR), stage.connection_id)
    await eventually(lambda: len(sent(stage)) == 2, "a second look")
    await stage.signals.delivery_due(ObjectId.parse(CDR), stage.connection_id)
    assert await stage.result(delivery) == "PROVED"
    assert sent(stage) == [False, False, False]


async def test_a_wake_while_it_looks_is_not_lost(stage: Stage) -> None:
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> Standing:
        under_way.set()
        await go_on.wait()
        return HELD  # by what it saw at its beginning

    stage.script.on(DeliveryActivities.deliver, slow, PROVED)
    delivery = await deliver(stage)
    await asyncio.wait_for(under_way.wait(), 10)
    await stage.signals.delivery_due(ObjectId.parse(CDR), stage.connection_id)
    go_on.set()
    assert await stage.result(delivery) == "PROVED"


@pytest.mark.parametrize("how", ["update", "signal"])
async def test_a_person_abandons_it(stage: Stage, how: str) -> None:
    stage.script.on(DeliveryActivities.deliver, PARKED).on(DeliveryActivities.abandon, ABANDONED)
    delivery = await deliver(stage)
    await stage.reaches(delivery, "PARKED")
    if how == "update":
        await stage.handle(delivery).execute_update(CdrDelivery.abandon_now)
    else:
        await stage.signals.delivery_abandoned(ObjectId.parse(CDR), stage.connection_id)
    assert await stage.result(delivery) == "ABANDONED"
    assert await stage.state(delivery) == ("ABANDONED", True)


async def test_a_person_need_not_wait_for_the_next_attempt(stage: Stage) -> None:
    down = ApplicationError("no answer", next_retry_delay=timedelta(hours=1))
    stage.script.on(DeliveryActivities.deliver, down, down, PROVED).on(DeliveryActivities.abandon, ABANDONED)
    delivery = await deliver(stage)
    await eventually(lambda: len(sent(stage)) == 1, "the first attempt")
    await stage.handle(delivery).execute_update(CdrDelivery.release_now)
    await eventually(lambda: sent(stage) == [False, True], "an attempt at once")
    await stage.handle(delivery).execute_update(CdrDelivery.abandon_now)
    assert await stage.result(delivery) == "ABANDONED"
    assert len(sent(stage)) == 2


async def test_a_correction_ends_what_rests_and_nothing_else(stage: Stage) -> None:
    replaced = Standing("REPLACED", "nothing; another CDR was made of its session")
    down = ApplicationError("no answer", next_retry_delay=timedelta(hours=1))
    stage.script.on(DeliveryActivities.deliver, down, PARKED, replaced)
    delivery = await deliver(stage)
    await eventually(lambda: len(sent(stage)) == 1, "the first attempt")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await stage.handle(delivery).execute_update(CdrDelivery.corrected)
    assert "it is being sent" in str(refused.value.cause)
    await stage.handle(delivery).execute_update(CdrDelivery.release_now)
    await stage.reaches(delivery, "PARKED")
    await stage.signals.delivery_corrected(ObjectId.parse(CDR), stage.connection_id)
    assert await stage.result(delivery) == "REPLACED"


async def test_another_content_at_the_partner_asks_for_a_person(stage: Stage) -> None:
    different = Standing("DIFFERENT", "nothing", "see the open case", attention=True)
    stage.script.on(DeliveryActivities.deliver, different)
    delivery = await deliver(stage)
    assert await stage.result(delivery) == "DIFFERENT"
    assert await stage.state(delivery) == ("DIFFERENT", True)
    assert "see the open case" in await stage.details(delivery)


async def test_what_nobody_foresaw_is_put_before_a_person_and_no_workflow_fails(stage: Stage) -> None:
    stage.script.on(DeliveryActivities.deliver, refusal("the adapter is gone", "LookupError"), PROVED)
    delivery = await deliver(stage)
    await stage.reaches(delivery, "PARKED", attention=True)
    said = await stage.details(delivery)
    assert "what keeps us from sending it: " in said
    assert "refused" not in said
    await stage.handle(delivery).signal(CdrDelivery.release)
    assert await stage.result(delivery) == "PROVED"


async def test_months_of_waiting_do_not_fill_a_history(timeless_stage: Stage) -> None:
    stage = timeless_stage
    stage.script.on(DeliveryActivities.deliver, HELD)
    delivery = await deliver(stage)
    first = (await stage.handle(delivery).describe()).run_id
    for number in range(1, 12):
        await eventually(lambda: len(sent(stage)) >= number, f"look {number}")  # noqa: B023
        await stage.reaches(delivery, "HELD")
        await stage.signals.delivery_due(ObjectId.parse(CDR), stage.connection_id)
    stage.script.on(DeliveryActivities.deliver, PROVED)
    await stage.signals.delivery_due(ObjectId.parse(CDR), stage.connection_id)
    assert await stage.result(delivery) == "PROVED"
    now = await stage.handle(delivery).describe()
    assert now.run_id != first
    assert now.history_length < 80


async def test_a_partner_that_is_down_for_a_month_gets_it_when_it_is_back(
    timeless: WorkflowEnvironment, timeless_stage: Stage
) -> None:
    stage = timeless_stage
    back_after = [RuntimeError("down")] * 12
    stage.script.on(DeliveryActivities.deliver, *back_after, PROVED)
    delivery = await deliver(stage)
    await timeless.fast_forward(stage.handle(delivery), timedelta(days=30))
    assert await stage.result(delivery) == "PROVED"
    assert len(sent(stage)) == len(back_after) + 1


async def test_what_the_first_release_began_goes_on_as_it_was_begun(stage: Stage) -> None:
    stage.script.on(DeliveryActivities.send_cdr, refusal("2001: no"), None)
    stage.script.on(DeliveryActivities.prove_receipt, refusal("404", "PartnerNotFound"))
    order, delivery = DeliveryOrder(CDR, stage.connection_id), ids.cdr_delivery(stage.connection_id, CDR)
    await stage.client.start_workflow(CdrDelivery.run, order, id=delivery, task_queue=stage.signals.task_queue)
    await stage.reaches(delivery, "PARKED", attention=True)
    assert "2001: no" in await stage.details(delivery)
    await stage.handle(delivery).signal(CdrDelivery.release)
    assert await stage.result(delivery) == "DELIVERED"
    assert "404" in await stage.details(delivery)
