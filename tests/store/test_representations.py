"""Objects as bytes: never of another state than the stored one, whoever writes when."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from canonical.location import Location
from canonical.model import CanonicalModel
from canonical.store import BILLED_SESSIONS, ISSUED_CDRS, LOCATIONS, TARIFFS, Shelf, Store, Window, WrittenPage
from tests.store.samples import at, cdr, context, dossier, location, of, session, tariff


@dataclass
class Scribe:
    """Writes the id and the name of an object, and counts how often it had to."""

    key: str = "scribe"
    build: str = "1"
    wordless: frozenset[str] = frozenset()
    writes: int = 0
    reported: list[str] = field(default_factory=list)

    def write(self, value: CanonicalModel) -> bytes | None:
        self.writes += 1
        found = value.model_dump(mode="json")
        if found["id"] in self.wordless:
            return None
        return json.dumps([found["id"], found.get("name")]).encode()

    async def report(self, values: Sequence[CanonicalModel]) -> None:
        self.reported += [value.model_dump(mode="json")["id"] for value in values]


async def put(store: Store, *values: Location, source: str = "") -> None:
    async with store.transaction() as work:
        for value in values:
            await work.locations.put(value, source=source)


async def page(
    store: Store, scribe: Scribe, shelf: Shelf = LOCATIONS, owner: str = "", **window: object
) -> WrittenPage:
    asked = Window(**{"limit": 100, **window})
    return await store.representations.page(shelf, owner, asked, scribe)


def items(found: WrittenPage) -> list[list[str]]:
    return json.loads(b"[" + found.body + b"]")


async def test_what_was_written_once_is_handed_out_again(store: Store) -> None:
    await put(store, location("L1", name="one"), location("L2", name="two"))
    scribe = Scribe()
    for _ in range(3):
        found = await page(store, scribe)
        assert (items(found), found.rows, found.total, found.more) == ([["L1", "one"], ["L2", "two"]], 2, 2, False)
    assert scribe.writes == 2


async def test_a_change_is_seen_by_the_next_reader_in_every_way(store: Store) -> None:
    scribe = Scribe()
    await put(store, location("L1", name="one"), location("L2", name="two"))
    await page(store, scribe)
    await page(store, scribe)
    await put(store, location("L1", name="new", updated=1))
    assert items(await page(store, scribe)) == [["L1", "new"], ["L2", "two"]]
    # Past every repository, as a migration or a person might do it.
    async with store._begin() as opened:
        await opened.execute(text("UPDATE location SET document = jsonb_set(document, '{name}', '\"by hand\"')"))
    assert [name for _, name in items(await page(store, scribe))] == ["by hand", "by hand"]
    written = await store.representations.one(LOCATIONS, "", of("L1"), scribe)
    assert written is not None
    assert written.content == b'["L1", "by hand"]'


async def test_an_object_that_was_removed_and_came_back_is_a_new_one(store: Store) -> None:
    scribe = Scribe()
    async with store.transaction() as work:
        await work.tariffs.put(tariff("T1", price="0.10"))
    await page(store, scribe, TARIFFS)
    async with store.transaction() as work:
        await work.tariffs.remove(of("T1"))
    assert (await page(store, scribe, TARIFFS)).rows == 0
    assert await store.representations.one(TARIFFS, "", of("T1"), scribe) is None
    async with store.transaction() as work:
        await work.tariffs.put(tariff("T1", price="0.20"))
    await page(store, scribe, TARIFFS)
    assert scribe.writes == 2


async def test_adapters_and_builds_keep_their_own(store: Store) -> None:
    await put(store, location("L1"))
    one, other, next_release = Scribe("a"), Scribe("b"), Scribe("a", build="2")
    for scribe in (one, other, next_release):
        await page(store, scribe)
        await page(store, scribe)
    assert [one.writes, other.writes, next_release.writes] == [1, 1, 1]


async def test_an_unwritable_object_is_left_out_counted_and_reported_once(store: Store) -> None:
    await put(store, *(location(f"L{n}", name="n") for n in range(4)))
    scribe = Scribe(wordless=frozenset({"L1"}))
    for _ in range(3):
        found = await page(store, scribe, limit=2)
        assert ([id_ for id_, _ in items(found)], found.rows, found.total, found.more) == (["L0"], 2, 4, True)
        rest = await page(store, scribe, limit=2, after=found.last)
        assert [id_ for id_, _ in items(rest)] == ["L2", "L3"]
    assert scribe.reported == ["L1"]
    written = await store.representations.one(LOCATIONS, "", of("L1"), scribe)
    assert written is not None
    assert written.content is None
    await put(store, location("L1", name="another state", updated=1))
    await page(store, scribe)
    assert scribe.reported == ["L1", "L1"]


async def test_readers_beside_writers_never_see_an_older_state_than_the_last_one_written(store: Store) -> None:
    """A writer tells what is committed before a reader begins: the reader must see that or something newer."""
    ids = [f"L{n}" for n in range(6)]
    await put(store, *(location(id_, name="0") for id_ in ids))
    committed = dict.fromkeys(ids, 0)
    scribe, chance = Scribe(), random.Random(7)
    under_way = True

    async def write(id_: str) -> None:
        for turn in range(1, 30):
            await put(store, location(id_, name=str(turn), updated=turn))
            committed[id_] = turn

    async def read() -> int:
        reads = 0
        while under_way:
            least = dict(committed)
            limit = chance.choice((2, 3, 6))
            for id_, name in items(await page(store, scribe, limit=limit)):
                assert int(name) >= least[id_]
            one = chance.choice(ids)
            least_of_one = committed[one]
            written = await store.representations.one(LOCATIONS, "", of(one), scribe)
            assert written is not None
            assert written.content is not None
            assert int(json.loads(written.content)[1]) >= least_of_one
            reads += 1
        return reads

    readers = [asyncio.create_task(read()) for _ in range(3)]
    await asyncio.gather(*(write(id_) for id_ in ids))
    under_way = False
    assert sum(await asyncio.gather(*readers)) > 0
    assert [name for _, name in items(await page(store, scribe))] == ["29"] * len(ids)


async def test_a_late_reader_that_keeps_an_older_state_harms_nobody(store: Store) -> None:
    await put(store, location("L1", name="old"))

    scribe = Scribe()
    lines = await store._direct.fetch("SELECT number, revision FROM location")
    await put(store, location("L1", name="new", updated=1))
    await page(store, scribe)
    await store._direct.fetch(
        "INSERT INTO representation VALUES ('location', $1, 'scribe', $2, '1', 'stale') "
        "ON CONFLICT (family, number, adapter) DO UPDATE SET revision = excluded.revision, content = excluded.content",
        *lines[0],
    )
    assert items(await page(store, scribe)) == [["L1", "new"]]
    written = await store.representations.one(LOCATIONS, "", of("L1"), scribe)
    assert written is not None
    assert written.content == b'["L1", "new"]'


async def test_sessions_and_cdrs_of_one_partner(store: Store) -> None:
    scribe = Scribe()
    async with store.transaction() as work:
        for id_ in ("S1", "S2", "S3"):
            await work.sessions.put(session(id_))
        await work.sessions.seal(context("S2"))
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
        await work.cdrs.add(dossier(cdr("C2")), connection_id="other", ours=True, evidence_id=None)
        await work.cdrs.add(dossier(), connection_id="emsp", ours=False, evidence_id=None)
    for _ in range(2):
        mine = await page(store, scribe, BILLED_SESSIONS, context("S2").connection_id, since=at(-1))
        assert ([id_ for id_, _ in items(mine)], mine.total) == (["S2"], 1)
        cdrs = await page(store, scribe, ISSUED_CDRS, "emsp")
        assert (len(items(cdrs)), cdrs.total) == (1, 1)
    assert (await page(store, scribe, ISSUED_CDRS, "nobody")).total == 0
