"""kill -9 of PostgreSQL while sessions are stopped: what was answered is kept, and each becomes one CDR."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.billing import BillingActivities, SessionRef
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import SessionStatus
from canonical.store import Store, migrate
from canonical.token import Token, TokenType, Whitelist
from canonical.vault import Vault
from deploy.demo import cast
from deploy.embedded.postgres import EmbeddedPostgres
from tests.api.partner import NOW, US, Deployment, connect, deployment
from tests.workflows.test_activities import resources

pytestmark = pytest.mark.timeout(90)
SESSIONS = 8


async def test_a_stop_that_was_answered_is_kept_and_one_that_was_not_is_repeated(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()
    server.create_database("roam")
    await migrate(server.url("roam"))
    store = await Store.connect(server.url("roam"), Vault(SecretStr("a master secret of this test " * 2)))
    try:
        async with deployment(store, sides=frozenset({Side.CPO})) as roam:
            await _begin(roam)
            stops = [asyncio.create_task(_stop(roam, number)) for number in range(SESSIONS)]
            await asyncio.wait(stops, return_when=asyncio.FIRST_COMPLETED)
            server.kill()
            await asyncio.sleep(0.3)
            server.start()
            attempts = await asyncio.gather(*stops)
            assert max(attempts) > 1  # it did hurt
            billing = BillingActivities(resources(store))
            made = set()
            for number in range(SESSIONS):
                session = ObjectId(owner=US, id=f"S-{number}")
                billed = [await billing.generate_cdr(SessionRef(session.key, "provider")) for _ in range(2)]
                assert billed[0] == billed[1]
                made.add(billed[0].cdr_key)
                async with store.transaction() as work:
                    stored = await work.sessions.get(session)
                    assert stored is not None
                    assert stored.status is SessionStatus.COMPLETED
                    assert len(await work.sessions.readings(session)) == 2
            assert len(made) == SESSIONS
            assert None not in made
    finally:
        await store.close()
        server.stop()


async def _begin(roam: Deployment) -> None:
    partner = await connect(roam, Side.CPO, ("BE*FWM",), connection_id="provider")
    token = Token(
        owner=partner.party,
        uid="04AB",
        type=TokenType.RFID,
        contract_id="BE-FWM-C1",
        issuer="Provider",
        valid=True,
        whitelist=Whitelist.ALWAYS,
        last_updated=NOW,
    )
    async with roam.store.transaction() as work:
        await work.tokens.put(token, source="provider")
    tariff = cast.TariffId.PER_KWH
    assert (await roam.contract("PUT", f"/tariffs/{tariff}", json=cast.TARIFFS[tariff])).is_success
    assert (await roam.contract("PUT", "/locations/L1", json=cast.LOCATIONS["L1"])).is_success
    for number in range(SESSIONS):
        start = {
            "id": f"S-{number}",
            "token": {"uid": "04AB", "type": "RFID"},
            "auth_method": "WHITELIST",
            "location_id": "L1",
            "evse_uid": "E11",
            "connector_id": "1",
            "start": "2026-03-26T08:10:00Z",
        }
        answer = await roam.contract("POST", "/sessions", json=start)
        assert answer.is_success, answer.text
        reading = {"at": "2026-03-26T08:10:00Z", "energy_kwh": "0", "state": "CHARGING"}
        assert (await roam.contract("POST", f"/sessions/S-{number}/readings", json=reading)).is_success


async def _stop(roam: Deployment, number: int) -> int:
    """Stops a session as a charging backend does: again with the same key until it is answered well."""
    stop, key = {"at": "2026-03-26T08:52:00Z", "energy_kwh": "21.4"}, {"Idempotency-Key": f"stop-{number}"}
    for attempt in range(1, 200):
        answer = await roam.contract("POST", f"/sessions/S-{number}/stop", json=stop, headers=key)
        if answer.is_success:
            return attempt
        assert answer.status_code >= 500, answer.text
        await asyncio.sleep(0.1)
    raise AssertionError(f"session {number} was never stopped")
