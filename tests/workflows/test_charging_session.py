"""A session on either side, from its start to a CDR that is on its way, or checked."""

import asyncio

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.billing import Billed, BillingActivities, CdrRef, SessionRef, Verdict
from activities.delivery import DeliveryActivities
from activities.session_watch import Looked, LookOrder, SessionWatchActivities
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import SessionStatus
from tests.workflows.stage import Stage, eventually, refusal
from workflows import ids
from workflows.charging_session import ChargingSession
from workflows.search_attributes import CONNECTION, DEADLINE, OBJECT

SESSION = ObjectId.parse("DE*RCO/S-1")
CDR = ObjectId.parse("DE*RCO/C-1")
ON_ITS_WAY = f"BILLED: nothing; CDR {CDR.key} is being delivered"
FINE = Verdict("ACCEPTED", "priced again: the same")
STILL_ACTIVE = Looked("ACTIVE", "the operator to say that the session has ended", status=SessionStatus.ACTIVE)
SILENT = Looked("SILENT", "the operator", "find out", attention=True, status=SessionStatus.ACTIVE)
OVERDUE = Looked("CDR_OVERDUE", "its CDR", "ask the operator", attention=True, status=SessionStatus.COMPLETED)

EVENTS_AS_CPO = 17
EVENTS_AS_EMSP = 17


def session_of(stage: Stage) -> str:
    return ids.charging_session(stage.connection_id, SESSION.key)


async def started(stage: Stage, side: Side, status: SessionStatus = SessionStatus.ACTIVE) -> str:
    await stage.signals.session_started(SESSION, stage.connection_id, side, status)
    return session_of(stage)


async def changed(stage: Stage, side: Side, *states: SessionStatus) -> None:
    for status in states:
        await stage.signals.session_changed(SESSION, stage.connection_id, side, status)


async def looked_at(stage: Stage, side: Side, status: SessionStatus) -> None:
    """What the sweep does."""
    await stage.signals.look(SESSION, stage.connection_id, side, status)


async def events_of(stage: Stage, workflow_id: str) -> list[str]:
    history = await stage.handle(workflow_id).fetch_history()
    return [event.WhichOneof("attributes").removesuffix("_event_attributes") for event in history.events]


