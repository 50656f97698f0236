"""While PostgreSQL is away, stops or starts, both faces say that they cannot work now, and never that they broke."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from canonical.partner import Side
from canonical.store import Store, migrate
from canonical.vault import Vault
from deploy.demo import cast
from deploy.embedded.postgres import EmbeddedPostgres
from tests.api.partner import Partner, connect, deployment

pytestmark = pytest.mark.timeout(90)
CALLERS = 2
_WELL = (200, "")
_TOKEN = {
    "country_code": "BE",
    "party_id": "FWM",
    "uid": "04AB",
    "type": "RFID",
    "contract_id": "BE-FWM-C1",
    "issuer": "Provider",
    "valid": True,
    "whitelist": "ALWAYS",
    "last_updated": "2026-03-28T11:00:00Z",
}


async def test_both_faces_say_not_ready_until_it_is_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    server.start()
    server.create_database("roam")
    await migrate(server.url("roam"))
    vault = Vault(SecretStr("a master secret of this test " * 2))
    store = await Store.connect(server.url("roam"), vault, pool_size=2)
    try:
        async with deployment(store, sides=frozenset({Side.CPO})) as roam:
            partner = await connect(roam, Side.CPO, ("BE*FWM",), connection_id="provider")
            callers = _callers(partner)
            for name in ("edge writes", "contract writes"):
                assert _told(await callers[name]()) == _WELL
            seen: dict[str, Counter[tuple[int, str]]] = {name: Counter() for name in callers}
            ended = asyncio.Event()

            async def keep_calling(name: str) -> None:
                while not ended.is_set():
                    seen[name][_told(await callers[name]())] += 1

            calling = [asyncio.create_task(keep_calling(name)) for name in callers for _ in range(CALLERS)]
            for goes in (server.kill, server.stop):
                await _all_well(seen)
                goes()
                await asyncio.sleep(0.2)
                # It answers "the database system is starting up" meanwhile.
                await asyncio.to_thread(server.start)
            await _all_well(seen)
            ended.set()
            await asyncio.gather(*calling)
    finally:
        await store.close()
        server.stop()
    for name, answers in seen.items():
        away = {answer for answer in answers if answer != _WELL}
        assert away == {(503, "3000" if name.startswith("edge") else "not-ready")}, name
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def _callers(partner: Partner) -> dict[str, Callable[[], Awaitable[httpx.Response]]]:
    roam = partner.deployment
    return {
        "contract reads": lambda: roam.contract("GET", "/sessions"),
        "contract writes": lambda: roam.contract("PUT", "/locations/L1", json=cast.LOCATIONS["L1"]),
        "contract asks": lambda: roam.contract("POST", "/authorizations", json={"token": {"uid": "04AB"}}),
        "edge reads": lambda: partner.request("GET", "/receiver/tokens/BE/FWM/04AB"),
        "edge writes": lambda: partner.request("PUT", "/receiver/tokens/BE/FWM/04AB", json=_TOKEN),
    }


def _told(answer: httpx.Response) -> tuple[int, str]:
    if answer.is_success:
        return _WELL
    body = answer.json()
    return answer.status_code, str(body.get("status_code") or body["type"].rpartition("/")[2])


async def _all_well(seen: dict[str, Counter[tuple[int, str]]]) -> None:
    """Until everybody was answered well once more."""
    before = {name: answers[_WELL] for name, answers in seen.items()}
    while any(answers[_WELL] <= before[name] for name, answers in seen.items()):  # noqa: ASYNC110  (others count)
        await asyncio.sleep(0.02)
