"""Whoever empties a partner's outbox stays: what comes soon is told and wakes nobody, and nothing is lost."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from temporalio.testing import ActivityEnvironment

from activities.attendance import Patience, attend
from canonical.store import OutboxAction, Store
from deploy.demo.office import until

HERE = "emsp"
BRIEF = Patience(
    look_every=timedelta(milliseconds=10),
    idle=timedelta(milliseconds=300),
    shift=timedelta(seconds=20),
    return_within=timedelta(minutes=1),
    commit=timedelta(milliseconds=300),
)


class Teller:
    """Settles what waits, and remembers it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.told: list[str] = []
        self.emptied = asyncio.Event()

    async def empty(self) -> bool:
        async with self.store.transaction() as work:
            waiting = await work.outbox.pending(HERE, 10)
            await work.outbox.settle([entry.id for entry in waiting])
        self.told += [entry.object_key for entry in waiting]
        self.emptied.set()
        return True

    async def attend(self, patience: Patience = BRIEF) -> int:
        return await ActivityEnvironment().run(attend, self.store, HERE, self.empty, patience)


async def add(store: Store, key: str) -> bool:
    """Whether somebody was there to find it."""
    async with store.transaction() as work:
        return (await work.outbox.add(HERE, "sessions", key, OutboxAction.PUT)).attended


async def test_what_comes_while_somebody_is_there_is_told_and_wakes_nobody(store: Store) -> None:
    teller = Teller(store)
    assert not await add(store, "DE*RCO/1")
    stay = asyncio.create_task(teller.attend())
    await teller.emptied.wait()
    assert await add(store, "DE*RCO/2")
    assert await stay == 0
    assert teller.told == ["DE*RCO/1", "DE*RCO/2"]
    assert not await add(store, "DE*RCO/3")


async def test_what_was_added_before_somebody_left_and_committed_after_it_is_found(store: Store) -> None:
    teller = Teller(store)
    stay = asyncio.create_task(teller.attend())
    await teller.emptied.wait()
    async with store.transaction() as late:
        assert (await late.outbox.add(HERE, "sessions", "DE*RCO/1", OutboxAction.PUT)).attended
        await until("somebody to leave", partial(left, store))
    assert await stay == 1  # so the workflow begins again at once


async def test_who_is_cut_off_stays_known_because_it_is_tried_again(store: Store) -> None:
    async def broken() -> bool:
        raise ConnectionError("the partner is down")

    with pytest.raises(ConnectionError):
        await ActivityEnvironment().run(attend, store, HERE, broken, BRIEF)
    assert await add(store, "DE*RCO/1")


async def test_nobody_stays_with_a_partner_that_is_told_nothing(store: Store) -> None:
    async def closed() -> bool:
        return False

    await add(store, "DE*RCO/1")
    assert await ActivityEnvironment().run(attend, store, HERE, closed, replace(BRIEF, idle=timedelta(minutes=1))) == 1
    assert not await add(store, "DE*RCO/2")


async def test_a_reading_waits_and_is_told_with_what_came_after_it(store: Store) -> None:
    teller = Teller(store)
    async with store.transaction() as work:
        for after in (timedelta(minutes=1), timedelta(minutes=1)):
            await work.outbox.add(HERE, "sessions", "DE*RCO/1", OutboxAction.PUT, after=after)
        await work.outbox.add(HERE, "sessions", "DE*RCO/2", OutboxAction.PUT, after=timedelta(minutes=1))
    assert await teller.attend() == 3
    assert teller.told == []
    await add(store, "DE*RCO/1")
    assert await teller.attend() == 1
    assert teller.told == ["DE*RCO/1"] * 3


async def test_a_worker_that_ends_is_not_kept_waiting(store: Store) -> None:
    teller, environment = Teller(store), ActivityEnvironment()
    patience = Patience(look_every=timedelta(minutes=1), commit=timedelta(minutes=1))
    stay = asyncio.create_task(environment.run(attend, store, HERE, teller.empty, patience))
    await teller.emptied.wait()
    environment.worker_shutdown()
    async with asyncio.timeout(5):
        assert await stay == 0


async def left(store: Store) -> bool:
    async with store.transaction() as work:
        return not await work.outbox.is_attended(HERE)
