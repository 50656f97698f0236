"""A delivery ends with a proof, or waits for a person and says so."""

from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from activities.billing import BillingActivities
from canonical.identity import ObjectId
from tests.workflows.stage import Stage, refusal
from workflows import ids, patience
from workflows.cdr_delivery import CdrDelivery, DeliveryOrder

CDR = "DE*RCO/C-1"


async def deliver(stage: Stage) -> str:
    order = DeliveryOrder(CDR, stage.connection_id)
    delivery = ids.cdr_delivery(stage.connection_id, CDR)
    await stage.client.start_workflow(CdrDelivery.run, order, id=delivery, task_queue=stage.signals.task_queue)
    return delivery


async def test_a_refused_cdr_is_parked_and_goes_out_when_a_person_releases_it(stage: Stage) -> None:
    no = refusal("2001: total_cost is missing")
    stage.script.on(BillingActivities.send_cdr, no, no, None).on(BillingActivities.prove_receipt, "PROVED")
    delivery = await deliver(stage)

    await stage.reaches(delivery, "PARKED", attention=True)
    said = await stage.details(delivery)
    assert "2001: total_cost is missing" in said
    assert "signal `release`" in said
    await stage.handle(delivery).signal(CdrDelivery.release)
    while len(stage.script.inputs(BillingActivities.send_cdr)) < 2:  # refused again: parked again
        await stage.reaches(delivery, "PARKED")
    await stage.reaches(delivery, "PARKED", attention=True)
    await stage.handle(delivery).signal(CdrDelivery.release)
    assert await stage.result(delivery) == "PROVED"
    assert await stage.state(delivery) == ("PROVED", False)
    assert len(stage.script.inputs(BillingActivities.send_cdr)) == 3


async def test_a_credit_is_delivered_once_however_often_it_is_told_of(stage: Stage) -> None:
    stage.script.on(BillingActivities.send_cdr, refusal("2000"), None).on(BillingActivities.prove_receipt, "PROVED")
    delivery = ids.cdr_delivery(stage.connection_id, CDR)
    for _ in range(3):
        await stage.signals.cdr_issued(ObjectId.parse(CDR), stage.connection_id)
    await stage.reaches(delivery, "PARKED", attention=True)
    await stage.signals.cdr_issued(ObjectId.parse(CDR), stage.connection_id)  # it goes on waiting for a person
    await stage.handle(delivery).signal(CdrDelivery.release)
    assert await stage.result(delivery) == "PROVED"
    assert len(stage.script.inputs(BillingActivities.send_cdr)) == 2


async def test_a_person_abandons_it(stage: Stage) -> None:
    stage.script.on(BillingActivities.send_cdr, refusal("2000"))
    delivery = await deliver(stage)
    await stage.reaches(delivery, "PARKED")
    await stage.handle(delivery).signal(CdrDelivery.abandon)
    assert await stage.result(delivery) == "ABANDONED"
    assert await stage.state(delivery) == ("ABANDONED", True)


async def test_another_content_at_the_partner_asks_for_a_person(stage: Stage) -> None:
    stage.script.on(BillingActivities.send_cdr, None).on(BillingActivities.prove_receipt, "DIFFERENT")
    delivery = await deliver(stage)
    assert await stage.result(delivery) == "DIFFERENT"
    assert await stage.state(delivery) == ("DIFFERENT", True)
    assert "see the open case" in await stage.details(delivery)


async def test_a_receipt_that_cannot_be_read_back_is_a_receipt(stage: Stage) -> None:
    stage.script.on(BillingActivities.send_cdr, None)
    stage.script.on(BillingActivities.prove_receipt, refusal("404", "PartnerNotFound"))
    delivery = await deliver(stage)
    assert await stage.result(delivery) == "DELIVERED"
    assert await stage.state(delivery) == ("DELIVERED", False)
    assert "404" in await stage.details(delivery)


async def test_a_partner_that_is_down_for_a_month_gets_it_when_it_is_back(
    timeless: WorkflowEnvironment, timeless_stage: Stage
) -> None:
    stage = timeless_stage
    back_after = [RuntimeError("down")] * 12
    stage.script.on(BillingActivities.send_cdr, *back_after, None).on(BillingActivities.prove_receipt, "PROVED")
    delivery = await deliver(stage)
    await timeless.fast_forward(stage.handle(delivery), timedelta(days=30))
    assert await stage.result(delivery) == "PROVED"
    assert len(stage.script.inputs(BillingActivities.send_cdr)) == len(back_after) + 1
    assert timedelta(days=30) < patience.DELIVERY_PERIOD
