"""The month's settlement on both sides: who may say what, and when."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.settlement import (
    Booked,
    Claim,
    Claimed,
    Exceptions,
    InvoiceOrder,
    ReceivedInvoice,
    SettlementActivities,
    StatementRef,
)
from activities.sweep import SweepActivities, Swept
from tests.workflows.stage import Script, Stage, refusal
from workflows import ids
from workflows.contract import CannotTell
from workflows.settlement_cycle import CycleResult, CycleState, SettlementCycle
from workflows.sweep import Sweep

MONTH, STATEMENT, INVOICE = "2026-03", "DERCO-p-2026-03", "DERCO-2026-000001"


def a_month(script: Script) -> Script:
    script.on(SettlementActivities.claim, Claimed(STATEMENT, "2 CDRs, 10.00 EUR before tax"))
    script.on(SettlementActivities.assess, Exceptions(1, 1, "1 CDRs agreed, 1 left out"))
    return script.on(SettlementActivities.invoice, INVOICE)


async def test_a_whole_cycle_and_approval_in_its_time_only(stage: Stage) -> None:
    a_month(stage.script)
    about = (stage.connection_id, MONTH)
    cycle = await stage.signals.settle(*about)
    assert cycle == ids.settlement_cycle(*about) == await stage.signals.settle(*about)
    await stage.reaches(cycle, "AWAITING_PARTNER", attention=False)
    assert "2 CDRs, 10.00 EUR before tax" in await stage.details(cycle)

    events = (await stage.handle(cycle).describe()).history_length
    with pytest.raises(CannotTell, match="not now: the cycle is AWAITING_PARTNER"):
        await stage.signals.approve(*about, "A. Finance")
    assert (await stage.handle(cycle).describe()).history_length == events  # a refused update leaves no trace

    await stage.signals.counterparty_report(STATEMENT, *about)
    await stage.reaches(cycle, "AWAITING_APPROVAL", attention=True)
    assert "1 left out" in await stage.details(cycle)
    with pytest.raises(CannotTell, match="say who approves"):
        await stage.signals.approve(*about, "  ")
    await stage.signals.approve(*about, "A. Finance")

    assert await stage.result(cycle, CycleResult) == CycleResult(CycleState.INVOICED, STATEMENT, INVOICE)
    assert stage.script.inputs(SettlementActivities.claim) == [Claim(*about)]
    assert stage.script.inputs(SettlementActivities.invoice) == [InvoiceOrder(*about, approved_by="A. Finance")]
    assert await stage.signals.cycle_state(*about) == "INVOICED"
    assert await stage.state(cycle) == ("INVOICED", False)


async def test_a_cycle_started_by_a_person_in_the_temporal_ui(stage: Stage) -> None:
    a_month(stage.script)
    plain = Payload(
        metadata={"encoding": b"json/plain"},
        data=b'{"connection_id": "%s", "month": "%s"}' % (stage.connection_id.encode(), MONTH.encode()),
    )
    handle = await stage.client.start_workflow(
        "SettlementCycle",
        RawValue(plain),
        id=ids.settlement_cycle(stage.connection_id, MONTH),
        task_queue=stage.signals.task_queue,
    )
    # The client's codec encrypts what it is given; the UI does not. So the codec's own open door is what counts:
    assert await stage.client.data_converter.payload_codec.decode([plain]) == [plain]  # type: ignore[union-attr]
    await stage.reaches(handle.id, "AWAITING_PARTNER")
    assert stage.script.inputs(SettlementActivities.claim) == [Claim(stage.connection_id, MONTH)]


async def test_an_invoice_that_cannot_be_made_goes_back_to_approval_with_its_reason(stage: Stage) -> None:
    a_month(stage.script).on(SettlementActivities.invoice, refusal("VAT is not known", "Uninvoiceable"), INVOICE)
    about = (stage.connection_id, MONTH)
    cycle = await stage.signals.settle(*about)
    await stage.signals.counterparty_report(STATEMENT, *about)
    await stage.reaches(cycle, "AWAITING_APPROVAL")
    await stage.signals.approve(*about, "A. Finance")
    async with asyncio.timeout(10):
        while "VAT is not known" not in await stage.details(cycle):  # noqa: ASYNC110  a test has no event for it
            await asyncio.sleep(0.02)
    await stage.reaches(cycle, "AWAITING_APPROVAL", attention=True)
    await stage.signals.approve(*about, "B. Finance")
    assert (await stage.result(cycle, CycleResult)).invoice_number == INVOICE


async def test_a_month_of_which_nothing_is_agreed_has_no_invoice(stage: Stage) -> None:
    a_month(stage.script).on(SettlementActivities.assess, Exceptions(2, 0, "0 CDRs agreed, 2 left out"))
    cycle = await stage.signals.settle(stage.connection_id, MONTH)
    await stage.signals.counterparty_report(STATEMENT, stage.connection_id, MONTH)
    assert await stage.result(cycle, CycleResult) == CycleResult(CycleState.NOTHING_AGREED, STATEMENT)
    assert await stage.state(cycle) == ("NOTHING_AGREED", True)


async def test_nothing_to_claim_is_an_end(stage: Stage) -> None:
    stage.script.on(SettlementActivities.claim, Claimed(None, "no CDR ended in this month"))
    cycle = await stage.signals.settle(stage.connection_id, MONTH)
    assert await stage.result(cycle, CycleResult) == CycleResult(CycleState.NOTHING_TO_CLAIM)


async def test_what_was_invoiced_is_not_settled_again(stage: Stage) -> None:
    stage.script.on(SettlementActivities.claim, Claimed(STATEMENT, "2 CDRs", INVOICE))
    cycle = await stage.signals.settle(stage.connection_id, MONTH)
    assert await stage.result(cycle, CycleResult) == CycleResult(CycleState.INVOICED, STATEMENT, INVOICE)
    assert stage.script.inputs(SettlementActivities.invoice) == []


async def test_a_partner_that_takes_two_months_to_answer(timeless: WorkflowEnvironment, timeless_stage: Stage) -> None:
    stage = timeless_stage
    a_month(stage.script)
    about = (stage.connection_id, MONTH)
    cycle = await stage.signals.settle(*about)
    await stage.reaches(cycle, "AWAITING_PARTNER")
    await timeless.fast_forward(stage.handle(cycle), timedelta(days=60))
    await stage.signals.counterparty_report(STATEMENT, *about)
    await stage.reaches(cycle, "AWAITING_APPROVAL")
    await stage.handle(cycle).execute_update(SettlementCycle.approve, "A. Finance")
    assert (await stage.result(cycle, CycleResult)).invoice_number == INVOICE


async def test_signals_to_a_cycle_that_is_not_there_are_refused(stage: Stage) -> None:
    about = (stage.connection_id, MONTH)
    with pytest.raises(CannotTell):
        await stage.signals.counterparty_report(STATEMENT, *about)
    with pytest.raises(CannotTell):
        await stage.signals.approve(*about, "A. Finance")
    with pytest.raises(CannotTell):
        await stage.signals.invoice_received(stage.connection_id, STATEMENT, INVOICE)
    assert await stage.signals.cycle_state(*about) is None


@pytest.mark.parametrize(
    ("booked", "attention"),
    [(Booked("BOOKED", "invoice 1: 11.90 EUR"), False), (Booked("DISPUTED", "it asks for more", True), True)],
)
async def test_a_statement_is_reconciled_and_its_invoice_booked_or_disputed(
    stage: Stage, booked: Booked, attention: bool
) -> None:
    stage.script.on(SettlementActivities.reconcile, Exceptions(1, 1, "1 CDRs agreed, 1 not"))
    stage.script.on(SettlementActivities.book, booked)
    reconciliation = ids.reconciliation(stage.connection_id, STATEMENT)
    await stage.signals.reconcile(stage.connection_id, STATEMENT)
    await stage.reaches(reconciliation, "AWAITING_INVOICE", attention=True)
    assert "1 not" in await stage.details(reconciliation)
    await stage.signals.invoice_received(stage.connection_id, STATEMENT, INVOICE)

    assert await stage.result(reconciliation) == f"{booked.state}: {booked.text}"
    assert await stage.state(reconciliation) == (booked.state, attention)
    assert stage.script.inputs(SettlementActivities.reconcile) == [StatementRef(stage.connection_id, STATEMENT)]
    assert stage.script.inputs(SettlementActivities.book) == [ReceivedInvoice(stage.connection_id, STATEMENT, INVOICE)]


async def test_a_sweep_says_what_it_woke(stage: Stage) -> None:
    stage.script.on(SweepActivities.wake_unattended, Swept(1, 2, 3))
    started = await stage.client.start_workflow(
        Sweep.run, id=f"sweep-{stage.connection_id}", task_queue=stage.signals.task_queue
    )
    assert await started.result() == Swept(1, 2, 3)


async def test_a_failed_sweep_leaves_it_to_the_next(stage: Stage) -> None:
    stage.script.on(SweepActivities.wake_unattended, ApplicationError("no database"))
    started = await stage.client.start_workflow(
        Sweep.run, id=f"sweep-{stage.connection_id}", task_queue=stage.signals.task_queue
    )
    with pytest.raises(Exception, match="Workflow execution failed"):
        await started.result()
    assert len(stage.script.calls) == 1
