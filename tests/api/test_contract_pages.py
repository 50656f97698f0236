"""Lists by cursor, and ids in addresses: over a real port where it is about the wire."""

from urllib.parse import quote

import httpx
import pytest

from api.contract.addresses import WholeIds
from canonical.token import Token
from tests.api.documents import cdr, location, tariff, token
from tests.api.partner import API_KEY, Deployment, Partner
from tests.api.served import served
from tests.api.test_contract import TARIFF, problem

CARD = {"contract_id": "DE-RCO-1", "issuer": "Roam", "valid": True, "whitelist": "ALWAYS"}


async def pages(roam: Deployment, path: str, limit: int = 2) -> list[list[dict]]:
    """All pages of a list."""
    found, after = [], ""
    joint = "&" if "?" in path else "?"
    while True:
        answer = await roam.contract("GET", f"{path}{joint}limit={limit}{after}")
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        if answer.json()["next"] is None:
            return found
        after = f"&after={answer.json()['next']}"


async def test_a_crawl_is_not_disturbed_by_what_changes_meanwhile(roam: Deployment):
    for name in ("T1", "T2", "T3", "T4"):
        await roam.contract("PUT", f"/tariffs/{name}", json=TARIFF)
    first = (await roam.contract("GET", "/tariffs?limit=2")).json()
    assert [t["id"] for t in first["items"]] == ["T1", "T2"]
    await roam.contract("DELETE", "/tariffs/T1")
    await roam.contract("PUT", "/tariffs/T2", json={**TARIFF, "last_updated": "2026-02-01T00:00:00Z"})
    await roam.contract("PUT", "/tariffs/T5", json=TARIFF)
    second = (await roam.contract("GET", f"/tariffs?limit=2&after={first['next']}")).json()
    assert [t["id"] for t in second["items"]] == ["T3", "T4"]
    third = (await roam.contract("GET", f"/tariffs?limit=2&after={second['next']}")).json()
    assert ([t["id"] for t in third["items"]], third["next"]) == (["T5"], None)


async def test_a_cursor_belongs_to_its_list(roam: Deployment):
    for name in ("T1", "T2"):
        await roam.contract("PUT", f"/tariffs/{name}", json=TARIFF)
    cursor = (await roam.contract("GET", "/tariffs?limit=1")).json()["next"]
    for path in (
        f"/tokens?after={cursor}",
        f"/tariffs?connection=x&after={cursor}",
        "/tariffs?after=%C3%A9",
        "/cases?after=MQ",
        "/tariffs?after=dGFyaWZmcyAKLTE",
        "/events?after=later",
    ):
        wrong = problem(await roam.contract("GET", path), 422, "invalid-input")
        assert [error["field"] for error in wrong.get("errors", ())] == ["after"], (path, wrong)


async def test_every_list_has_pages(operator: Partner, provider: Partner):
    roam = operator.deployment
    for number in range(3):
        await operator.request("POST", "/receiver/cdrs", json=cdr(id=f"C{number}"))
        await operator.request("POST", "/receiver/cdrs", json=cdr(id=f"C{number}", total_energy=11.5))
        await roam.contract("PUT", f"/tokens/T{number}", json=CARD)
        await roam.contract("POST", "/keys", json={"name": f"{number}", "scopes": ["admin"]})
        await roam.contract("POST", "/webhooks", json={"url": f"https://backend.example/{number}"})
    for path, length, total in (
        ("/cdrs", [2, 1], 3),
        ("/cdrs?connection=operator&side=EMSP", [2, 1], 3),
        ("/cases?state=OPEN", [2, 1], 3),
        ("/tokens", [2, 1], 3),
        ("/keys", [2, 1], 3),
        ("/webhooks", [2, 1], 3),
        ("/connections", [2], 2),
        ("/partners", [2], 2),
    ):
        found = await pages(roam, path)
        assert [len(page) for page in found] == length, path
        assert len({str(item) for page in found for item in page}) == total
    one = await pages(roam, "/cdrs?since=2030-01-01T00:00:00Z")
    assert one == [[]]


async def test_partners_with_their_parties_roles_and_state(operator: Partner):
    (partner,) = (await operator.deployment.contract("GET", "/partners")).json()["items"]
    assert (partner["connection"], partner["state"], partner["our_sides"]) == ("operator", "CONNECTED", ["EMSP"])
    assert [(r["party"], r["role"]) for r in partner["roles"]] == [({"country_code": "BE", "party_id": "BEC"}, "CPO")]


