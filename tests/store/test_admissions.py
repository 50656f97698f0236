"""Who calls is remembered, and forgotten the moment it changes: here, and in every other process."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import text

from canonical.partner import LinkState
from canonical.store import AccessPurpose, Store
from canonical.store.admissions import Admissions
from canonical.vault import Vault
from tests.store.samples import connection


@pytest_asyncio.fixture
async def elsewhere(database_url: str, vault: Vault) -> AsyncIterator[Store]:
    """Another process on the same database."""
    store = await Store.connect(database_url, vault, pool_size=2)
    yield store
    await store.close()


async def issue(store: Store) -> SecretStr:
    async with store.transaction() as work:
        await work.connections.add(connection())
        return await work.access.issue("emsp", AccessPurpose.ACCESS, "first")


async def until(holds: object) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  what is waited for is in another task or process
            await asyncio.sleep(0.005)


async def remembered(store: Store, token: SecretStr) -> None:
    """The caller is admitted without a look into the database."""
    await store.admissions.admit(token)
    await until(lambda: store.admissions.listening)

    await store.admissions.admit(token)
    if not store.admissions._known:  # the listener had just begun, and forgot what was seen before
        await store.admissions.admit(token)
    assert store.admissions._known


async def test_an_admitted_caller_is_not_looked_up_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await issue(store)
    await remembered(store, token)

    async def no(*_: object) -> None:
        raise AssertionError("looked up")

    monkeypatch.setattr(store._direct, "first", no)
    admitted = await store.admissions.admit(SecretStr("another spelling"), token)
    assert admitted is not None
    assert admitted.connection == connection()
    with pytest.raises(AssertionError, match="looked up"):
        await store.admissions.admit(SecretStr("unknown"))


async def test_a_revoked_token_stops_working_at_once_in_this_process(store: Store) -> None:
    token = await issue(store)
    await remembered(store, token)
    async with store.transaction() as work:
        await work.access.revoke_all("emsp")
    assert await store.admissions.admit(token) is None


async def test_a_suspended_connection_is_known_as_such_at_once_in_this_process(store: Store) -> None:
    token = await issue(store)
    await remembered(store, token)
    async with store.transaction() as work:
        await work.connections.save(connection(state=LinkState.SUSPENDED))
    admitted = await store.admissions.admit(token)
    assert admitted is not None
    assert admitted.connection.state is LinkState.SUSPENDED


async def test_a_revoked_token_stops_working_in_other_processes(store: Store, elsewhere: Store) -> None:
    token = await issue(store)
    await remembered(elsewhere, token)
    async with store.transaction() as work:
        await work.access.revoke_all("emsp")
    async with asyncio.timeout(1):
        while await elsewhere.admissions.admit(token) is not None:  # noqa: ASYNC110  it comes from another process
            await asyncio.sleep(0.001)


async def test_a_change_that_is_rolled_back_changes_nothing(store: Store) -> None:
    token = await issue(store)
    await remembered(store, token)

    class Changed(Exception):
        pass

    async def give_up() -> None:
        async with store.transaction() as work:
            await work.access.revoke_all("emsp")
            raise Changed

    await asyncio.gather(give_up(), return_exceptions=True)
    assert await store.admissions.admit(token) is not None


async def test_while_nobody_tells_us_of_changes_every_caller_is_looked_up(store: Store, elsewhere: Store) -> None:
    token = await issue(store)
    await remembered(elsewhere, token)
    async with store._begin() as opened:
        await opened.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"))
    await until(lambda: not elsewhere.admissions.listening)
    async with store.transaction() as work:
        await work.access.revoke_all("emsp")
    assert await elsewhere.admissions.admit(token) is None
    await until(lambda: elsewhere.admissions.listening)


async def test_a_change_during_the_look_is_not_overlooked(store: Store, vault: Vault, database_url: str) -> None:
    """The answer was on its way when the token was revoked: it may be used once, but is not remembered."""
    token = await issue(store)
    await remembered(store, token)
    store.admissions.forget()
    look = store._direct.first
    admissions: Admissions = store.admissions

    async def slow(statement: str, *values: object) -> object:
        row = await look(statement, *values)
        async with store.transaction() as work:
            await work.access.revoke_all("emsp")
        return row

    store._direct.first = slow
    try:
        await admissions.admit(token)
    finally:
        store._direct.first = look
    assert await admissions.admit(token) is None


async def test_nothing_is_remembered_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose connection has died unseen."""
    monkeypatch.setattr("canonical.store.admissions._REMEMBERED_S", 0)
    token = await issue(store)
    await store.admissions.admit(token)
    await until(lambda: store.admissions.listening)
    await store.admissions.admit(token)
    async with store._begin() as opened:
        await opened.execute(text("ALTER TABLE access_token DISABLE TRIGGER tell_admission"))
        await opened.execute(text("UPDATE access_token SET retired_at = now()"))
    assert await store.admissions.admit(token) is None


async def test_use_is_noted_once(store: Store) -> None:
    token = await issue(store)
    admitted = await store.admissions.admit(token)
    assert admitted is not None
    assert not admitted.used
    async with store.transaction() as work:
        await work.access.confirm_use(admitted.token_id)
    admitted = await store.admissions.admit(token)
    assert admitted is not None
    assert admitted.used
