"""A database of the release before money was audited, with rows in it, brought up to date and read."""

import hashlib
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from alembic.config import Config
from pydantic import BaseModel
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from canonical.store import AddOutcome, BilledTwice, CdrState, Store, migrate, migrations, sha256_of
from canonical.store.store import asyncpg_url
from canonical.vault import Vault
from tests.conftest import Databases
from tests.store.financial import audited, extend
from tests.store.samples import at, cdr, context, dossier, of, reading, session, signed, tariff

BEFORE = "0002"
_UNKNOWN_THEN = frozenset(("discounts", "agreement", "taxes", "bare_amounts"))
"""Fields of a dossier or a billing context that were not written then."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def upgraded(databases: Databases) -> AsyncIterator[str]:
    """The address of a database that was filled as it was at BEFORE, and then brought up to date."""
    url = await databases.empty()
    await _brought_to(url, BEFORE)
    connection = await asyncpg.connect(url)
    await _fill(connection)
    await connection.close()
    await migrate(url)
    yield url
    await databases.drop(url)


@pytest_asyncio.fixture
async def store(upgraded: str, vault: Vault) -> AsyncIterator[Store]:
    store = await Store.connect(upgraded, vault, pool_size=2)
    yield store
    await store.close()


async def _brought_to(url: str, revision: str) -> None:
    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrations.__path__[0]).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    engine = create_async_engine(asyncpg_url(url), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


async def _fill(to: asyncpg.Connection) -> None:
    body = b'{"id":"C1"}'
    await to.execute(
        "INSERT INTO evidence (direction, connection_id, module, method, url_or_path, status, headers, body, "
        "body_sha256, answer, answer_sha256, adapter, object_key, at) VALUES ('OUT', 'emsp', 'cdrs', 'POST', "
        "'https://emsp.example/cdrs', 201, '{}', $1, $2, $1, $2, 'test', 'DE*RCO/C1', $3)",
        zlib.compress(body),
        hashlib.sha256(body).hexdigest(),
        at(61),
    )
    for key, document in (("DE*RCO/S1", session("S1")), ("DE*RCO/S2", session("S2"))):
        await to.execute(
            "INSERT INTO session (source, key, last_updated, document, status, is_final) "
            "VALUES ('', $1, $2, $3, 'ACTIVE', false)",
            key,
            document.last_updated,
            _as_it_was(document),
        )
    for place, id_ in enumerate(("S1", "S2")):
        sealed, meter = context(id_), signed()
        await to.execute(
            "INSERT INTO billing_context (session_key, connection_id, sha256, document) VALUES ($1, 'emsp', $2, $3)",
            f"DE*RCO/{id_}",
            sha256_of(sealed),
            _as_it_was(sealed),
        )
        await to.execute(
            "INSERT INTO signed_meter_data (session_key, sha256, document) VALUES ($1, $2, $3)",
            f"DE*RCO/{id_}",
            sha256_of(meter),
            _as_it_was(meter),
        )
        read = reading(place, "0")
        await to.execute(
            "INSERT INTO meter_reading (session_key, at, energy_kwh, document) VALUES ($1, $2, $3, $4)",
            f"DE*RCO/{id_}",
            read.at,
            read.energy_kwh,
            _as_it_was(read),
        )
    # The same CDR to two partners, and a partner's own of that name: that release let it happen.
    for number, (ours, connection_id) in enumerate(((True, "emsp"), (True, "other"), (False, "emsp")), 1):
        await _keep_cdr(to, number, ours=ours, connection_id=connection_id)


async def _keep_cdr(to: asyncpg.Connection, number: int, *, ours: bool, connection_id: str) -> None:
    kept = dossier()
    record = kept.cdr
    added = await to.fetchval(
        "INSERT INTO cdr (ours, connection_id, key, session_key, sha256, reference, start_at, end_at, last_updated, "
        "energy_kwh, currency, net, gross, document) VALUES ($1, $2, $3, 'S1', $4, $5, $6, $7, $8, $9, 'EUR', $10, "
        "NULL, $11) RETURNING number",
        ours,
        connection_id,
        record.object_id.key,
        sha256_of(record),
        f"reference-{number}",
        record.start,
        record.end,
        record.last_updated,
        record.total_energy_kwh,
        record.total_cost.before_tax,
        _as_it_was(kept),
    )
    await to.execute(
        "INSERT INTO cdr_line (cdr_number, position, component, measured, quantity, unit, unit_price, currency, net) "
        "VALUES ($1, 0, 'ENERGY', 10, 10, 'kWh', 0.5, 'EUR', 5)",
        added,
    )
    await to.execute(
        "INSERT INTO cdr_event (cdr_number, state, text, at) VALUES ($1, $2, 'then', $3)",
        added,
        "DELIVERED" if ours else "ACCEPTED",
        at(62),
    )
    await to.execute(
        "INSERT INTO cdr_receipt (cdr_number, http_status, ocpi_status, outcome, findings, proved, at) "
        "VALUES ($1, 201, 1000, 'ACCEPTED', '[]', false, $2)",
        added,
        at(62),
    )


def _as_it_was(document: BaseModel) -> str:
    """The JSON text as that release wrote it."""

    def cut(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: cut(each) for name, each in value.items() if name not in _UNKNOWN_THEN}
        return [cut(each) for each in value] if isinstance(value, list) else value

    return json.dumps(cut(document.model_dump(mode="json")))


async def test_what_was_kept_is_read_as_it_was_meant(store: Store) -> None:
    async with store.transaction() as work:
        for ours, connection_id, state in ((True, "emsp", CdrState.DELIVERED), (False, "emsp", CdrState.ACCEPTED)):
            kept = await work.cdrs.get(of("C1"), connection_id=connection_id, ours=ours)
            assert kept is not None
            assert (kept.dossier, kept.state, kept.sha256) == (dossier(), state, sha256_of(cdr()))
            assert kept.holds(cdr())
            found = await work.cdrs.between(connection_id, ours=ours, since=at(0), until=at(120))
            assert [each.dossier.cdr for each in found] == [cdr()]
        (receipt,) = await work.cdr_deliveries.receipts(of("C1"), "emsp")
        assert receipt.ocpi_status == 1000
        assert await work.cdr_deliveries.emissions(of("C1"), "emsp") == ()
        assert await work.sessions.context(of("S1")) == context("S1")
        assert await work.sessions.signed(of("S1")) == signed()
        assert [each.energy_kwh for each in await work.sessions.readings(of("S2"))] == [0]
        again = await work.cdrs.add(dossier(), connection_id="emsp", ours=False, evidence_id=None)
        assert again is AddOutcome.SAME


async def test_every_record_becomes_a_leaf_of_the_log(store: Store) -> None:
    async with store.transaction() as work:
        await work.tariffs.put(tariff())
    written = await extend(store)
    _, faults = await audited(store)
    assert faults == []
    # The bytes, two sealed contexts and meter records, and three CDRs with all that hangs on each of them.
    assert written >= 1 + 2 + 2 + 3


async def test_what_was_kept_twice_stays_and_nothing_more_is_billed_twice(store: Store) -> None:
    async with store.transaction() as work:
        assert await work.cdrs.get(of("C1"), connection_id="other", ours=True) is not None
    with pytest.raises(BilledTwice):
        async with store.transaction() as work:
            await work.cdrs.add(dossier(), connection_id="third", ours=True, evidence_id=None)


async def test_a_partner_may_bill_twice_for_its_bills_are_checked_and_not_refused(store: Store) -> None:
    second = cdr("C2", end=600)
    same_handles = dossier(second).model_copy(update={"handles": dossier().handles})
    async with store.transaction() as work:
        added = await work.cdrs.add(same_handles, connection_id="emsp", ours=False, evidence_id=None)
    assert added is AddOutcome.ADDED