@pytest.mark.parametrize("spelt", ["A/1", "50%", "ü é", "a?b#c", "..", "a//b", "%2F"])
async def test_any_id_can_be_addressed(roam: Deployment, spelt: str):
    """Over a real server, for it is the server that decodes what the client has encoded."""
    async with (
        served(roam) as url,
        httpx.AsyncClient(base_url=f"{url}/contract/v1", headers={"Authorization": f"Bearer {API_KEY}"}) as http,
    ):
        name = quote(spelt, safe="").replace("..", "%2E%2E")
        put = await http.put(f"/tokens/{name}", json=CARD)
        assert put.status_code == 200, put.text
        assert Token.model_validate_json(put.content).uid == spelt
        assert (await http.get(f"/tokens/{name}")).json()["uid"] == spelt
        assert (await http.patch(f"/tokens/{name}", json={"valid": False})).json()["valid"] is False
        (listed,) = (await http.get("/tokens")).json()["items"]
        assert listed["uid"] == spelt


async def test_a_slash_in_an_id_does_not_lead_to_another_call(roam: Deployment):
    answer = await roam.contract("PATCH", "/locations/L1%2Fevses%2FE1", json={"status": "CHARGING"})
    problem(answer, 405, "method-not-allowed")
    answer = await roam.contract("PATCH", "/locations/a%2Fb/evses/c%2Fd", json={"status": "CHARGING"})
    assert "location a/b" in problem(answer, 404, "unknown-location")["detail"]


async def test_a_path_without_raw_bytes_is_left_alone():
    seen = []

    async def app(scope, _receive, _send) -> None:
        seen.append(scope["path"])

    async def nothing(*_: object) -> None: ...

    await WholeIds(app)({"type": "http", "path": "/a/b"}, nothing, nothing)
    assert seen == ["/a/b"]


async def test_what_a_partner_shared_is_read_by_its_connection(operator: Partner, provider: Partner):
    roam = operator.deployment
    await operator.request("PUT", "/receiver/locations/BE/BEC/L1", json=location())
    await operator.request("PUT", "/receiver/tariffs/BE/BEC/T1", json=tariff())
    await provider.request("PUT", "/receiver/tokens/DE/MOB/04A1B2C3", json=token())
    assert (await roam.contract("GET", "/locations/l1?connection=operator")).json()["id"] == "L1"
    assert (await roam.contract("GET", "/tariffs/t1?connection=operator")).json()["id"] == "T1"
    assert (await roam.contract("GET", "/tokens/04a1b2c3?connection=provider")).json()["uid"] == "04A1B2C3"
    assert (await roam.contract("GET", "/locations/L1?connection=operator&owner=BE*BEC")).status_code == 200
    problem(await roam.contract("GET", "/locations/L1?connection=operator&owner=BE*XXX"), 404, "unknown-location")
    problem(await roam.contract("GET", "/locations/L1?connection=operator&owner=BEXXX!"), 422, "invalid-input")
    problem(await roam.contract("GET", "/locations/L1"), 404, "unknown-location")
    problem(await roam.contract("GET", "/locations/L1?connection=nobody"), 404, "unknown-object")


async def test_a_tariff_is_withdrawn_and_a_card_is_blocked(provider: Partner, operator: Partner):
    roam = provider.deployment
    await roam.contract("PUT", "/tariffs/T1", json=TARIFF)
    assert (await roam.contract("DELETE", "/tariffs/T1")).json() == {"id": "T1"}
    problem(await roam.contract("GET", "/tariffs/T1"), 404, "unknown-object")
    problem(await roam.contract("DELETE", "/tariffs/T1"), 404, "unknown-object")
    await roam.contract("PUT", "/tokens/abc", json=CARD)
    for _ in range(2):
        assert (await roam.contract("PATCH", "/tokens/ABC", json={"valid": False})).json()["valid"] is False
    problem(await roam.contract("PATCH", "/tokens/none", json={"valid": False}), 404, "unknown-token")
    async with roam.store.transaction() as unit:
        told = [(e.object_key, e.action.value) for e in await unit.outbox.pending("provider", 10)]
        assert told == [("DE*RCO/T1", "PUT"), ("DE*RCO/T1", "DELETE")]
        assert len(await unit.outbox.pending("operator", 10)) == 2


async def test_the_bytes_of_a_cdr(operator: Partner):
    roam = operator.deployment
    body = b'{ "sent" : "exactly so" }'
    await operator.request("POST", "/receiver/cdrs", content=body)
    sent = (await operator.request("POST", "/receiver/cdrs", json=cdr())).request.content
    answer = await roam.contract("GET", "/cdrs/C1/evidence")
    assert answer.content == sent
    assert answer.headers["content-type"] == "application/octet-stream"
    problem(await roam.contract("GET", "/cdrs/C9/evidence"), 404, "unknown-object")