class TestAsOperator:
    async def test_what_ended_is_billed_and_its_delivery_begins(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.generate_cdr, Billed(CDR.key))
        stage.script.on(DeliveryActivities.deliver, RuntimeError("the partner is slow"))
        session = await started(stage, Side.CPO, SessionStatus.RESERVATION)
        await stage.reaches(session, "RESERVED", attention=False)
        found = (await stage.handle(session).describe()).typed_search_attributes
        assert (found[CONNECTION], found[OBJECT]) == (stage.connection_id, SESSION.key)
        for status in (SessionStatus.PENDING, SessionStatus.ACTIVE):
            await changed(stage, Side.CPO, status)
            await stage.reaches(session, status.value, attention=False)
        await changed(stage, Side.CPO, SessionStatus.COMPLETED)
        assert await stage.result(session) == ON_ITS_WAY
        assert await stage.state(session) == ("BILLED", False)
        assert stage.script.inputs(BillingActivities.generate_cdr) == [SessionRef(SESSION.key, stage.connection_id)]
        delivery = ids.cdr_delivery(stage.connection_id, CDR.key)
        assert (await stage.handle(delivery).describe()).parent_id == session

    async def test_it_costs_few_events(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.generate_cdr, Billed(CDR.key))
        stage.script.on(DeliveryActivities.deliver, RuntimeError("the partner is slow"))
        session = await started(stage, Side.CPO)
        await stage.reaches(session, "ACTIVE")
        await stage.details(session)  # it has begun, and found nothing to do
        await changed(stage, Side.CPO, SessionStatus.COMPLETED)
        await stage.result(session)
        events = await events_of(stage, session)
        assert len(events) <= EVENTS_AS_CPO, events
        assert "timer_started" not in events

    async def test_an_end_that_is_the_first_that_is_heard_starts_it(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.generate_cdr, Billed(None, "nothing to ask for"))
        await changed(stage, Side.CPO, SessionStatus.COMPLETED)
        assert await stage.result(session_of(stage)) == "NOT_BILLED: nothing to ask for"
        assert await stage.state(session_of(stage)) == ("NOT_BILLED", False)

    async def test_what_cannot_be_billed_waits_for_a_person(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.generate_cdr, Billed(None, "no tariff", needs_person=True))
        await changed(stage, Side.CPO, SessionStatus.COMPLETED)
        assert await stage.result(session_of(stage)) == "NOT_BILLED: no tariff"
        assert await stage.state(session_of(stage)) == ("NOT_BILLED", True)
        assert "see the open case" in await stage.details(session_of(stage))

    async def test_a_store_that_is_away_is_waited_for_in_sight_of_a_person(self, stage: Stage) -> None:
        back = asyncio.Event()

        async def when_it_is_back(_: object) -> Billed:
            await asyncio.wait_for(back.wait(), 10)
            return Billed(CDR.key)

        stage.script.on(BillingActivities.generate_cdr, refusal("the database is away"), when_it_is_back)
        await changed(stage, Side.CPO, SessionStatus.COMPLETED)
        await eventually(lambda: len(stage.script.calls) == 2, "a second attempt")
        assert await stage.state(session_of(stage)) == ("ENDED", True)
        assert "it is tried until it works" in await stage.details(session_of(stage))
        back.set()
        assert await stage.result(session_of(stage)) == ON_ITS_WAY
        assert await stage.state(session_of(stage)) == ("BILLED", False)

    async def test_a_late_or_repeated_word_does_not_take_the_end_back(self, stage: Stage) -> None:
        under_way = asyncio.Event()

        async def slow(_: object) -> Billed:
            await asyncio.wait_for(under_way.wait(), 10)
            return Billed(None, "free")

        stage.script.on(BillingActivities.generate_cdr, slow)
        await changed(stage, Side.CPO, SessionStatus.COMPLETED)
        for late in (SessionStatus.ACTIVE, SessionStatus.INVALID, SessionStatus.COMPLETED):
            await stage.handle(session_of(stage)).signal(ChargingSession.changed, late)
        under_way.set()
        assert await stage.result(session_of(stage)) == "NOT_BILLED: free"
        billed = stage.script.inputs(BillingActivities.generate_cdr)
        assert set(billed) == {SessionRef(SESSION.key, stage.connection_id)}

    async def test_a_second_run_finds_the_delivery_of_the_first_under_way(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.generate_cdr, Billed(CDR.key))
        stage.script.on(DeliveryActivities.deliver, RuntimeError("the partner is slow"))
        delivery = ids.cdr_delivery(stage.connection_id, CDR.key)
        runs = []
        for _ in range(2):
            await changed(stage, Side.CPO, SessionStatus.COMPLETED)
            assert await stage.result(session_of(stage)) == ON_ITS_WAY
            runs.append((await stage.handle(delivery).describe()).run_id)
        assert runs[0] == runs[1]
        assert await stage.status(delivery) is WorkflowExecutionStatus.RUNNING

    async def test_a_silent_backend_is_shown_until_it_speaks(self, stage: Stage) -> None:
        stage.script.on(SessionWatchActivities.look, SILENT, STILL_ACTIVE)
        stage.script.on(SessionWatchActivities.settle, None)
        stage.script.on(BillingActivities.generate_cdr, Billed(None, "free"))
        session = await started(stage, Side.CPO)
        await looked_at(stage, Side.CPO, SessionStatus.ACTIVE)
        await stage.reaches(session, "SILENT", attention=True)
        assert "find out" in await stage.details(session)
        await looked_at(stage, Side.CPO, SessionStatus.ACTIVE)
        await stage.reaches(session, "ACTIVE", attention=False)
        await changed(stage, Side.CPO, SessionStatus.COMPLETED)
        assert await stage.result(session) == "NOT_BILLED: free"
        order = LookOrder(SESSION.key, stage.connection_id, Side.CPO)
        assert stage.script.inputs(SessionWatchActivities.settle) == [order]

    async def test_a_session_whose_start_was_lost_is_taken_up_by_a_look(self, stage: Stage) -> None:
        stage.script.on(SessionWatchActivities.look, STILL_ACTIVE)
        await looked_at(stage, Side.CPO, SessionStatus.ACTIVE)
        await stage.reaches(session_of(stage), "ACTIVE", attention=False)
        await eventually(lambda: bool(stage.script.inputs(SessionWatchActivities.look)), "a look")
        assert await stage.status(session_of(stage)) is WorkflowExecutionStatus.RUNNING

    async def test_a_look_that_fails_is_left_to_the_next(self, stage: Stage) -> None:
        stage.script.on(SessionWatchActivities.look, refusal("the database is away"), SILENT)
        session = await started(stage, Side.CPO)
        for number in (1, 2):
            await looked_at(stage, Side.CPO, SessionStatus.ACTIVE)
            await eventually(lambda: len(stage.script.calls) == number, "a look")  # noqa: B023
        await stage.reaches(session, "SILENT", attention=True)


