"""Agreements are appended: each holds from its moment on, and none replaces another."""

import asyncio

import pytest

from canonical.store import AlreadyExists, Store, StoredAgreement
from tests.store.samples import at


async def _agree(store: Store, ref: str, minutes: float, connection_id: str = "emsp") -> StoredAgreement:
    async with store.transaction() as work:
        return await work.agreements.add(
            connection_id=connection_id,
            ref=ref,
            document=f'{{"name": "{ref}"}}',
            agreed_by="Erika Muster",
            valid_from=at(minutes),
        )


async def test_the_newest_that_holds_already_is_in_force(store: Store) -> None:
    second, first = await _agree(store, "b@2", 20), await _agree(store, "a@1", 10)
    await _agree(store, "c@3", 0, "other")
    async with store.transaction() as work:
        found = [await work.agreements.in_force("emsp", at(minute)) for minute in (9, 10, 19.9, 20, 99)]
        every = await work.agreements.all("emsp")
    assert found == [None, first, first, second, second]
    assert every == (second, first)
    assert (first.document, first.agreed_by, first.valid_from) == ('{"name": "a@1"}', "Erika Muster", at(10))


async def test_a_repeat_stays_and_another_one_of_the_same_moment_is_refused(store: Store) -> None:
    first = await _agree(store, "a@1", 10)
    assert await _agree(store, "a@1", 10) == first
    with pytest.raises(AlreadyExists, match="a@1"):
        await _agree(store, "b@2", 10)


async def test_of_two_at_the_same_time_one_is_kept(store: Store) -> None:
    outcomes = await asyncio.gather(*(_agree(store, f"a@{n}", 10) for n in range(4)), return_exceptions=True)
    assert sum(isinstance(outcome, StoredAgreement) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 3
