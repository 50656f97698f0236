"""What belongs to a session is written once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from canonical.session import SessionStatus
from canonical.store import AlreadyExists, Store
from tests.store.samples import at, context, of, reading, session, signed


async def test_a_context_is_sealed_once(store: Store) -> None:
    async with store.transaction() as work:
        await work.sessions.seal(context())
        await work.sessions.seal(context(sealed=3))
        assert await work.sessions.context(of("s1")) == context()
        with pytest.raises(AlreadyExists):
            await work.sessions.seal(context(time_zone="Europe/Lisbon"))
        assert await work.sessions.context(of("S2")) is None


async def test_the_first_reading_of_a_moment_counts(store: Store) -> None:
    async with store.transaction() as work:
        assert await work.sessions.add_reading(of("S1"), reading(5, "2.00"))
        assert await work.sessions.add_reading(of("S1"), reading(1, "1.00"))
        assert not await work.sessions.add_reading(of("s1"), reading(5, "9.00"))
        assert await work.sessions.readings(of("S1")) == (reading(1, "1.00"), reading(5, "2.00"))


async def test_readings_at_the_same_time_are_all_kept_once(store: Store) -> None:
    async def add(minute: int) -> bool:
        async with store.transaction() as work:
            return await work.sessions.add_reading(of("S1"), reading(minute))

    added = await asyncio.gather(*(add(minute % 4) for minute in range(12)))
    assert sum(added) == 4


async def test_signed_data_stays_byte_for_byte(store: Store) -> None:
    record = signed('OCMF|{"a" : 1.50,  "b":"\\u00e4"}|{}')
    async with store.transaction() as work:
        assert await work.sessions.signed(of("S1")) is None
        await work.sessions.keep_signed(of("S1"), record)
        await work.sessions.keep_signed(of("S1"), record)
        assert await work.sessions.signed(of("S1")) == record
        with pytest.raises(AlreadyExists):
            await work.sessions.keep_signed(of("S1"), signed("OCMF|{}|forged"))


async def test_an_ended_session_is_unconcluded_until_its_outcome_is_noted(store: Store) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    async with store.transaction() as work:
        for id_, status in (("S1", SessionStatus.COMPLETED), ("S2", SessionStatus.ACTIVE)):
            await work.sessions.put(session(id_, status=status))
            await work.sessions.seal(context(id_))
    async with store.transaction() as work:
        ended = session("S1", status=SessionStatus.COMPLETED)
        assert await work.sessions.unconcluded(later) == ((ended, "emsp"),)
        assert await work.sessions.unconcluded(at(0)) == ()
        for cdr in (of("C1"), of("C2")):
            await work.sessions.conclude(of("S1"), cdr=cdr)
        assert await work.sessions.unconcluded(later) == ()
