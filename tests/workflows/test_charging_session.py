"""A session on either side, from its start to a CDR that is delivered, or checked."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from activities.billing import Billed, BillingActivities, CdrRef, SessionRef, Verdict
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import SessionStatus
from tests.workflows.stage import Stage
from workflows import ids, patience
from workflows.charging_session import ChargingSession
from workflows.search_attributes import CONNECTION, OBJECT

SESSION = ObjectId.parse("DE*RCO/S-1")
CDR = ObjectId.parse("DE*RCO/C-1")


def session_of(stage: Stage) -> str:
    return ids.charging_session(stage.connection_id, SESSION.key)


async def changed(stage: Stage, side: Side, *states: SessionStatus) -> None:
    for status in states:
        await stage.signals.session_changed(SESSION, stage.connection_id, side, status)


async def test_what_ended_is_billed_and_delivered(stage: Stage) -> None:
    stage.script.on(BillingActivities.generate_cdr, Billed(CDR.key))
    stage.script.on(BillingActivities.send_cdr, None).on(BillingActivities.prove_receipt, "PROVED")
    await stage.signals.session_started(SESSION, stage.connection_id, Side.CPO)
    session = session_of(stage)
    await stage.reaches(session, "RUNNING", attention=False)
    found = (await stage.handle(session).describe()).typed_search_attributes
    assert (found[CONNECTION], found[OBJECT]) == (stage.connection_id, SESSION.key)

    await changed(stage, Side.CPO, SessionStatus.ACTIVE, SessionStatus.COMPLETED)
    assert await stage.result(session) == f"CLOSED: CDR {CDR.key} delivered"
    assert stage.script.inputs(BillingActivities.generate_cdr) == [SessionRef(SESSION.key, stage.connection_id)]
    assert stage.script.inputs(BillingActivities.send_cdr) == [CdrRef(CDR.key, stage.connection_id)]
    assert await stage.state(ids.cdr_delivery(stage.connection_id, CDR.key)) == ("PROVED", False)


async def test_an_end_that_is_the_first_that_is_heard_starts_it(stage: Stage) -> None:
    stage.script.on(BillingActivities.generate_cdr, Billed(None, "nothing to ask for"))
    await changed(stage, Side.CPO, SessionStatus.COMPLETED)
    assert await stage.result(session_of(stage)) == "NOT_BILLED: nothing to ask for"
    assert await stage.state(session_of(stage)) == ("NOT_BILLED", False)


async def test_what_cannot_be_billed_waits_for_a_person(stage: Stage) -> None:
    stage.script.on(BillingActivities.generate_cdr, Billed(None, "no tariff", needs_person=True))
    await changed(stage, Side.CPO, SessionStatus.COMPLETED)
    assert await stage.result(session_of(stage)) == "NOT_BILLED: no tariff"
    assert await stage.state(session_of(stage)) == ("NOT_BILLED", True)
    assert "see the open case" in await stage.details(session_of(stage))


@pytest.mark.parametrize("side", Side)
async def test_what_is_invalid_is_never_billed(stage: Stage, side: Side) -> None:
    await stage.signals.session_started(SESSION, stage.connection_id, side)
    await changed(stage, side, SessionStatus.INVALID)
    assert (await stage.result(session_of(stage), str)).startswith("INVALID")
    assert stage.script.calls == []


async def test_a_late_status_does_not_take_the_end_back(stage: Stage) -> None:
    under_way = asyncio.Event()

    async def slow(_: object) -> Billed:
        await asyncio.wait_for(under_way.wait(), 10)
        return Billed(None, "free")

    stage.script.on(BillingActivities.generate_cdr, slow)
    await stage.client.start_workflow(
        "ChargingSession",
        {"session_key": SESSION.key, "connection_id": stage.connection_id, "side": "CPO"},
        id=session_of(stage),
        task_queue=stage.signals.task_queue,
        start_signal="changed",
        start_signal_args=[SessionStatus.COMPLETED],
    )
    for late in (SessionStatus.ACTIVE, SessionStatus.INVALID):
        await stage.handle(session_of(stage)).signal(ChargingSession.changed, late)
    under_way.set()
    assert await stage.result(session_of(stage)) == "NOT_BILLED: free"


async def test_a_second_run_finds_the_delivery_of_the_first_under_way(stage: Stage) -> None:
    stage.script.on(BillingActivities.generate_cdr, Billed(CDR.key))
    stage.script.on(BillingActivities.send_cdr, RuntimeError("the partner is slow"))
    await changed(stage, Side.CPO, SessionStatus.COMPLETED)
    delivery = ids.cdr_delivery(stage.connection_id, CDR.key)
    await stage.reaches(session_of(stage), "DELIVERING")
    await stage.reaches(delivery, "SENDING")
    await stage.handle(session_of(stage)).terminate("a person did")
    await changed(stage, Side.CPO, SessionStatus.COMPLETED)
    assert await stage.result(session_of(stage)) == f"CLOSED: CDR {CDR.key} is being delivered already"
    assert await stage.status(delivery) is WorkflowExecutionStatus.RUNNING


async def test_the_provider_checks_the_cdr_that_comes_after_the_end(stage: Stage) -> None:
    stage.script.on(BillingActivities.check_cdr, Verdict("ACCEPTED", "priced again: the same"))
    await stage.signals.session_started(SESSION, stage.connection_id, Side.EMSP)
    await changed(stage, Side.EMSP, SessionStatus.COMPLETED)
    await stage.reaches(session_of(stage), "AWAITING_CDR", attention=False)
    await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
    assert await stage.result(session_of(stage)) == "ACCEPTED: priced again: the same"
    assert stage.script.inputs(BillingActivities.check_cdr) == [CdrRef(CDR.key, stage.connection_id)]


async def test_a_cdr_may_come_before_the_end(stage: Stage) -> None:
    stage.script.on(BillingActivities.check_cdr, Verdict("ACCEPTED", "the same"))
    await stage.signals.session_started(SESSION, stage.connection_id, Side.EMSP)
    await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
    assert await stage.result(session_of(stage)) == "ACCEPTED: the same"


async def test_a_cdr_without_a_session_is_looked_after_by_its_own_key(stage: Stage) -> None:
    stage.script.on(BillingActivities.check_cdr, Verdict("ACCEPTED", "the same"))
    await stage.signals.cdr_received(CDR, None, stage.connection_id)
    assert await stage.result(ids.charging_session(stage.connection_id, CDR.key)) == "ACCEPTED: the same"


async def test_a_quarantined_cdr_asks_for_a_person(stage: Stage) -> None:
    stage.script.on(BillingActivities.check_cdr, Verdict("QUARANTINED", "cdr.total_cost_differs", needs_person=True))
    await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
    assert await stage.result(session_of(stage)) == "QUARANTINED: cdr.total_cost_differs"
    assert await stage.state(session_of(stage)) == ("QUARANTINED", True)
    assert "see the open case" in await stage.details(session_of(stage))


async def test_a_second_cdr_after_the_end_is_checked_as_well(stage: Stage) -> None:
    stage.script.on(BillingActivities.check_cdr, Verdict("ACCEPTED", "the same"))
    credit = ObjectId.parse("DE*RCO/C-1-CREDIT")
    for cdr in (CDR, credit):
        await stage.signals.cdr_received(cdr, "S-1", stage.connection_id)
        await stage.result(session_of(stage))
    checked = [ref.cdr_key for ref in stage.script.inputs(BillingActivities.check_cdr)]
    assert checked == [CDR.key, credit.key]


async def test_a_cdr_that_is_late_is_called_so_and_taken_when_it_comes(
    timeless: WorkflowEnvironment, timeless_stage: Stage
) -> None:
    stage = timeless_stage
    stage.script.on(BillingActivities.check_cdr, Verdict("ACCEPTED", "the same"))
    await changed(stage, Side.EMSP, SessionStatus.COMPLETED)
    session = session_of(stage)
    await timeless.fast_forward(stage.handle(session), patience.CDR_EXPECTED_WITHIN + timedelta(minutes=1))
    await stage.reaches(session, "CDR_OVERDUE", attention=True)
    assert "ask the operator for it" in await stage.details(session)
    await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
    assert await stage.result(session) == "ACCEPTED: the same"
    assert await stage.state(session) == ("ACCEPTED", False)
