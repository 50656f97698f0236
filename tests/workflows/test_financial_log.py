"""The step that extends the log of financial records, and what plans it."""

from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError

from activities.financial_log import LogActivities, Logged, LogOrder
from canonical.settlement import CaseState
from canonical.store import Store
from tests.store.financial import KEY, audited, charge, tamper
from tests.workflows.test_activities import resources


def _activities(store: Store) -> LogActivities:
    return LogActivities(replace(resources(store), log_key=KEY))


async def test_what_is_new_is_taken_and_signed(store: Store) -> None:
    await charge(store, "C1", "C2")
    activities = _activities(store)
    logged = await activities.extend(LogOrder())
    found, faults = await audited(store)
    assert (logged, faults) == (Logged(found.records), [])
    assert found.newest is not None
    assert await activities.extend(LogOrder(whole=True)) == Logged(0)


async def test_without_a_key_nothing_is_done(store: Store) -> None:
    await charge(store, "C1")
    assert await LogActivities(resources(store)).extend(LogOrder()) == Logged(0)


async def test_a_person_is_told_once_that_the_log_is_broken(store: Store, database_url: str) -> None:
    await charge(store, "C1")
    activities = _activities(store)
    await activities.extend(LogOrder())
    await tamper(database_url, "DELETE FROM log_leaf WHERE position = (SELECT max(position) FROM log_leaf)")
    await charge(store, "C2")
    for _ in range(2):
        with pytest.raises(ApplicationError, match="roam evidence verify"):
            await activities.extend(LogOrder())
    async with store.transaction() as work:
        (case,) = await work.cases.list(state=CaseState.OPEN)
    assert case.kind == "log-broken"
