"""A new secret key: what was sealed before opens, is sealed anew, and tokens are found all the while."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy import LargeBinary

from canonical.store import AccessPurpose, Store
from canonical.store.resealing import SEALED
from canonical.store.tables import Row
from canonical.vault import Vault, VaultError
from tests.store.samples import connection

FIRST, SECOND = SecretStr("the first master secret"), SecretStr("the second master secret")
UNDER_DRIVERS_KEYS = {("driver_name", "sealed")}


@pytest.fixture
async def rotated(database_url: str) -> AsyncIterator[tuple[Store, SecretStr, SecretStr]]:
    """A store after the rotation, and tokens in and out from before it."""
    before = await Store.connect(database_url, Vault(FIRST), pool_size=1)
    async with before.transaction() as work:
        await work.connections.add(connection())
        theirs = await work.access.issue("emsp", AccessPurpose.ACCESS, "a")
        await work.access.keep_outbound("emsp", SecretStr("our token"), request_key="a")
        await work.idempotency.begin("key", "fingerprint")
        await work.idempotency.finish("key", 201, b"an answer with a token")
    await before.close()
    after = await Store.connect(database_url, Vault(SECOND, FIRST), pool_size=1)
    yield after, theirs, SecretStr("our token")
    await after.close()


async def test_tokens_of_before_are_found_and_opened(rotated: tuple[Store, SecretStr, SecretStr]) -> None:
    store, theirs, ours = rotated
    async with store.transaction() as work:
        admitted = await work.access.admit(theirs)
        assert admitted is not None
        assert admitted.connection.id == "emsp"
        assert await work.access.live("emsp", AccessPurpose.ACCESS) == theirs
        assert await work.access.outbound("emsp") == ours


async def test_all_is_sealed_anew_once(rotated: tuple[Store, SecretStr, SecretStr]) -> None:
    store, theirs, _ = rotated
    newest = Vault(SECOND).key_id.hex()
    async with store.transaction() as work:
        assert newest not in {each.key_id for each in await work.resealing.overview()}
        counts = [await work.resealing.reseal(t, column) for t, columns in SEALED.items() for column in columns]
        assert sum(counts) == 3
    async with store.transaction() as work:
        assert {each.key_id for each in await work.resealing.overview()} == {newest}
        assert [await work.resealing.reseal(t, column) for t, cs in SEALED.items() for column in cs] == [0] * 7
        assert await work.resealing.finds_what_it_found()
        assert await work.access.live("emsp", AccessPurpose.ACCESS) == theirs


async def test_without_the_first_secret_nothing_is_found_and_that_is_said(
    rotated: tuple[Store, SecretStr, SecretStr], database_url: str
) -> None:
    store, _, _ = rotated
    alone = await Store.connect(database_url, Vault(SECOND), pool_size=1)
    try:
        async with alone.transaction() as work:
            with pytest.raises(VaultError, match=Vault(FIRST).key_id.hex()):
                await work.resealing.reseal("access_token", "sealed")
        async with store.transaction() as work:
            await work.resealing.reseal("access_token", "sealed")
        async with alone.transaction() as work:
            assert not await work.resealing.finds_what_it_found()
    finally:
        await alone.close()


def test_every_sealed_column_is_known() -> None:
    columns = {
        (table.name, column.name)
        for table in Row.metadata.tables.values()
        for column in table.columns
        if "sealed" in column.name and isinstance(column.type, LargeBinary)
    }
    assert columns - UNDER_DRIVERS_KEYS == {(table, column) for table, columns in SEALED.items() for column in columns}
