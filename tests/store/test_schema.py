"""The database as the migrations make it: what the tables say, append-only where it has to be, no secret in clear."""

import asyncio
import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from canonical.store import AccessPurpose, Store, StoreUnavailable, migrate
from canonical.store.tables import APPEND_ONLY, Row
from canonical.vault import Vault
from tests.conftest import Databases
from tests.store.samples import (
    connection,
    context,
    dossier,
    entry,
    invoice,
    of,
    reading,
    report,
    signed,
    statement,
    tariff,
)

PLANTED = "planted-secret-0123456789-abcdefghijklmnop"


async def test_the_migrations_make_what_the_tables_say(store: Store) -> None:
    def differences(sync: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(sync), Row.metadata))

    async with store._begin() as opened:
        assert await opened.run_sync(differences) == []


async def test_migrating_is_quick_repeatable_and_safe_at_the_same_time(databases: Databases) -> None:
    url = await databases.empty()
    started = time.monotonic()
    await asyncio.gather(*(migrate(url) for _ in range(3)))
    await migrate(url)
    assert time.monotonic() - started < 10
    await databases.drop(url)


async def test_exactly_the_listed_tables_are_append_only(store: Store) -> None:
    query = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'"
    async with store._begin() as opened:
        assert set((await opened.execute(text(query))).scalars()) == set(APPEND_ONLY)


@pytest.mark.parametrize("change", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
async def test_primary_records_cannot_be_changed(store: Store, change: str) -> None:
    async def try_it(table: str) -> None:
        column = next(iter(Row.metadata.tables[table].columns)).name
        async with store._begin() as opened:
            await opened.execute(text(change.format(table, column)))

    for table in APPEND_ONLY:
        with pytest.raises(DBAPIError, match=f"{table} is append-only"):
            await try_it(table)


async def test_no_secret_is_stored_in_clear(store: Store, vault: Vault) -> None:
    secret = SecretStr(PLANTED)
    async with store.transaction() as work:
        await work.connections.add(connection())
        issued = await work.access.issue("emsp", AccessPurpose.ACCESS, "request")
        await work.access.keep_outbound("emsp", secret, request_key="request")
        await work.idempotency.begin("key", "fingerprint")
        await work.idempotency.finish("key", 201, b'{"token":"' + PLANTED.encode() + b'"}')
    needles = [value.encode().hex() for value in (PLANTED, issued.get_secret_value())]
    async with store._begin() as opened:
        for table in Row.metadata.tables:
            rows = (await opened.execute(text(f'SELECT t::text FROM "{table}" t'))).scalars().all()  # noqa: S608
            for row in rows:
                assert PLANTED not in row
                assert issued.get_secret_value() not in row
                assert not any(needle in row for needle in needles)
    async with store.transaction() as work:
        assert await work.access.outbound("emsp") == secret


async def test_an_error_shows_no_parameter(store: Store) -> None:
    async def fail() -> None:
        async with store._begin() as opened:
            await opened.execute(text("SELECT CAST(:secret AS text)::integer / 0"), {"secret": PLANTED})

    with pytest.raises(DBAPIError) as caught:
        await fail()
    assert "parameters" not in str(caught.value) or PLANTED not in str(caught.value).split("[SQL", 1)[1]


async def test_a_store_that_is_not_there_says_so(vault: Vault) -> None:
    with pytest.raises(StoreUnavailable):
        await Store.connect("postgresql://nobody@127.0.0.1:1/none", vault)


async def test_the_store_comes_back_after_its_connections_were_killed(store: Store) -> None:
    await store.ping()
    async with store._begin() as opened:
        await opened.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND datname = current_database()"
            )
        )
    for _ in range(3):
        await store.ping()


async def test_a_connection_that_dies_in_a_transaction_is_reported(store: Store) -> None:
    async def die() -> None:
        async with store._begin() as opened:
            await opened.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreUnavailable):
        await die()
    await store.ping()


async def test_every_append_only_family_can_still_be_written(store: Store) -> None:
    async with store.transaction() as work:
        await work.tariffs.put(tariff())
        await work.sessions.seal(context())
        await work.sessions.add_reading(of("S1"), reading(1))
        await work.sessions.keep_signed(of("S1"), signed())
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
        await work.settlement.save_statement(statement(), "emsp")
        await work.settlement.save_report(report())
        await work.settlement.save_invoice(invoice(), "emsp", issued=True)
        await work.ledger.post(entry())
