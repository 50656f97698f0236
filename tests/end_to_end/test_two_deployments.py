"""Two deployments of ours, and a network between them that repeats, delays, and brings what is somebody else's."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal

import httpx
import pytest_asyncio

from canonical.partner import Side
from tests.end_to_end import handed_in
from tests.end_to_end.backend import Backend, Document, contract_client, seen
from tests.end_to_end.conftest import Deployer
from tests.end_to_end.network import Network, Passed, bad_network

MARCH = "since=2026-03-01T00:00:00Z&until=2026-04-01T00:00:00Z"
UID = "04C0FFEE00"


@dataclass(frozen=True)
class Pair:
    """An operator and a provider that have shaken hands and a session behind them, with one CDR."""

    operator: Backend
    provider: Backend
    network: Network

    async def session(self) -> Document:
        (held,) = (await self.provider.get("/sessions?connection=operator"))["items"]
        return dict(held)

    async def cdrs(self) -> list[Document]:
        return list((await self.provider.get(f"/cdrs?connection=operator&{MARCH}"))["items"])

    async def cases(self) -> list[Document]:
        return list((await self.provider.get("/cases?state=OPEN"))["items"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(deploy: Deployer) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        network = stack.enter_context(bad_network())
        provider = await deploy("NL*MSP", "Provider", Side.EMSP, public_url=network.url)
        network.destination = provider.local.url
        operator = await deploy("DE*CPO", "Operator", Side.CPO)
        clients = [await stack.enter_async_context(contract_client(each)) for each in (operator, provider)]
        pair = Pair(Backend(clients[0]), Backend(clients[1]), network)
        await _shake_hands(pair)
        await _charge(pair)
        yield pair


async def test_a_network_that_repeats_everything_changes_nothing(pair: Pair) -> None:
    """Each PUT, PATCH and POST came twice: one session, its periods once, one CDR, priced again and accepted."""
    (cdr,) = await pair.cdrs()
    session = await seen(pair.session, lambda found: found["status"] != "ACTIVE")
    (own,) = (await pair.operator.get(f"/cdrs?connection=provider&{MARCH}"))["items"]

    assert (cdr["state"], own["state"]) == ("ACCEPTED", "DELIVERED")
    await seen(lambda: _receipts(pair, own["cdr"]["id"]), lambda receipts: any(r["proved"] for r in receipts))
    assert (session["status"], Decimal(session["energy_kwh"])) == ("COMPLETED", Decimal(10))
    starts = [period["start"] for period in session["charging_periods"]]
    assert len(starts) == len(set(starts)) == len(cdr["cdr"]["charging_periods"])
    assert await pair.cases() == (await pair.operator.get("/cases?state=OPEN"))["items"] == []


async def test_a_change_that_arrives_late_is_thanked_for_and_ignored(pair: Pair) -> None:
    before = await pair.session()
    late = [*pair.network.seen("PUT", "sessions"), *pair.network.seen("PATCH", "sessions")]
    assert len(late) >= 3
    for change in reversed(late):
        _assert_answer(await pair.network.bring(change), 1000)
    assert await pair.session() == before


async def test_a_cdr_again_is_the_same_cdr(pair: Pair) -> None:
    delivery = _delivery(pair)
    first, second = [await pair.network.bring(delivery) for _ in range(2)]

    _assert_answer(first, 1000)
    assert first.headers["Location"] == second.headers["Location"]
    assert first.headers["Location"].startswith(pair.network.url)
    assert len(await pair.cdrs()) == 1


async def test_a_wrong_party_is_refused(pair: Pair) -> None:
    """With a good token: by the routing headers, by the owner in the path, and by the owner in the body."""
    (begun, *_) = pair.network.seen("PUT", "sessions")
    before = (await pair.session(), await pair.cdrs())
    wrong = (
        begun.with_header("ocpi-from-party-id", "XXX"),
        begun.with_header("ocpi-to-party-id", "XXX"),
        begun.with_path("/DE/CPO/", "/DE/XXX/"),
        begun.with_text(b'"CPO"', b'"XXX"'),
        _delivery(pair).with_text(b'"CPO"', b'"XXX"'),
    )
    for request in wrong:
        _assert_answer(await pair.network.bring(request), 2001)
    assert (await pair.session(), await pair.cdrs()) == before


async def test_a_cdr_with_another_content_is_refused_and_told_to_a_person(pair: Pair) -> None:
    """Last in this file, for its case stays open."""
    other = _delivery(pair).with_text(b'"total_energy":10', b'"total_energy":11')
    _assert_answer(await pair.network.bring(other), 2001)

    (cdr,) = await pair.cdrs()
    assert (cdr["state"], Decimal(cdr["cdr"]["total_energy_kwh"])) == ("ACCEPTED", Decimal(10))
    assert [case["kind"] for case in await pair.cases()] == ["cdr-conflict"]


async def _shake_hands(pair: Pair) -> None:
    invited = await pair.provider.post(
        "/connections", {"id": "operator", "name": "Operator", "sides": ["EMSP"], "mode": "invite"}
    )
    await pair.operator.post(
        "/connections",
        {
            "id": "provider",
            "name": "Provider",
            "sides": ["CPO"],
            "mode": "register",
            "versions_url": invited["versions_url"],
            "token": invited["registration_token"],
        },
    )
    for backend, connection in ((pair.operator, "provider"), (pair.provider, "operator")):
        path = f"/connections/{connection}"
        await seen(lambda backend=backend, path=path: backend.get(path), lambda view: view["state"] == "CONNECTED")


async def _charge(pair: Pair) -> None:
    """One hour on 2 March, 10 kWh in three readings; returns when the provider has judged the CDR."""
    await pair.operator.put("/tariffs/FLAT", handed_in.TARIFF)
    await pair.operator.put("/locations/HH1", handed_in.LOCATION)
    await pair.provider.put(f"/tokens/{UID}?type=RFID", handed_in.CARD)
    await seen(lambda: pair.operator.get("/tokens?connection=provider"), lambda listed: len(listed["items"]) == 1)
    await pair.operator.post("/sessions", handed_in.session("S1", UID))
    for at, energy_kwh in (("09:20", "3.5"), ("09:40", "7.25")):
        reading = {"at": f"2026-03-02T{at}:00Z", "energy_kwh": energy_kwh, "state": "CHARGING"}
        await pair.operator.post("/sessions/S1/readings", reading)
        await seen(
            lambda: pair.provider.get("/sessions?connection=operator"),
            lambda listed, kwh=energy_kwh: [Decimal(s["energy_kwh"]) for s in listed["items"]] == [Decimal(kwh)],
        )
    await pair.operator.post("/sessions/S1/stop", {"at": "2026-03-02T10:00:00Z", "energy_kwh": "10.0"})
    await seen(pair.cdrs, lambda cdrs: any(cdr["state"] != "RECEIVED" for cdr in cdrs))


async def _receipts(pair: Pair, cdr_id: str) -> list[Document]:
    """One is proved when the operator has read the CDR back from the provider, and it is what was sent."""
    dossier = await pair.operator.get(f"/cdrs/{cdr_id}")
    return list(dossier["receipts"])


def _delivery(pair: Pair) -> Passed:
    return pair.network.seen("POST", "cdrs")[0]


def _assert_answer(answer: httpx.Response, status_code: int) -> None:
    assert answer.json()["status_code"] == status_code, answer.text