class TestAsProvider:
    @pytest.fixture(autouse=True)
    def _no_cdr_yet(self, stage: Stage) -> None:
        stage.script.on(SessionWatchActivities.cdr_here, None)

    async def test_the_cdr_that_comes_after_the_end_is_checked(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.check_cdr, FINE)
        session = await started(stage, Side.EMSP)
        await stage.reaches(session, "ACTIVE", attention=False)
        await stage.details(session)
        await changed(stage, Side.EMSP, SessionStatus.COMPLETED)
        await stage.reaches(session, "ENDED", attention=False)
        found = (await stage.handle(session).describe()).typed_search_attributes
        assert found.get(DEADLINE) is not None
        await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
        assert await stage.result(session) == "CLOSED: priced again: the same"
        assert await stage.state(session) == ("CLOSED", False)
        assert stage.script.inputs(BillingActivities.check_cdr) == [CdrRef(CDR.key, stage.connection_id)]
        events = await events_of(stage, session)
        assert len(events) <= EVENTS_AS_EMSP, events
        assert "timer_started" not in events

    async def test_a_cdr_may_come_before_the_end(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.check_cdr, FINE)
        session = await started(stage, Side.EMSP)
        await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
        assert await stage.result(session) == "CLOSED: priced again: the same"
        assert stage.script.inputs(SessionWatchActivities.look) == []

    async def test_an_end_after_its_cdr_finds_it(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.check_cdr, FINE)
        stage.script.on(SessionWatchActivities.cdr_here, CDR.key)
        await changed(stage, Side.EMSP, SessionStatus.COMPLETED)
        assert await stage.result(session_of(stage)) == "CLOSED: priced again: the same"

    async def test_the_session_of_a_cdr_without_one_is_asked_for_once(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.check_cdr, FINE)
        stage.script.on(SessionWatchActivities.look, Looked("PLANNED", "the operator to tell of it"))
        await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
        assert await stage.result(session_of(stage)) == "CLOSED: priced again: the same"
        (asked,) = stage.script.inputs(SessionWatchActivities.look)
        assert asked == LookOrder(SESSION.key, stage.connection_id, Side.EMSP, CDR.key)

    async def test_a_cdr_that_names_no_session_is_looked_after_by_its_own_key(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.check_cdr, FINE)
        await stage.signals.cdr_received(CDR, None, stage.connection_id)
        checked = await stage.result(ids.charging_session(stage.connection_id, CDR.key))
        assert checked == "CLOSED: priced again: the same"

    async def test_a_quarantined_cdr_asks_for_a_person(self, stage: Stage) -> None:
        verdict = Verdict("QUARANTINED", "cdr.total_cost_differs", needs_person=True)
        stage.script.on(BillingActivities.check_cdr, verdict)
        await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
        assert await stage.result(session_of(stage)) == "QUARANTINED: cdr.total_cost_differs"
        assert await stage.state(session_of(stage)) == ("QUARANTINED", True)
        assert "see the open case" in await stage.details(session_of(stage))

    async def test_a_second_cdr_after_the_end_is_checked_as_well(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.check_cdr, FINE)
        credit = ObjectId.parse("DE*RCO/C-1-CREDIT")
        for cdr in (CDR, credit):
            await stage.signals.cdr_received(cdr, "S-1", stage.connection_id)
            await stage.result(session_of(stage))
        checked = [ref.cdr_key for ref in stage.script.inputs(BillingActivities.check_cdr)]
        assert checked == [CDR.key, credit.key]

    async def test_a_cdr_that_is_late_is_called_so_and_taken_when_it_comes(self, stage: Stage) -> None:
        stage.script.on(BillingActivities.check_cdr, FINE)
        stage.script.on(SessionWatchActivities.look, OVERDUE).on(SessionWatchActivities.settle, None)
        session = await started(stage, Side.EMSP)
        await stage.details(session)  # it has begun
        await changed(stage, Side.EMSP, SessionStatus.COMPLETED)
        await stage.reaches(session, "ENDED", attention=False)
        await looked_at(stage, Side.EMSP, SessionStatus.COMPLETED)
        await stage.reaches(session, "CDR_OVERDUE", attention=True)
        assert "ask the operator" in await stage.details(session)
        await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
        assert await stage.result(session) == "CLOSED: priced again: the same"
        assert await stage.state(session) == ("CLOSED", False)
        assert len(stage.script.inputs(SessionWatchActivities.settle)) == 1

    async def test_what_came_to_nothing_is_not_waited_for(self, stage: Stage) -> None:
        nothing = Looked("ENDED", "nothing", status=SessionStatus.COMPLETED, came_to_nothing=True)
        stage.script.on(SessionWatchActivities.cdr_here, None).on(SessionWatchActivities.look, nothing)
        session = await started(stage, Side.EMSP, SessionStatus.RESERVATION)
        await changed(stage, Side.EMSP, SessionStatus.COMPLETED)
        await stage.reaches(session, "ENDED", attention=False)
        await looked_at(stage, Side.EMSP, SessionStatus.COMPLETED)
        assert (await stage.result(session)).startswith("NOT_BILLED")
        assert await stage.state(session) == ("NOT_BILLED", False)

    async def test_an_end_that_was_not_told_is_found_by_a_look(self, stage: Stage) -> None:
        ended = Looked("ENDED", "the operator's CDR", status=SessionStatus.COMPLETED)
        stage.script.on(SessionWatchActivities.look, ended)
        session = await started(stage, Side.EMSP)
        await looked_at(stage, Side.EMSP, SessionStatus.ACTIVE)
        await stage.reaches(session, "ENDED", attention=False)
        await changed(stage, Side.EMSP, SessionStatus.ACTIVE)  # late
        stage.script.on(BillingActivities.check_cdr, FINE)
        await stage.signals.cdr_received(CDR, "S-1", stage.connection_id)
        assert await stage.result(session) == "CLOSED: priced again: the same"

    async def test_an_end_during_a_look_is_not_overlooked(self, stage: Stage) -> None:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def slow(_: object) -> Looked:
            asked.set()
            await asyncio.wait_for(go_on.wait(), 10)
            return SILENT

        stage.script.on(SessionWatchActivities.look, slow)
        session = await started(stage, Side.EMSP)
        await looked_at(stage, Side.EMSP, SessionStatus.ACTIVE)
        await asyncio.wait_for(asked.wait(), 10)
        await changed(stage, Side.EMSP, SessionStatus.COMPLETED)
        go_on.set()
        await stage.reaches(session, "ENDED", attention=False)


@pytest.mark.parametrize("side", Side)
async def test_what_is_invalid_is_never_billed(stage: Stage, side: Side) -> None:
    await started(stage, side)
    await changed(stage, side, SessionStatus.INVALID)
    assert (await stage.result(session_of(stage), str)).startswith("INVALID")
    assert stage.script.calls == []


async def test_a_session_that_was_begun_before_goes_on_as_it_was_begun(stage: Stage) -> None:
    stage.script.on(BillingActivities.generate_cdr, Billed(CDR.key))
    stage.script.on(DeliveryActivities.send_cdr, None).on(DeliveryActivities.prove_receipt, "PROVED")
    handle = await stage.client.start_workflow(
        "ChargingSession",
        {"session_key": SESSION.key, "connection_id": stage.connection_id, "side": "CPO"},
        id=session_of(stage),
        task_queue=stage.signals.task_queue,
        result_type=str,
    )
    await stage.reaches(session_of(stage), "RUNNING")
    await handle.signal(ChargingSession.look)
    await handle.signal(ChargingSession.changed, SessionStatus.COMPLETED)
    assert await handle.result() == f"CLOSED: CDR {CDR.key} delivered"
