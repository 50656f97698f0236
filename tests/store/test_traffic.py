"""Outbox, idempotency, authorisations, cases."""

import asyncio
from datetime import timedelta

import pytest

from canonical.settlement import Case, CaseState
from canonical.store import AlreadyExists, IdempotencyConflict, NotFound, OutboxAction, Store, StoredAnswer
from canonical.token import Allowed, TokenType
from tests.store.samples import at, authorization


async def test_the_outbox_is_a_queue_for_each_partner(store: Store) -> None:
    async with store.transaction() as work:
        first = (await work.outbox.add("a", "locations", "DE*RCO/L1", OutboxAction.PUT)).id
        second = (await work.outbox.add("a", "tariffs", "DE*RCO/T1", OutboxAction.DELETE)).id
        third = (await work.outbox.add("a", "locations", "DE*RCO/L2", OutboxAction.PUT)).id
        await work.outbox.add("b", "locations", "DE*RCO/L1", OutboxAction.PUT)
    async with store.transaction() as work:
        assert [entry.id for entry in await work.outbox.pending("a", 2)] == [first, second]
        await work.outbox.settle([first])
        await work.outbox.refuse(second, "2001")
        await work.outbox.settle([first, second])
        (entry,) = await work.outbox.pending("a", 9)
        assert (entry.id, entry.module, entry.object_key, entry.action) == (
            third,
            "locations",
            "DE*RCO/L2",
            OutboxAction.PUT,
        )
        assert (await work.outbox.waiting("a"), await work.outbox.waiting("b")) == (1, 1)
        assert set(await work.outbox.neglected(timedelta(hours=-1))) == {"a", "b"}
        assert await work.outbox.neglected(timedelta(hours=1)) == ()


async def test_while_somebody_is_at_an_outbox_nobody_has_to_be_woken(store: Store) -> None:
    async def attended(connection: str) -> bool:
        async with store.transaction() as work:
            return (await work.outbox.add(connection, "tariffs", "DE*RCO/T1", OutboxAction.PUT)).attended

    assert not await attended("a")
    async with store.transaction() as work:
        await work.outbox.attend("a", timedelta(minutes=1))
        await work.outbox.attend("b", timedelta(seconds=-1))
    assert await attended("a")
    assert not await attended("b")
    async with store.transaction() as work:
        assert await work.outbox.neglected(timedelta(hours=-1)) == ("b",)
        await work.outbox.leave("a")
    assert not await attended("a")
    async with store.transaction() as work:
        assert set(await work.outbox.neglected(timedelta(hours=-1))) == {"a", "b"}


async def test_told_is_the_last_word(store: Store) -> None:
    async with store.transaction() as work:
        assert await work.outbox.told("a", "DE*RCO/X") is None
        for document in ("{}", '{"a":1.50}'):
            await work.outbox.tell("a", "DE*RCO/X", document, module="tariffs")
        assert await work.outbox.told("a", "DE*RCO/X", module="tariffs") == '{"a":1.50}'
        assert await work.outbox.told("a", "DE*RCO/X", module="locations") is None


async def test_one_key_one_answer(store: Store) -> None:
    done = 0

    async def request() -> StoredAnswer:
        nonlocal done
        async with store.transaction() as work:
            answer = await work.idempotency.begin("key", "fingerprint")
            if answer is None:
                done += 1
                await work.idempotency.finish("key", 201, b"made")
                return StoredAnswer(201, b"made")
            return answer

    answers = await asyncio.gather(*(request() for _ in range(6)))
    assert set(answers) == {StoredAnswer(201, b"made")}
    assert done == 1
    async with store.transaction() as work:
        with pytest.raises(IdempotencyConflict):
            await work.idempotency.begin("key", "another request")
        await work.idempotency.finish("key", 500, b"late")
        assert await work.idempotency.begin("key", "fingerprint") == StoredAnswer(201, b"made")
        with pytest.raises(NotFound):
            await work.idempotency.finish("never begun", 200, b"")


async def test_a_request_that_was_cut_off_may_begin_again(store: Store) -> None:
    async def cut_off() -> None:
        async with store.transaction() as work:
            assert await work.idempotency.begin("key", "f") is None
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await cut_off()
    async with store.transaction() as work:
        assert await work.idempotency.begin("key", "g") is None
        assert await work.idempotency.begin("key", "g") is None


async def test_the_newest_authorisation_counts(store: Store) -> None:
    refused = authorization(Allowed.BLOCKED)
    async with store.transaction() as work:
        await work.authorizations.add(refused, connection_id="a", at=at(2))
        await work.authorizations.add(authorization(), connection_id="a", at=at(1))
        await work.authorizations.add(authorization(), connection_id="a", at=at(1))
        assert await work.authorizations.latest("04AB", TokenType.RFID, connection_id="a") == refused
        assert await work.authorizations.latest("04AB", TokenType.APP_USER, connection_id="a") is None
        assert await work.authorizations.latest("04AB", TokenType.RFID, connection_id="b") is None


def _case(id_: str = "case-1") -> Case:
    return Case(id=id_, kind="cdr", subject="DE*RCO/C1", text="differs", state=CaseState.OPEN, opened_at=at(0))


async def test_a_case_is_decided_once(store: Store) -> None:
    async with store.transaction() as work:
        assert await work.cases.open(_case())
        assert not await work.cases.open(_case())
        assert await work.cases.open(_case("case-2"))
        for _ in range(2):
            await work.cases.close("case-1", "credit it", at(5))
        assert not await work.cases.open(_case())
        closed = await work.cases.get("case-1")
        assert (closed.state, closed.decision, closed.closed_at) == (CaseState.CLOSED, "credit it", at(5))
        assert await work.cases.list() == (closed, _case("case-2"))
        assert await work.cases.list(state=CaseState.OPEN) == (_case("case-2"),)
        with pytest.raises(AlreadyExists):
            await work.cases.close("case-1", "pay it", at(6))
        with pytest.raises(NotFound):
            await work.cases.close("case-9", "", at(6))
        with pytest.raises(NotFound):
            await work.cases.get("case-9")
