"""Living objects: newest state wins, spelling does not matter, pages are stable, nobody overwrites anybody."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import pytest

from canonical.identity import ObjectId, PartyId
from canonical.session import SessionStatus
from canonical.store import Store, Unstorable
from tests.store.samples import at, location, of, session, token


async def test_a_put_says_what_it_did(store: Store) -> None:
    async with store.transaction() as work:
        first = await work.locations.put(location(updated=0))
        second = await work.locations.put(location(updated=1, name="neu"))
        stale = await work.locations.put(location(updated=0, name="alt"))
        equal = await work.locations.put(location(updated=1, name="gleich alt"))
    assert (first.created, first.applied, first.before) == (True, True, None)
    assert (second.created, second.applied, second.before) == (False, True, location(updated=0))
    assert (stale.created, stale.applied, stale.before) == (False, False, location(updated=1, name="neu"))
    assert equal.applied
    async with store.transaction() as work:
        assert await work.locations.get(of("LOC1")) == location(updated=1, name="gleich alt")


async def test_spelling_does_not_make_two_of_one(store: Store) -> None:
    async with store.transaction() as work:
        await work.locations.put(location("loc1"))
        outcome = await work.locations.put(location("LOC1", updated=1))
        named = ObjectId(owner=PartyId(country_code="de", party_id="rco"), id="Loc1")
        assert not outcome.created
        assert await work.locations.get(named) == location("LOC1", updated=1)


async def test_sources_are_apart(store: Store) -> None:
    async with store.transaction() as work:
        await work.locations.put(location(name="ours"))
        await work.locations.put(location(name="theirs"), source="partner")
        ours, theirs = await work.locations.get(of("LOC1")), await work.locations.get(of("LOC1"), source="partner")
    assert (ours, theirs) == (location(name="ours"), location(name="theirs"))


async def test_pages_count_all_and_keep_the_order_of_creation(store: Store) -> None:
    async with store.transaction() as work:
        for number in range(5):
            await work.locations.put(location(f"L{number}", updated=number))
        await work.locations.put(location("L0", updated=10, name="newest, but first made"))
    async with store.transaction() as work:
        page = await work.locations.page(offset=0, limit=2)
        rest = await work.locations.page(offset=2, limit=9)
        beyond = await work.locations.page(offset=9, limit=9)
        window = await work.locations.page(since=at(2), until=at(4), offset=0, limit=9)
    assert ([item.id for item in page.items], page.total) == (["L0", "L1"], 5)
    assert [item.id for item in rest.items] == ["L2", "L3", "L4"]
    assert (beyond.items, beyond.total) == ((), 5)
    assert ([item.id for item in window.items], window.total) == (["L2", "L3"], 2)


async def test_every_digit_of_a_decimal_stays(store: Store) -> None:
    odd = session(energy="1.5000000000000000000000000000001000")
    async with store.transaction() as work:
        await work.sessions.put(odd)
    async with store.transaction() as work:
        stored = await work.sessions.get(of("S1"))
    assert stored is not None
    assert stored.model_dump_json() == odd.model_dump_json()


async def test_two_writers_of_one_object_lose_nothing(store: Store) -> None:
    """Whatever the order of arrival, the newest state stays."""

    async def put(minute: int) -> None:
        async with store.transaction() as work:
            await work.sessions.put(session(energy=str(minute), updated=minute))

    await asyncio.gather(*(put(minute) for minute in (3, 1, 4, 2, 9, 5, 8, 6, 7, 0)))
    async with store.transaction() as work:
        assert await work.sessions.all() == (session(energy="9", updated=9),)


async def test_the_lock_makes_read_modify_write_safe(store: Store) -> None:
    async with store.transaction() as work:
        await work.sessions.put(session(energy="0"))

    async def one_more_kwh() -> None:
        async with store.transaction() as work:
            await work.sessions.lock(of("s1"))
            current = await work.sessions.get(of("S1"))
            assert current is not None
            await work.sessions.put(current.model_copy(update={"energy_kwh": current.energy_kwh + 1}))

    await asyncio.gather(*(one_more_kwh() for _ in range(12)))
    async with store.transaction() as work:
        stored = await work.sessions.get(of("S1"))
    assert stored is not None
    assert stored.energy_kwh == Decimal(12)


@dataclass
class Broken(Exception):
    """Thrown by a test in the middle of its work."""


async def test_what_is_cut_off_leaves_nothing(store: Store) -> None:
    async def cut_off() -> None:
        async with store.transaction() as work:
            await work.locations.put(location())
            await work.tokens.put(token())
            raise Broken

    with pytest.raises(Broken):
        await cut_off()
    async with store.transaction() as work:
        assert (await work.locations.all(), await work.tokens.all()) == ((), ())


async def test_tokens_are_told_apart_by_type_and_uid(store: Store) -> None:
    async with store.transaction() as work:
        await work.tokens.put(token("04AB"))
        stored = await work.tokens.get(token("04ab").object_id)
    assert stored == token("04AB")


async def test_active_sessions_are_those_that_have_not_ended(store: Store) -> None:
    async with store.transaction() as work:
        for status in SessionStatus:
            await work.sessions.put(session(status.value, status=status))
        alive = await work.sessions.active()
    assert {item.status for item in alive} == {status for status in SessionStatus if not status.is_final}


async def test_a_nul_character_is_refused_in_words(store: Store) -> None:
    async with store.transaction() as work:
        with pytest.raises(Unstorable):
            await work.locations.put(location(name="a\x00b"))
        await work.locations.put(location(name="a\\u0000b"))
        stored = await work.locations.get(of("LOC1"))
    assert stored is not None
    assert stored.name == "a\\u0000b"
