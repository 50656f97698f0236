"""The feed of events and the webhooks, as the operator's own systems see them."""

import asyncio
import time

import pytest

from adapters.contract import UnsafeUrl
from tests.api.documents import cdr, evse, location, session, tariff, token
from tests.api.partner import Deployment, Partner
from tests.api.test_contract import problem, ready, start

WEBHOOK = {"url": "https://backend.example/events", "kinds": ["cdr.received"]}


async def feed(roam: Deployment, query: str = "") -> list[dict]:
    answer = await roam.contract("GET", f"/events?limit=500{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def told(roam: Deployment, query: str = "") -> list[tuple[str, str, str | None]]:
    return [(event["type"], event["object"]["key"], event["connection"]) for event in await feed(roam, query)]


async def test_what_a_partner_does_is_told(operator: Partner):
    roam = operator.deployment
    start_of_it = (await roam.contract("GET", "/events?after=now")).json()
    assert start_of_it["items"] == []
    charging = location(evses=[evse(status="CHARGING", last_updated="2026-03-28T11:00:00Z")])
    for path, body in (
        ("/receiver/locations/BE/BEC/L1", location()),
        ("/receiver/locations/BE/BEC/L1/E1", charging["evses"][0]),
        ("/receiver/tariffs/BE/BEC/T1", tariff()),
        ("/receiver/sessions/BE/BEC/S1", session()),
        ("/receiver/sessions/BE/BEC/S1", session()),
        ("/receiver/sessions/BE/BEC/S1", session(kwh=2, last_updated="2026-03-28T11:30:00Z")),
        (
            "/receiver/sessions/BE/BEC/S1",
            session(
                kwh=3,
                status="COMPLETED",
                end_date_time="2026-03-28T11:40:00Z",
                last_updated="2026-03-28T11:40:00Z",
            ),
        ),
    ):
        answer = await operator.request("PUT", path, json=body)
        assert answer.status_code in (200, 201), answer.text
    await operator.request("DELETE", "/receiver/tariffs/BE/BEC/T1")
    for _ in range(2):
        await operator.request("POST", "/receiver/cdrs", json=cdr())
    await operator.request("POST", "/receiver/cdrs", json=cdr(total_energy=11.5))
    happened = await told(roam, f"&after={start_of_it['next']}")
    assert [(kind, key) for kind, key, _ in happened][:-1] == [
        ("location.changed", "BE*BEC/L1"),
        ("location.evse_changed", "BE*BEC/L1"),
        ("tariff.changed", "BE*BEC/T1"),
        ("session.started", "BE*BEC/S1"),
        ("session.changed", "BE*BEC/S1"),
        ("session.ended", "BE*BEC/S1"),
        ("tariff.removed", "BE*BEC/T1"),
        ("cdr.received", "BE*BEC/C1"),
    ]
    assert happened[-1][0] == "case.opened"
    assert {connection for _, _, connection in happened[:-1]} == {"operator"}
    (ended,) = await feed(roam, "&kind=session.ended")
    assert (ended["data"]["status"], ended["data"]["energy_kwh"]) == ("COMPLETED", "3")


async def test_what_a_provider_does_and_our_own_sessions_are_told(provider: Partner):
    roam = await ready(provider)
    await roam.contract(
        "PUT", "/tokens/abc", json={"contract_id": "C", "issuer": "R", "valid": True, "whitelist": "ALWAYS"}
    )
    await provider.request(
        "PUT", "/receiver/tokens/DE/MOB/04A1B2C3", json=token(valid=False, last_updated="2026-03-28T11:50:00Z")
    )
    await provider.request(
        "PUT", "/receiver/tokens/DE/MOB/04A1B2C3", json=token(valid=True, last_updated="2026-03-28T11:51:00Z")
    )
    assert (await roam.contract("POST", "/sessions", json=start())).status_code == 201
    reading = {"at": "2026-03-28T10:30:00Z", "energy_kwh": "4.2", "state": "CHARGING"}
    await roam.contract("POST", "/sessions/S1/readings", json=reading)
    await roam.contract("POST", "/sessions/S1/stop", json={"at": "2026-03-28T11:00:00Z", "energy_kwh": "5"})
    happened = await told(roam, "&kind=token.changed&kind=session.started&kind=session.changed&kind=session.ended")
    assert happened == [
        ("token.changed", "DE*MOB/RFID/04A1B2C3", "provider"),
        ("token.changed", "DE*MOB/RFID/04A1B2C3", "provider"),
        ("token.changed", "DE*MOB/RFID/04A1B2C3", "provider"),
        ("session.started", "DE*RCO/S1", "provider"),
        ("session.changed", "DE*RCO/S1", "provider"),
        ("session.ended", "DE*RCO/S1", "provider"),
    ]


async def test_that_a_partner_asked_is_told(operator: Partner):
    roam = operator.deployment
    card = {"contract_id": "C", "issuer": "R", "valid": True, "whitelist": "NEVER"}
    await roam.contract("PUT", "/tokens/abc", json=card)
    answer = await operator.request("POST", "/sender/tokens/abc/authorize")
    assert answer.json()["data"]["allowed"] == "ALLOWED", answer.text
    (asked,) = await feed(roam, "&kind=authorization.asked")
    assert (asked["object"]["key"], asked["connection"]) == ("DE*RCO/RFID/ABC", "operator")
    assert asked["data"]["allowed"] == "ALLOWED"


async def test_a_connections_state_is_told(operator: Partner):
    roam = operator.deployment
    assert (await roam.contract("POST", "/connections/operator/suspend")).status_code == 200
    states = [event["data"]["state"] for event in await feed(roam, "&kind=connection.changed")]
    assert states[-1] == "SUSPENDED"


async def test_the_feed_is_read_in_pages(roam: Deployment):
    for number in range(5):
        order = {"id": f"c{number}", "name": "N", "sides": ["CPO"], "mode": "invite"}
        await roam.contract("POST", "/connections", json=order)
    seen, after = [], ""
    while True:
        page = (await roam.contract("GET", f"/events?limit=2{after}")).json()
        if not page["items"]:
            break
        seen += [event["object"]["key"] for event in page["items"]]
        after = f"&after={page['next']}"
    assert seen == [f"c{number}" for number in range(5)]
    again = (await roam.contract("GET", f"/events?limit=2{after}")).json()
    assert f"&after={again['next']}" == after
    problem(await roam.contract("GET", "/events?kind=nonsense"), 422, "invalid-input")
    problem(await roam.contract("GET", "/events?wait=31"), 422, "invalid-input")


async def test_who_waits_is_answered_when_something_happens(roam: Deployment):
    began = time.monotonic()
    waiting = asyncio.create_task(roam.contract("GET", "/events?wait=20"))
    await asyncio.sleep(0)
    await roam.contract("POST", "/connections", json={"id": "c", "name": "N", "sides": ["CPO"], "mode": "invite"})
    answer = await waiting
    assert [event["type"] for event in answer.json()["items"]] == ["connection.changed"]
    assert time.monotonic() - began < 10
    empty = await roam.contract("GET", f"/events?wait=1&after={answer.json()['next']}")
    assert empty.json() == {"items": [], "next": answer.json()["next"]}


async def test_a_webhook_from_making_to_removal(roam: Deployment):
    made = await roam.contract("POST", "/webhooks", json=WEBHOOK)
    assert made.status_code == 201, made.text
    webhook, secret = made.json()["webhook"], made.json()["secret"]
    assert secret.startswith("whsec_")
    assert (webhook["url"], webhook["kinds"]) == (WEBHOOK["url"], WEBHOOK["kinds"])
    path = f"/webhooks/{webhook['id']}"
    for shown in (await roam.contract("GET", path), await roam.contract("GET", "/webhooks")):
        assert shown.status_code == 200
        assert secret not in shown.text
    rotated = await roam.contract("POST", f"{path}/secret", json={"overlap_hours": 2})
    assert rotated.json()["secret"] not in (secret, "")
    assert rotated.json()["webhook"]["previous_secret_until"] == "2026-03-28T14:00:00Z"
    assert (await roam.contract("POST", f"{path}/resume")).json()["paused_at"] is None
    assert (await roam.contract("DELETE", path)).json() == {"id": webhook["id"]}
    for method, gone in (("GET", path), ("DELETE", path), ("POST", f"{path}/resume")):
        problem(await roam.contract(method, gone), 404, "unknown-object")
    problem(await roam.contract("POST", f"{path}/secret", json={}), 404, "unknown-object")
    assert roam.signals.of("deliver") == [(webhook["id"],)] * 3


@pytest.mark.parametrize("url", ["nonsense", "ftp://backend.example/", "http://10.0.0.1/"])
async def test_an_address_that_is_never_called_is_refused(roam: Deployment, url: str):
    def guard(given: str) -> None:
        if "10.0.0.1" in given:
            raise UnsafeUrl("leads inside")

    object.__setattr__(roam.services, "guard_url", guard)
    answer = problem(await roam.contract("POST", "/webhooks", json={**WEBHOOK, "url": url}), 422, "invalid-input")
    assert [error["field"] for error in answer["errors"]] == ["url"]
