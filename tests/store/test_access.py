"""Tokens of both directions: found by hash, kept sealed, exchanged without locking anybody out."""

import asyncio

import pytest
from pydantic import SecretStr

from canonical.partner import LinkState
from canonical.store import AccessPurpose, AlreadyExists, NotFound, Store
from canonical.vault import new_token
from tests.store.samples import CPO, EMSP, connection

REGISTRATION, ACCESS = AccessPurpose.REGISTRATION, AccessPurpose.ACCESS


@pytest.fixture
async def connected(store: Store) -> Store:
    async with store.transaction() as work:
        await work.connections.add(connection())
    return store


async def _admitted(store: Store, token: SecretStr) -> int | None:
    async with store.transaction() as work:
        found = await work.access.admit(token)
        return None if found is None else found.token_id


async def _issued(store: Store, purpose: AccessPurpose, key: str) -> SecretStr:
    async with store.transaction() as work:
        return await work.access.issue("emsp", purpose, key)


async def test_a_token_admits_its_connection(connected: Store) -> None:
    token = await _issued(connected, ACCESS, "a")
    async with connected.transaction() as work:
        found = await work.access.admit(token)
        assert found is not None
        assert (found.connection, found.purpose) == (connection(), ACCESS)
        assert await work.access.admit(new_token()) is None
        assert await work.access.live("EMSP", ACCESS) == token


async def test_a_repeated_request_gets_the_same_token(connected: Store) -> None:
    tokens = await asyncio.gather(*(_issued(connected, ACCESS, "a") for _ in range(6)))
    assert len({token.get_secret_value() for token in tokens}) == 1
    assert (await _issued(connected, ACCESS, "b")) != tokens[0]


async def test_first_use_of_a_new_token_retires_the_older_ones(connected: Store) -> None:
    registration = await _issued(connected, REGISTRATION, "r")
    first, second, third = [await _issued(connected, ACCESS, key) for key in "abc"]
    old = await _admitted(connected, first)
    new = await _admitted(connected, second)
    assert old is not None
    assert new is not None
    for token_id in (new, new, old):
        async with connected.transaction() as work:
            await work.access.confirm_use(token_id)
    assert [await _admitted(connected, token) is not None for token in (registration, first, second, third)] == [
        False,
        False,
        True,
        True,
    ]


async def test_use_of_a_registration_token_retires_nothing(connected: Store) -> None:
    access = await _issued(connected, ACCESS, "a")
    registration = await _admitted(connected, await _issued(connected, REGISTRATION, "r"))
    assert registration is not None
    async with connected.transaction() as work:
        await work.access.confirm_use(registration)
    assert await _admitted(connected, access) is not None


async def test_the_newest_outbound_token_is_used(connected: Store) -> None:
    one, again, two = SecretStr("one"), SecretStr("again"), SecretStr("two")
    async with connected.transaction() as work:
        with pytest.raises(NotFound):
            await work.access.outbound("emsp")
        assert not await work.access.has_outbound("emsp", "1")
        await work.access.keep_outbound("emsp", one, request_key="1")
        await work.access.keep_outbound("emsp", again, request_key="1")
        assert await work.access.outbound("emsp") == again
        await work.access.keep_outbound("emsp", two, request_key="2")
        await work.access.keep_outbound("emsp", one, request_key="1")
        assert await work.access.outbound("EMSP") == two
        assert await work.access.has_outbound("emsp", "1")


async def test_revoking_ends_both_directions(connected: Store) -> None:
    token = await _issued(connected, ACCESS, "a")
    async with connected.transaction() as work:
        await work.access.keep_outbound("emsp", SecretStr("out"), request_key="1")
        await work.access.revoke_all("emsp")
        await work.access.revoke_all("emsp")
        assert await work.access.live("emsp", ACCESS) is None
        with pytest.raises(NotFound):
            await work.access.outbound("emsp")
    assert await _admitted(connected, token) is None


async def test_connections_are_added_once_and_found_by_party(store: Store) -> None:
    planned = connection("old", state=LinkState.PLANNED)
    async with store.transaction() as work:
        await work.connections.add(connection())
        with pytest.raises(AlreadyExists):
            await work.connections.add(connection("EMSP"))
        await work.connections.add(planned)
        assert await work.connections.list() == (connection(), planned)
        assert await work.connections.for_party(EMSP) == connection()
        assert await work.connections.for_party(CPO) is None
        await work.connections.save(connection(party=CPO))
        assert await work.connections.for_party(CPO) == connection(party=CPO)
        assert await work.connections.for_party(EMSP) == planned
        with pytest.raises(NotFound):
            await work.connections.get("nobody")
        with pytest.raises(NotFound):
            await work.connections.save(connection("nobody"))
