"""A pull goes page by page; its place in the list is the workflow's own state."""

import pytest
from temporalio.client import WorkflowFailureError

from activities.resync import Begun, CrawlOrder, Cursor, Finished, Progress, ResyncActivities
from adapters.transport.crawl import Place
from tests.workflows.stage import Stage, refusal
from workflows import ids

DONE = Finished("3 seen, 0 missing, 0 removed")


def to(page: int, pulled: int = 2) -> Progress:
    place = Place(f"https://p/{page}", page=page)
    return Progress(pulled, place.url, place)


def walk(stage: Stage, *pages: object, finished: Finished = DONE) -> None:
    stage.script.on(ResyncActivities.begin, Begun(7))
    stage.script.on(ResyncActivities.pull_page, *pages)
    stage.script.on(ResyncActivities.finish, finished)


async def test_the_cursor_goes_from_page_to_page(stage: Stage) -> None:
    walk(stage, to(2), RuntimeError("down"), to(3), Progress(1, None))
    await stage.signals.pull(stage.connection_id, "locations")
    pull = ids.resync(stage.connection_id, "locations")
    assert await stage.result(pull) == 5
    cursors: list[Cursor] = stage.script.inputs(ResyncActivities.pull_page)
    assert [cursor.place.url for cursor in cursors] == [None, "https://p/2", "https://p/2", "https://p/3"]
    assert {(c.connection_id, c.module, c.crawl) for c in cursors} == {(stage.connection_id, "locations", 7)}
    assert stage.script.inputs(ResyncActivities.finish) == [7]
    assert await stage.state(pull) == ("PULLED", False)


async def test_a_walk_is_named_by_its_first_run_and_reads_everything(stage: Stage) -> None:
    walk(stage, Progress(0, None))
    await stage.signals.pull(stage.connection_id, "tokens")
    pull = ids.resync(stage.connection_id, "tokens")
    await stage.result(pull)
    run_id = (await stage.handle(pull).describe()).run_id
    assert stage.script.inputs(ResyncActivities.begin) == [CrawlOrder(stage.connection_id, "tokens", run_id)]


async def test_a_list_that_may_not_be_whole_is_shown_to_a_person(stage: Stage) -> None:
    walk(stage, Progress(1, None), finished=Finished("1 seen; the list may not be whole", whole=False))
    await stage.signals.pull(stage.connection_id, "tariffs")
    pull = ids.resync(stage.connection_id, "tariffs")
    assert await stage.result(pull) == 1
    assert await stage.state(pull) == ("PULLED_IN_PART", True)
    assert "may not be whole" in await stage.details(pull)


async def test_a_refusal_is_shown_to_a_person_and_ends_the_pull(stage: Stage) -> None:
    walk(stage, to(2), refusal("401: your token is not known", "PartnerUnauthorized"))
    await stage.signals.pull(stage.connection_id, "tariffs")
    pull = ids.resync(stage.connection_id, "tariffs")
    with pytest.raises(WorkflowFailureError):
        await stage.result(pull)
    assert await stage.state(pull) == ("REFUSED", True)
    assert "your token is not known" in await stage.details(pull)
    assert stage.script.inputs(ResyncActivities.finish) == []


async def test_a_long_list_is_continued_in_new_runs_with_its_place_and_its_count(timeless_stage: Stage) -> None:
    stage, pages = timeless_stage, 30
    walk(stage, *[to(n) for n in range(2, pages + 1)], Progress(1, None))
    await stage.signals.pull(stage.connection_id, "tokens")
    pull = ids.resync(stage.connection_id, "tokens")
    first = (await stage.handle(pull).describe()).run_id
    assert await stage.result(pull) == 2 * (pages - 1) + 1
    cursors: list[Cursor] = stage.script.inputs(ResyncActivities.pull_page)
    assert [cursor.place.page for cursor in cursors] == list(range(1, pages + 1))
    assert len(stage.script.inputs(ResyncActivities.begin)) == 1
    assert (await stage.handle(pull).describe()).run_id != first
