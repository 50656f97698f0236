"""Lists of what is under way: what needs a person, with whom, since when, and in which words."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

import workflows
from activities.handshake import HandshakeActivities
from tests.workflows.stage import PATIENCE_S, Stage, refusal
from workflows import ids, visibility
from workflows.contract import CannotTell
from workflows.handshake import Handshake, HandshakeOrder, Opening
from workflows.search_attributes import ATTENTION, SINCE, STATE, at_start, standing_at_start, words_of
from workflows.work import KINDS, Wanted, Work, WorkKind, WorkPage


async def seen(stage: Stage, wanted: Wanted, count: int) -> WorkPage:
    """The list, as soon as there is so much on it: it lags behind."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        page = await stage.signals.work(wanted)
        if page.total == count:
            return page
        assert asyncio.get_running_loop().time() < deadline, page
        await asyncio.sleep(0.1)


async def waiting(
    client: Client, connection: str, cdr: str, *, state: str, since: datetime, attention: bool = False
) -> WorkflowHandle[object, object]:
    """A delivery that no worker knows of, in a state that a worker told."""
    about = standing_at_start(connection, cdr, state, since)
    told = TypedSearchAttributes([pair for pair in about if pair.key.name != ATTENTION.name])
    return await client.start_workflow(
        "CdrDelivery",
        id=ids.cdr_delivery(connection, cdr),
        task_queue=f"nobody-{connection}",
        search_attributes=told.updated(SearchAttributePair(ATTENTION, attention)),
    )


def test_every_workflow_has_a_kind() -> None:
    named = {getattr(kind, "__temporal_workflow_definition").name for kind in workflows.ALL}
    assert named <= KINDS.keys()


async def test_a_handshake_that_is_stuck_says_with_whom_since_when_why_and_what_to_do(stage: Stage) -> None:
    stage.script.on(HandshakeActivities.discover, refusal("3001: no 'versions' in the answer"))
    began = datetime.now(UTC) - timedelta(seconds=2)
    order = HandshakeOrder(stage.connection_id, Opening.WE_REGISTER)
    handshake = ids.handshake(stage.connection_id)
    await stage.client.start_workflow(
        Handshake.run,
        order,
        id=handshake,
        task_queue=stage.signals.task_queue,
        search_attributes=at_start(stage.connection_id, "credentials"),
    )
    try:
        await stage.reaches(handshake, "STUCK_DISCOVERING", attention=True)
        wanted = Wanted(connection_id=stage.connection_id, attention=True, state="STUCK_DISCOVERING")
        (work,) = (await seen(stage, wanted, 1)).items
        assert (work.kind, work.about, work.workflow_id) == (WorkKind.HANDSHAKE, "credentials", handshake)
        assert (work.attention, work.outcome, work.broken) == (True, None, False)
        assert began < work.since < datetime.now(UTC) + timedelta(seconds=2)
        assert "3001: no 'versions' in the answer" in str(work.waiting_for)
        assert "nudge" in str(work.next_action) or "retry" in str(work.next_action)
        nobody = await stage.signals.work(Wanted(connection_id=stage.connection_id, kind=WorkKind.DELIVERY))
        assert (nobody.items, nobody.total) == ((), 0)
    finally:
        await stage.handle(handshake).terminate()
    wanted = Wanted(connection_id=stage.connection_id, attention=True, ended=True)
    (over,) = (await seen(stage, wanted, 1)).items
    assert (over.outcome, over.waiting_for, over.deadline) == ("TERMINATED", None, None)


async def test_the_list_is_in_the_order_of_waiting_and_goes_on_where_its_page_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was started first; and where no worker answers there are no words, and they are not waited for long."""
    monkeypatch.setattr(visibility, "_ANSWER_WITHIN_S", 0.2)
    client, connection, now = stage.client, stage.connection_id, datetime(2026, 3, 1, tzinfo=UTC)
    started = [
        await waiting(client, connection, f"DE*RCO/{n}", state=state, since=now - timedelta(hours=n), attention=a)
        for n, state, a in ((2, "PARKED", True), (3, "SENDING", False), (1, "PARKED", True))
    ]
    try:
        page = await seen(stage, Wanted(kind=WorkKind.DELIVERY, connection_id=connection), 3)
        assert [work.about for work in page.items] == ["DE*RCO/3", "DE*RCO/2", "DE*RCO/1"]
        assert {work.waiting_for for work in page.items} == {None}
        wanted = Wanted(connection_id=connection)
        first = await stage.signals.work(wanted, limit=2)
        rest = await stage.signals.work(wanted, after=first.items[-1].place, limit=2)
        assert ([work.about for work in rest.items], rest.more, first.more) == (["DE*RCO/1"], False, True)
        parked = await stage.signals.work(Wanted(connection_id=connection, attention=True))
        assert [work.about for work in parked.items] == ["DE*RCO/2", "DE*RCO/1"]
    finally:
        for handle in started:
            await handle.terminate()


async def test_a_name_cannot_change_the_question(stage: Stage) -> None:
    for name in ("x' OR ExecutionStatus = 'Running", "x\\", "x\\' OR 1=1"):
        assert (await stage.signals.work(Wanted(connection_id=name))).total == 0


async def test_a_server_that_cannot_say_is_a_clear_word(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(client: Client, query: str) -> list[Work]:
        raise RPCError("visibility store is down", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(visibility, "_found", found)
    with pytest.raises(CannotTell, match="visibility store is down"):
        await stage.signals.work(Wanted())


async def test_a_server_that_knows_of_no_problems_is_asked_without_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def listed(client: Client, query: str) -> list[Work]:
        asked.append(query)
        if "TemporalReportedProblems" in query:
            raise RPCError("invalid search attribute", RPCStatusCode.INVALID_ARGUMENT, b"")
        return []

    monkeypatch.setattr(visibility, "_listed", listed)
    assert (await stage.signals.work(Wanted(attention=True))).total == 0
    assert asked[-1] == "(RoamAttention = true) AND (ExecutionStatus = 'Running')"


def test_words_come_out_as_they_went_in_whatever_a_partner_says() -> None:
    assert words_of("**S**\n\n- waiting for: a\nb\n- next action: c\n") == ("a\nb", "c")
    assert words_of("a person's own details") is None
    assert (STATE.name, SINCE.name) == ("RoamState", "RoamSince")
