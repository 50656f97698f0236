"""`GET /work`: what is under way, as systems and the command line read it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.api.partner import Deployment
from tests.api.test_contract import problem
from workflows.work import Place, Wanted, Work, WorkKind, WorkPage

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORK = Work(
    kind=WorkKind.DELIVERY,
    workflow_id="cdr-delivery/mobility/DE*ABC/C-1",
    connection_id="mobility",
    about="DE*ABC/C-1",
    state="PARKED",
    attention=True,
    since=AT,
    deadline=AT + timedelta(days=1),
    waiting_for="a decision",
    next_action="release it",
)


async def test_what_is_asked_for_reaches_the_list_and_what_it_says_comes_back(roam: Deployment) -> None:
    roam.signals.page = WorkPage((WORK, replace(WORK, waiting_for=None)), total=7, more=True)
    query = "kind=delivery&connection=mobility&state=PARKED&attention=true&limit=2"
    answer = (await roam.contract("GET", f"/work?{query}")).json()
    assert answer["items"][0] == {
        "kind": "delivery",
        "connection": "mobility",
        "about": "DE*ABC/C-1",
        "state": "PARKED",
        "attention": True,
        "broken": False,
        "since": "2026-03-01T12:00:00Z",
        "deadline": "2026-03-02T12:00:00Z",
        "waiting_for": "a decision",
        "next_action": "release it",
        "outcome": None,
        "workflow_id": "cdr-delivery/mobility/DE*ABC/C-1",
    }
    assert (answer["total"], answer["unanswered"]) == (7, 1)
    await roam.contract("GET", f"/work?after={answer['next']}&ended=true")
    asked = roam.signals.of("work")
    assert asked[0] == (Wanted(WorkKind.DELIVERY, "mobility", "PARKED", attention=True), None, 2)
    assert asked[1] == (Wanted(ended=True), Place(AT, WORK.workflow_id), 100)


async def test_while_temporal_cannot_be_asked_it_says_so(roam: Deployment) -> None:
    roam.signals.deaf = True
    problem(await roam.contract("GET", "/work"), 503, "not-ready")


async def test_what_is_no_question_is_refused(roam: Deployment) -> None:
    for query in ("kind=coffee", "state=x' OR 1=1", "after=MQ", "attention=perhaps"):
        problem(await roam.contract("GET", f"/work?{query}"), 422, "invalid-input")
