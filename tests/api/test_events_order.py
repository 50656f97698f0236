"""Events are read in order and none is missed, however the transactions that bring them overlap."""

import asyncio

import pytest

from canonical.event import EventKind
from canonical.location import Evse, EvseStatus
from canonical.store import Store
from tests.store.samples import location, of, tariff


async def _kinds(store: Store, after: int = 0) -> list[str]:
    async with store.transaction() as unit:
        return [stored.event.object.key for stored in await unit.events.after(after, limit=100)]


async def test_an_event_that_commits_late_is_not_skipped(store: Store):
    drawn, committed = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with store.transaction() as unit:
            await unit.events.add(EventKind.CASE_OPENED, "slow", None, {})
            await unit.events.last()  # before a question, what was written goes out
            drawn.set()
            await committed.wait()

    late = asyncio.create_task(slow())
    await drawn.wait()
    async with store.transaction() as unit:
        await unit.events.add(EventKind.CASE_OPENED, "quick", None, {})
    assert await _kinds(store) == []
    committed.set()
    await late
    assert await _kinds(store) == ["slow", "quick"]


async def test_a_writer_that_began_before_and_draws_later_holds_nobody_back_for_ever(store: Store):
    began, drawn = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with store.transaction() as unit:
            await unit.tariffs.put(tariff("T1"))
            began.set()
            await drawn.wait()
            await unit.events.add(EventKind.CASE_OPENED, "began first", None, {})

    late = asyncio.create_task(slow())
    await began.wait()
    async with store.transaction() as unit:
        await unit.events.add(EventKind.CASE_OPENED, "drew first", None, {})
    drawn.set()
    await late
    assert await _kinds(store) == ["drew first", "began first"]


async def test_readers_see_every_event_once_while_many_write(store: Store):
    total, seen, position = 60, [], 0

    async def write(number: int) -> None:
        async with store.transaction() as unit:
            await unit.events.add(EventKind.CASE_OPENED, f"a{number}", None, {})
            await asyncio.sleep(0)
            await unit.events.add(EventKind.CASE_OPENED, f"b{number}", None, {})

    writers = [asyncio.create_task(write(number)) for number in range(total // 2)]
    async with asyncio.timeout(30):
        while len(seen) < total:
            async with store.transaction() as unit:
                found = await unit.events.after(position, limit=7)
            seen += [stored.event.object.key for stored in found]
            position = found[-1].number if found else position
    await asyncio.gather(*writers)
    assert sorted(seen) == sorted([f"a{n}" for n in range(total // 2)] + [f"b{n}" for n in range(total // 2)])
    assert await _kinds(store, position) == []


async def test_what_is_rolled_back_is_not_told(store: Store):
    async def fail() -> None:
        async with store.transaction() as unit:
            await unit.events.add(EventKind.CASE_OPENED, "undone", None, {})
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with store.transaction() as unit:
        await unit.events.add(EventKind.CASE_OPENED, "done", None, {})
    assert await _kinds(store) == ["done"]


async def test_a_partners_change_is_told_once_and_our_own_is_not(store: Store):
    evse = Evse(uid="E1", status=EvseStatus.AVAILABLE, connectors=(), last_updated=location().last_updated)
    first = location().model_copy(update={"evses": (evse,)})
    charging = first.model_copy(update={"evses": (evse.model_copy(update={"status": EvseStatus.CHARGING}),)})
    renamed = charging.model_copy(update={"name": "Elsewhere"})
    async with store.transaction() as unit:
        await unit.locations.put(first)
        for state in (first, first, charging, renamed, renamed):
            await unit.locations.put(state, source="partner")
        await unit.tariffs.put(tariff("T1"), source="partner")
        await unit.tariffs.remove(of("T1"), source="partner")
    async with store.transaction() as unit:
        told = [stored.event for stored in await unit.events.after(0, limit=100)]
    assert [event.type.value for event in told] == [
        "location.changed",
        "location.evse_changed",
        "location.changed",
        "tariff.changed",
        "tariff.removed",
    ]
    assert {event.connection for event in told} == {"partner"}
    assert isinstance(told[1].data, dict)
    assert (told[1].data["uid"], told[1].data["status"]) == ("E1", "CHARGING")
