"""A transaction: all of it or nothing, however late it begins and however few statements it becomes."""

import asyncio
import contextlib

import pytest
from sqlalchemy.exc import DBAPIError

from canonical.location import Location
from canonical.store import Overtaken, Store
from canonical.vault import Vault
from tests.conftest import Databases
from tests.store.samples import at, location

SOURCE = "a"


class _Stopped(Exception):
    """Something that leaves the block."""


async def _kept(store: Store, name: Location) -> tuple[Location | None, int]:
    async with store.transaction() as work:
        return await work.locations.get(name.object_id, source=SOURCE), await work.events.last()


async def test_what_waits_to_be_written_is_dropped_with_the_rest(store: Store) -> None:
    first = location()
    later = first.model_copy(update={"name": "renamed", "last_updated": at(5)})
    async with store.transaction() as work:
        await work.locations.put(first, source=SOURCE)
    before = await _kept(store, first)
    with contextlib.suppress(_Stopped):
        async with store.transaction() as work:
            await work.locations.put(later, source=SOURCE)
            raise _Stopped
    assert await _kept(store, first) == before


async def test_a_transaction_reads_what_it_has_written(store: Store) -> None:
    first = location()
    later = first.model_copy(update={"name": "renamed", "last_updated": at(5)})
    async with store.transaction() as work:
        await work.locations.put(first, source=SOURCE)
        await work.locations.put(later, source=SOURCE)
        assert await work.locations.get(first.object_id, source=SOURCE) == later
        assert await work.locations.all(source=SOURCE) == (later,)


async def test_the_last_of_two_changes_stays_also_when_neither_is_read_in_between(store: Store) -> None:
    first = location()
    later, last = (
        first.model_copy(update={"name": name, "last_updated": at(minute)}) for name, minute in (("2", 5), ("3", 6))
    )
    async with store.transaction() as work:
        await work.locations.put(first, source=SOURCE)
    async with store.transaction() as work:
        held = await work.locations.held(first.object_id, source=SOURCE)
        await work.locations.put(later, source=SOURCE, held=held)
        await work.locations.put(last, source=SOURCE, held=later)
    found, _ = await _kept(store, first)
    assert found == last


async def test_statements_that_go_out_together_stand_or_fall_together(store: Store) -> None:
    async def write() -> None:
        async with store._begin() as transaction:
            adding = "INSERT INTO tariff (source, key, last_updated, document) VALUES ($1, 'K', now(), $2::jsonb)"
            await transaction.write(adding, "a", "{}")
            await transaction.write(adding.replace("'K'", "NULL"), "a", '{"planted": "secret"}')

    with pytest.raises(DBAPIError) as refused:
        await write()
    assert "planted" not in str(refused.value)
    async with store._begin() as transaction:
        assert await transaction.look("SELECT key FROM tariff") == []


async def test_a_task_that_is_cancelled_leaves_a_connection_that_works(databases: Databases, vault: Vault) -> None:
    url = await databases.fresh()
    store = await Store.connect(url, vault, pool_size=1)
    reached = asyncio.Event()

    async def work() -> None:
        async with store.transaction() as unit:
            await unit.locations.lock(location().object_id)
            await unit.locations.put(location(), source=SOURCE)
            reached.set()
            await asyncio.Event().wait()

    try:
        task = asyncio.create_task(work())
        await reached.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert await _kept(store, location()) == (None, 0)
    finally:
        await store.close()
        await databases.drop(url)


async def test_what_was_seen_and_changed_by_another_meanwhile_is_not_written_over(store: Store) -> None:
    first = location()
    theirs = first.model_copy(update={"name": "theirs", "last_updated": at(5)})
    ours = first.model_copy(update={"name": "ours", "last_updated": at(6)})
    async with store.transaction() as work:
        await work.locations.put(first, source=SOURCE)
    with pytest.raises(Overtaken):  # noqa: PT012 (when the transaction ends)
        async with store.transaction() as work:
            seen = await work.locations.see(first.object_id, source=SOURCE)
            async with store.transaction() as other:
                await other.locations.put(theirs, source=SOURCE)
            told = await _kept(store, first)
            await work.locations.put_over(seen, ours, source=SOURCE)
    assert await _kept(store, first) == told
    assert told[0] == theirs
    async with store.transaction() as work:
        seen = await work.locations.see(first.object_id, source=SOURCE)
        assert seen.locked  # whoever comes next here waits for the others, and so comes to an end
        assert (await work.locations.put_over(seen, ours, source=SOURCE)).before == theirs
    assert (await _kept(store, first))[0] == ours


async def test_of_two_who_add_the_same_object_one_is_overtaken(store: Store) -> None:
    new = location()
    with pytest.raises(Overtaken):  # noqa: PT012 (when the transaction ends)
        async with store.transaction() as work:
            seen = await work.locations.see(new.object_id, source=SOURCE)
            async with store.transaction() as other:
                await other.locations.put_over(
                    await other.locations.see(new.object_id, source=SOURCE), new, source=SOURCE
                )
            told = await _kept(store, new)
            await work.locations.put_over(seen, new, source=SOURCE)
    assert await _kept(store, new) == told
