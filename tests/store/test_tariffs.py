"""Tariffs keep every content they ever had, and know which one was in force when."""

import asyncio

import pytest
from sqlalchemy import text

from canonical.store import NotFound, Store
from tests.store.samples import at, of, tariff


async def _versions(store: Store) -> object:
    async with store._begin() as connection:
        return (await connection.execute(text("SELECT count(*) FROM tariff_version"))).scalar_one()


async def test_every_content_is_a_version_and_a_repeat_is_none(store: Store) -> None:
    old, new = tariff(price="0.50"), tariff(price="0.60", updated=5)
    for value in (old, old, new, new):
        async with store.transaction() as work:
            await work.tariffs.put(value)
    assert await _versions(store) == 2
    async with store.transaction() as work:
        assert await work.tariffs.version(old.version()) == old
        assert await work.tariffs.version(new.version()) == new
        with pytest.raises(NotFound):
            await work.tariffs.version(tariff(price="0.70").version())


async def test_a_late_older_content_is_kept_but_was_never_in_force(store: Store) -> None:
    late, current = tariff(price="0.40", updated=1), tariff(price="0.60", updated=5)
    async with store.transaction() as work:
        await work.tariffs.put(current)
        for _ in range(2):
            assert not (await work.tariffs.put(late)).applied
        assert await work.tariffs.version(late.version()) == late
        assert await work.tariffs.in_force(of("T1"), at(2)) is None
        assert await work.tariffs.get(of("T1")) == current
    assert await _versions(store) == 2


async def test_in_force_is_what_was_current_then(store: Store) -> None:
    first, second = tariff(price="0.50"), tariff(price="0.60", updated=10)
    third = tariff(price="0.70", updated=20, valid_from=30)
    async with store.transaction() as work:
        for value in (first, second, third):
            await work.tariffs.put(value)
        found = [await work.tariffs.in_force(of("t1"), at(minute)) for minute in (-1, 0, 9, 10, 25, 30)]
    assert found == [None, first, first, second, second, third]


async def test_a_removed_tariff_is_no_longer_in_force_but_was(store: Store) -> None:
    value = tariff()
    async with store.transaction() as work:
        await work.tariffs.put(value)
    async with store.transaction() as work:
        assert await work.tariffs.remove(of("T1"))
        assert not await work.tariffs.remove(of("T1"))
        assert await work.tariffs.get(of("T1")) is None
        assert await work.tariffs.version(value.version()) == value
        assert await work.tariffs.in_force(of("T1"), at(1)) == value
        assert await work.tariffs.in_force(of("T1"), at(60 * 24 * 365 * 50)) is None


async def test_a_content_that_comes_back_is_in_force_again(store: Store) -> None:
    first, second = tariff(price="0.50"), tariff(price="0.60", updated=10)
    again = tariff(price="0.50", updated=20)
    async with store.transaction() as work:
        for value in (first, second, again):
            await work.tariffs.put(value)
        assert await work.tariffs.in_force(of("T1"), at(15)) == second
        assert await work.tariffs.in_force(of("T1"), at(25)) == again


async def test_writers_at_the_same_time_make_one_version(store: Store) -> None:
    async def put() -> None:
        async with store.transaction() as work:
            await work.tariffs.put(tariff())

    await asyncio.gather(*(put() for _ in range(8)))
    assert await _versions(store) == 1
