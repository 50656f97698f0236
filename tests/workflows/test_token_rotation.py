"""Tokens that have grown old are renewed by themselves, where the operator wants it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.token_rotation import TokenRotationActivities
from canonical.partner import LinkState
from canonical.store import AccessPurpose, Store
from tests.api.recorder import Recorder
from tests.store.samples import connection
from tests.workflows.test_activities import resources


async def test_a_connected_partner_whose_tokens_are_old_is_renewed_with(store: Store) -> None:
    states = {"connected": LinkState.CONNECTED, "resting": LinkState.SUSPENDED, "planned": LinkState.PLANNED}
    async with store.transaction() as work:
        for name, state in states.items():
            await work.connections.add(connection(name, state=state))
            await work.access.issue(name, AccessPurpose.ACCESS, "registration")
    assert await _begun(store, timedelta(days=-1)) == ["connected"]  # whatever is older than tomorrow
    assert await _begun(store, timedelta(days=1)) == []
    assert await _begun(store, None) == []


async def test_what_was_renewed_lately_is_not_due(store: Store) -> None:
    async with store.transaction() as work:
        await work.connections.add(connection("connected"))
        await work.access.issue("connected", AccessPurpose.ACCESS, "registration")
        between = datetime.now(UTC)
    async with store.transaction() as work:
        await work.access.issue("connected", AccessPurpose.ACCESS, "renewal")
        assert await work.access.due_for_renewal(between) == ()


async def _begun(store: Store, after: timedelta | None) -> list[object]:
    told = Recorder(store)
    given = replace(resources(store), renew_tokens_after=after, clock=lambda: datetime.now(UTC))
    count = await ActivityEnvironment().run(TokenRotationActivities(given, told).begin)
    names = [name for (name,) in told.of("renew")]
    assert count == len(names)
    return names
