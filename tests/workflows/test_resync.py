"""A pull goes page by page; its place in the list is the workflow's own state."""

import pytest
from temporalio.client import WorkflowFailureError

from activities.resync import Cursor, Progress, ResyncActivities
from tests.workflows.stage import Stage
from workflows import ids


async def test_the_cursor_goes_from_page_to_page(stage: Stage) -> None:
    stage.script.on(
        ResyncActivities.pull_page, Progress(2, "https://p/2"), RuntimeError("down"), Progress(2, "https://p/3"),
        Progress(1, None),
    )  # fmt: skip
    await stage.signals.pull(stage.connection_id, "locations")
    assert await stage.result(ids.resync(stage.connection_id, "locations")) == 5
    asked = [cursor.url for cursor in stage.script.inputs(ResyncActivities.pull_page)]
    assert asked == [None, "https://p/2", "https://p/2", "https://p/3"]
    assert all(c == Cursor(stage.connection_id, "locations", c.url) for _, c in stage.script.calls)


async def test_a_list_that_goes_round_in_a_circle_ends_and_says_so(stage: Stage) -> None:
    stage.script.on(ResyncActivities.pull_page, Progress(2, "https://p/1"))
    await stage.signals.pull(stage.connection_id, "tariffs")
    pull = ids.resync(stage.connection_id, "tariffs")
    with pytest.raises(WorkflowFailureError):
        await stage.result(pull)
    assert await stage.state(pull) == ("CIRCLE", True)


async def test_a_long_list_is_continued_in_new_runs_with_its_place_and_its_count(timeless_stage: Stage) -> None:
    stage, pages = timeless_stage, 30
    progress = [Progress(2, f"https://p/{n}") for n in range(1, pages)]
    stage.script.on(ResyncActivities.pull_page, *progress, Progress(1, None))
    await stage.signals.pull(stage.connection_id, "tokens")
    pull = ids.resync(stage.connection_id, "tokens")
    first = (await stage.handle(pull).describe()).run_id
    assert await stage.result(pull) == 2 * (pages - 1) + 1
    assert len({c.url for c in stage.script.inputs(ResyncActivities.pull_page)}) == pages
    assert len(stage.script.calls) == pages
    assert (await stage.handle(pull).describe()).run_id != first
