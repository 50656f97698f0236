"""How many there are: exact without counting, whoever adds and removes at the same time."""

import asyncio
import random

from sqlalchemy import text

from canonical.store import Store
from tests.store.samples import at, dossier, location, of, tariff


async def total(store: Store, source: str = "") -> int:
    async with store.transaction() as work:
        return (await work.tariffs.page(source=source, limit=1)).total


async def counted(store: Store, source: str = "") -> int:
    async with store._begin() as opened:
        found = await opened.execute(text("SELECT count(*) FROM tariff WHERE source = :source"), {"source": source})
        return found.scalar_one()


async def test_writers_at_once_lose_no_count(store: Store) -> None:
    chance = random.Random(11)

    async def busy(worker: int) -> None:
        for turn in range(12):
            id_, source = f"T{chance.randrange(20)}", chance.choice(("", "partner"))
            async with store.transaction() as work:
                if chance.random() < 0.6:
                    await work.tariffs.put(tariff(id_, updated=worker + turn), source=source)
                else:
                    await work.tariffs.remove(of(id_), source=source)

    await asyncio.gather(*(busy(worker) for worker in range(8)))
    for source in ("", "partner"):
        assert await total(store, source) == await counted(store, source)


async def test_an_open_transaction_keeps_nobody_waiting_and_counts_when_it_is_committed(store: Store) -> None:
    async with store.transaction() as open_:
        await open_.tariffs.put(tariff("T1"))
        async with asyncio.timeout(5):
            async with store.transaction() as other:
                await other.tariffs.put(tariff("T2"))
        assert await total(store) == 1
    assert await total(store) == 2


async def test_what_is_rolled_back_does_not_count(store: Store) -> None:
    class Changed(Exception):
        pass

    async def give_up() -> None:
        async with store.transaction() as work:
            await work.tariffs.put(tariff("T1"))
            raise Changed

    await asyncio.gather(give_up(), return_exceptions=True)
    assert await total(store) == 0


async def test_an_update_does_not_count(store: Store) -> None:
    for updated in range(3):
        async with store.transaction() as work:
            await work.tariffs.put(tariff("T1", updated=updated))
    assert await total(store) == 1


async def test_totals_of_cdrs_are_those_of_the_connection(store: Store) -> None:
    async with store.transaction() as work:
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
        await work.cdrs.add(dossier(), connection_id="emsp", ours=False, evidence_id=None)
    async with store.transaction() as work:
        assert (await work.cdrs.page("emsp")).total == 1
        assert (await work.cdrs.page("another")).total == 0


async def test_pages_by_row_neither_skip_nor_repeat_what_stays(store: Store) -> None:
    async with store.transaction() as work:
        for number in range(9):
            await work.tariffs.put(tariff(f"T{number}", updated=number))
    seen: list[str] = []
    after = None
    for removed, added in (("T0", "N0"), ("T1", "N1"), ("T8", "N2")):
        async with store.transaction() as work:
            page = await work.tariffs.page(after=after, limit=3)
        seen += [item.id for item in page.items]
        after = page.last
        async with store.transaction() as work:
            await work.tariffs.remove(of(removed))
            await work.tariffs.put(tariff(added))
            await work.tariffs.put(tariff("T4", updated=100))
    assert seen == [f"T{number}" for number in range(9)]
    async with store.transaction() as work:
        rest = await work.tariffs.page(after=after, limit=9)
        beyond = await work.tariffs.page(after=rest.last, limit=9)
        window = await work.tariffs.page(since=at(3), until=at(7), limit=2)
    assert [item.id for item in rest.items] == ["N0", "N1", "N2"]
    assert (beyond.items, beyond.last, beyond.total) == ((), None, 9)
    assert ([item.id for item in window.items], window.total) == (["T3", "T5"], 3)


async def test_locations_are_counted_by_source(store: Store) -> None:
    async with store.transaction() as work:
        await work.locations.put(location("L1"))
        await work.locations.put(location("L1"), source="partner")
    async with store.transaction() as work:
        assert (await work.locations.page(limit=5)).total == 1
        assert (await work.locations.page(source="partner", limit=5)).total == 1
