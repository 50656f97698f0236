"""The operator's own interface."""

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from activities.billing import BillingActivities, SessionRef
from canonical.cdr import Cdr
from canonical.partner import Side
from canonical.session import Session, VolumeDimension
from canonical.token import Allowed, Authorization
from tests.api.documents import token
from tests.api.partner import API_KEY, NOW, Deployment, Partner
from tests.api.test_modules import _our_location
from tests.workflows.test_activities import resources

START = "2026-03-28T10:00:00Z"
TARIFF = {
    "currency": "EUR",
    "elements": [{"price_components": [{"dimension": "ENERGY", "price": "0.50", "vat_percent": "19", "step_size": 1}]}],
    "last_updated": "2026-01-01T00:00:00Z",
}


def problem(response, status: int, kind: str) -> dict:
    assert response.headers["content-type"] == "application/problem+json", response.text
    body = response.json()
    assert (response.status_code, body["type"].rpartition("/")[2]) == (status, kind), body
    return body


async def ready(provider: Partner, **card: object) -> Deployment:
    """A location with a tariff, and a card of the provider."""
    roam = provider.deployment
    assert (await roam.contract("PUT", "/tariffs/T1", json=TARIFF)).status_code == 200
    await _our_location(roam, "L1")
    answer = await provider.request("PUT", "/receiver/tokens/DE/MOB/04A1B2C3", json=token(**card))
    assert answer.status_code == 201, answer.text
    return roam


def start(**changes: object) -> dict[str, object]:
    return {
        "id": "S1",
        "token": {"uid": "04a1b2c3"},
        "auth_method": "WHITELIST",
        "location_id": "L1",
        "evse_uid": "E1",
        "connector_id": "1",
        "start": START,
        "billing_record": "B-1",
        **changes,
    }


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": API_KEY}])
async def test_a_key_is_needed(roam: Deployment, header: dict[str, str]):
    response = await roam.http.get("/contract/v1/connections", headers=header)
    problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_health_needs_none(roam: Deployment):
    assert (await roam.http.get("/health/live")).json() == {"status": "live"}
    assert (await roam.http.get("/health/ready")).json() == {"status": "ready"}


async def test_the_page_to_try_it_loads_nothing_from_elsewhere(roam: Deployment):
    page = await roam.http.get("/contract/v1/docs")
    addresses = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)""", page.text)
    assert len(addresses) >= 4
    for address in addresses:
        assert address.startswith("/contract/v1/"), address
        assert (await roam.http.get(address)).status_code == 200, address


async def test_every_error_is_a_problem(roam: Deployment):
    problem(await roam.contract("GET", "/nothing"), 404, "unknown-route")
    problem(await roam.contract("DELETE", "/connections"), 405, "method-not-allowed")
    problem(await roam.contract("POST", "/sessions", content=b"{"), 400, "malformed-body")
    problem(await roam.contract("POST", "/sessions", content=b"x" * 5_000_000), 413, "body-too-large")
    problem(await roam.contract("GET", "/locations/L9"), 404, "unknown-location")
    problem(await roam.contract("GET", "/connections/none"), 404, "unknown-object")
    wrong = problem(await roam.contract("POST", "/sessions", json=start(start="today")), 422, "invalid-input")
    assert [error["field"] for error in wrong["errors"]] == ["start"]
    wrong = problem(await roam.contract("PUT", "/locations/L1", json={"id": "L2"}), 422, "invalid-input")
    assert wrong["errors"][0]["field"] == "id"


async def test_a_body_that_does_not_say_that_it_is_json(roam: Deployment):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refused = await roam.contract("PUT", "/tariffs/T1", content=json.dumps(TARIFF), headers=form)
    assert "Content-Type: application/json" in problem(refused, 400, "malformed-body")["detail"]


async def test_an_order_without_a_kind(roam: Deployment):
    refused = problem(await roam.contract("POST", "/commands", json={"connection": "operator"}), 422, "invalid-input")
    assert refused["errors"] == [{"field": "kind", "message": "Field required"}]


async def test_an_order_of_an_unknown_kind(roam: Deployment):
    refused = await roam.contract("POST", "/commands", json={"kind": "DANCE", "connection": "c"})
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["field"]) == (422, "kind")
    assert "'START_SESSION'" in error["message"]
    assert "<" not in error["message"]


async def test_the_openapi_document_describes_it(roam: Deployment):
    document = (await roam.contract("GET", "/openapi.json")).json()
    assert {"/sessions", "/locations/{location_id}", "/settlements", "/ledger"} <= set(document["paths"])
    assert "Location" in document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            assert operation["description"], (path, method)


async def test_an_idempotency_key(provider: Partner):
    roam = await ready(provider)
    headers = {"Idempotency-Key": "k1"}
    first = await roam.contract("POST", "/sessions", json=start(), headers=headers)
    assert first.status_code == 201, first.text
    again = await roam.contract("POST", "/sessions", json=start(), headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(roam.signals.of("session_started")) == 1
    other = await roam.contract("POST", "/sessions", json=start(id="S2"), headers=headers)
    problem(other, 409, "idempotency-key-reused")


async def test_a_key_of_a_failed_request_is_free_again(provider: Partner):
    roam, headers = provider.deployment, {"Idempotency-Key": "k1"}
    problem(await roam.contract("POST", "/sessions", json=start(), headers=headers), 404, "unknown-location")
    await ready(provider)
    assert (await roam.contract("POST", "/sessions", json=start(), headers=headers)).status_code == 201


async def test_changes_are_queued_for_those_they_concern(provider: Partner, operator: Partner):
    roam = provider.deployment
    await _our_location(roam, "L1")
    change = {"status": "CHARGING"}
    changed = await roam.contract("PATCH", "/locations/L1/evses/e1", json=change)
    assert changed.json()["evses"][0]["status"] == "CHARGING"
    card = {
        "contract_id": "DE-RCO-1",
        "issuer": "Roam",
        "valid": True,
        "whitelist": "ALWAYS",
    }
    assert (await roam.contract("PUT", "/tokens/abc?type=APP_USER", json=card)).status_code == 200
    assert (await roam.contract("GET", "/tokens/ABC?type=APP_USER")).json()["uid"] == "abc"
    async with roam.store.transaction() as unit:
        told = [(e.module, e.object_key) for e in await unit.outbox.pending("provider", 10)]
        assert told == [("locations", "DE*RCO/L1")] * 2
        told = [(e.module, e.object_key) for e in await unit.outbox.pending("operator", 10)]
        assert told == [("tokens", "DE*RCO/APP_USER/ABC")]
    assert roam.signals.of("feed") == [("provider",), ("provider",), ("operator",)]


async def test_a_running_session_counts_from_its_start(provider: Partner):
    roam = await ready(provider)
    await roam.contract("POST", "/sessions", json=start())
    late = {"at": "2026-03-28T10:30:00Z", "energy_kwh": "4.2", "state": "CHARGING"}
    running = Session.model_validate_json((await roam.contract("POST", "/sessions/S1/readings", json=late)).content)
    assert running.charging_periods[0].start == running.start
    volumes = [p.volume(VolumeDimension.ENERGY) or Decimal(0) for p in running.charging_periods]
    assert sum(volumes) == Decimal("4.2")


async def test_a_session_from_start_to_stop(provider: Partner):
    roam = await ready(provider)
    began = await roam.contract("POST", "/sessions", json=start(meter_id="M1"))
    assert began.status_code == 201, began.text
    assert began.json()["currency"] == "EUR"
    first = {"at": START, "energy_kwh": 0, "state": "CHARGING"}
    later = {"at": "2026-03-28T11:00:00Z", "energy_kwh": 10.1, "state": "CHARGING"}
    for reading in (first, later, later):
        answer = await roam.contract("POST", "/sessions/S1/readings", json=reading)
        assert answer.status_code == 200, answer.text
    running = Session.model_validate_json(answer.content)
    assert running.energy_kwh == Decimal("10.1")
    assert running.total_cost is not None
    assert running.total_cost.before_tax == Decimal("5.05")
    backwards = {"at": "2026-03-28T11:30:00Z", "energy_kwh": 9, "state": "CHARGING"}
    problem(await roam.contract("POST", "/sessions/S1/readings", json=backwards), 409, "conflict")
    stop = {"at": "2026-03-28T12:00:00Z", "energy_kwh": "20.2"}
    for _ in range(2):
        answer = await roam.contract("POST", "/sessions/S1/stop", json=stop)
        assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "COMPLETED"
    assert Decimal(answer.json()["total_cost"]["before_tax"]) == Decimal("10.10")
    problem(
        await roam.contract("POST", "/sessions/S1/stop", json={**stop, "energy_kwh": 21, "at": START}),
        409,
        "conflict",
    )
    key = "DE*RCO/S1"
    assert roam.signals.of("session_started") == [(key, "provider", Side.CPO, "ACTIVE")]
    assert [told[-1] for told in roam.signals.of("session_changed")] == ["COMPLETED"]
    async with roam.store.transaction() as unit:
        context = await unit.sessions.context(Session.model_validate_json(answer.content).object_id)
        pending = [e.object_key for e in await unit.outbox.pending("provider", 20) if e.module == "sessions"]
    assert context is not None
    assert context.billing_record == "B-1"
    assert context.tariff_at_start is not None
    assert context.time_zone == "Europe/Berlin"
    assert pending == [key] * 4
    listed = await provider.request("GET", f"/sender/sessions?date_from={NOW:%Y-%m-%dT%H:%M:%SZ}")
    assert [s["id"] for s in listed.json()["data"]] == ["S1"]
    assert len((await roam.contract("GET", "/sessions")).json()["items"]) == 1


async def test_an_evse_without_a_public_name_is_billed_by_its_technical_one(provider: Partner):
    roam = await ready(provider)
    whole = await _our_location(roam, "L1")
    unnamed = [{**part, "evse_id": None} for part in whole["evses"]]
    await _our_location(roam, "L1", evses=unnamed, last_updated=whole["last_updated"])
    began = Session.model_validate_json((await roam.contract("POST", "/sessions", json=start())).content)
    async with roam.store.transaction() as unit:
        context = await unit.sessions.context(began.object_id)
    assert context is not None
    assert context.charge_point.evse_id == "E1"


@pytest.mark.parametrize(
    ("auth_method", "minutes_before", "stated", "comes_back"),
    [
        ("AUTH_REQUEST", 10, None, "REF-1"),
        ("AUTH_REQUEST", 10, "REF-2", "REF-2"),
        ("AUTH_REQUEST", 20, None, None),
        ("WHITELIST", 10, None, None),
    ],
)
async def test_the_issuers_reference_comes_back_to_it(
    provider: Partner, auth_method: str, minutes_before: int, stated: str | None, comes_back: str | None
):
    roam = await ready(provider)
    asked_at = datetime.fromisoformat(START) - timedelta(minutes=minutes_before)
    async with roam.store.transaction() as unit:
        (card,) = await unit.tokens.all(source="provider")
        said = Authorization(allowed=Allowed.ALLOWED, token=card, authorization_reference="REF-1")
        await unit.authorizations.add(said, connection_id="provider", at=asked_at)
    order = start(auth_method=auth_method, authorization_reference=stated)
    assert (await roam.contract("POST", "/sessions", json=order)).json()["authorization_reference"] == comes_back


@pytest.mark.parametrize(("minutes_before", "status"), [(10, 201), (20, 409)])
async def test_who_wants_to_be_asked_each_time_is_not_taken_at_an_old_word(
    provider: Partner, minutes_before: int, status: int
):
    roam = await ready(provider, whitelist="NEVER")
    asked_at = datetime.fromisoformat(START) - timedelta(minutes=minutes_before)
    async with roam.store.transaction() as unit:
        (card,) = await unit.tokens.all(source="provider")
        said = Authorization(allowed=Allowed.ALLOWED, token=card)
        await unit.authorizations.add(said, connection_id="provider", at=asked_at)
    began = await roam.contract("POST", "/sessions", json=start(auth_method="AUTH_REQUEST"))
    assert began.status_code == status, began.text


async def test_no_part_of_a_location_is_newer_than_the_whole(provider: Partner):
    roam = await ready(provider)
    parts = (await _our_location(roam, "L1"))["evses"]
    newest = "2026-03-28T13:00:00Z"
    parts[0]["connectors"][0]["last_updated"] = newest
    stored = await _our_location(roam, "L1", evses=parts)
    assert (stored["last_updated"], stored["evses"][0]["last_updated"]) == (newest, newest)
    listed = await provider.request("GET", f"/sender/locations?date_from={newest}")
    assert [each["id"] for each in listed.json()["data"]] == ["L1"]


async def test_a_reservation_expires(provider: Partner):
    roam = await ready(provider)
    reserved = await roam.contract("POST", "/sessions", json=start(status="RESERVATION"))
    assert reserved.json()["status"] == "RESERVATION"
    change = {"at": "2026-03-28T10:30:00Z", "status": "INVALID"}
    ended = await roam.contract("POST", "/sessions/S1/state", json=change)
    assert (ended.json()["status"], ended.json()["end"]) == ("INVALID", change["at"])
    problem(await roam.contract("POST", "/sessions/S1/state", json={**change, "status": "ACTIVE"}), 409, "conflict")


@pytest.mark.parametrize(("fee", "ends"), [(None, "NOT_BILLED"), ("2", "BILLED")])
async def test_a_reservation_that_only_states_tell_of_was_not_used(provider: Partner, fee: str | None, ends: str):
    roam = await ready(provider)
    if fee is not None:
        booked = {
            "price_components": [{"dimension": "FLAT", "price": fee, "vat_percent": "19", "step_size": 1}],
            "restrictions": {"reservation": "RESERVATION_EXPIRES"},
        }
        asking = {**TARIFF, "elements": [*TARIFF["elements"], booked], "last_updated": "2026-01-02T00:00:00Z"}
        assert (await roam.contract("PUT", "/tariffs/T1", json=asking)).is_success
    assert (await roam.contract("POST", "/sessions", json=start(status="RESERVATION"))).is_success
    change = {"at": "2026-03-28T10:30:00Z", "status": "COMPLETED"}
    ended = (await roam.contract("POST", "/sessions/S1/state", json=change)).json()
    volumes = [volume["dimension"] for period in ended["charging_periods"] for volume in period["volumes"]]
    assert (ended["status"], set(volumes)) == ("COMPLETED", {"RESERVATION_TIME"})
    billing = BillingActivities(resources(roam.store))
    billed = await billing.generate_cdr(SessionRef("DE*RCO/S1", "provider"))
    assert (billed.cdr_key is not None, billed.needs_person) == (ends == "BILLED", False)
    assert (await roam.contract("GET", "/cases")).json()["items"] == []


async def test_a_blocked_token_is_refused(provider: Partner):
    roam = await ready(provider, valid=False)
    asked = await roam.contract("POST", "/authorizations", json={"token": {"uid": "04A1B2C3"}})
    assert (asked.json()["allowed"], asked.json()["asked_issuer"]) == ("BLOCKED", False)
    problem(await roam.contract("POST", "/sessions", json=start()), 409, "token-not-allowed")
    problem(await roam.contract("POST", "/sessions", json=start(token={"uid": "?"})), 409, "token-not-allowed")


async def test_a_token_that_may_only_charge_with_its_issuers_word(provider: Partner):
    roam = await ready(provider, whitelist="NEVER")
    problem(await roam.contract("POST", "/sessions", json=start()), 409, "token-not-allowed")


async def test_the_invitation_shows_its_token_to_the_one_who_made_it(roam: Deployment):
    order = {"id": "new", "name": "New", "sides": ["CPO"], "mode": "invite"}
    headers = {"Idempotency-Key": "k1"}
    first = await roam.contract("POST", "/connections", json=order, headers=headers)
    again = await roam.contract("POST", "/connections", json=order, headers=headers)
    assert first.json()["registration_token"] == again.json()["registration_token"]
    secret = first.json()["registration_token"]
    assert secret not in (await roam.contract("GET", "/connections/new")).text
    problem(await roam.contract("POST", "/connections", json=order), 409, "conflict")


async def test_registration_begins(roam: Deployment, caplog: pytest.LogCaptureFixture):
    order = {
        "id": "cpo",
        "name": "Charging AG",
        "sides": ["EMSP"],
        "mode": "register",
        "versions_url": "https://charging.example/versions",
        "token": "handed-out-in-private",
    }
    created = await roam.contract("POST", "/connections", json=order)
    assert created.status_code == 201, created.text
    assert "handed-out" not in created.text + caplog.text
    assert roam.signals.of("connect") == [("cpo",)]
    wrong = await roam.contract("POST", "/connections", json={**order, "id": "b", "versions_url": "nonsense"})
    assert "handed-out" not in wrong.text


async def test_operations_are_passed_on(provider: Partner):
    roam = provider.deployment
    assert (await roam.contract("POST", "/connections/provider/nudge")).status_code == 202
    assert (await roam.contract("POST", "/connections/provider/pull?module=tokens")).status_code == 202
    problem(await roam.contract("POST", "/connections/provider/pull?module=cdrs"), 422, "invalid-input")
    assert roam.signals.of("pull") == [("provider", "tokens")]
    order = {"connection": "provider", "month": "2026-03"}
    started = await roam.contract("POST", "/settlements", json=order)
    assert started.json() == {"workflow_id": "settlement/provider/2026-03"}
    assert (await roam.contract("GET", "/settlements/provider/2026-03")).json()["state"] == "CLAIMING"
    problem(await roam.contract("POST", "/settlements", json={**order, "month": "2026-13"}), 422, "invalid-input")
    roam.signals.deaf = True
    problem(await roam.contract("POST", "/settlements", json=order), 409, "not-now")
    assert (await roam.contract("GET", "/ledger")).json() == {"balances": []}


async def test_received_cdrs_and_their_cases_are_shown(operator: Partner):
    from tests.api.documents import cdr

    roam = operator.deployment
    await operator.request("POST", "/receiver/cdrs", json=cdr())
    await operator.request("POST", "/receiver/cdrs", json=cdr(total_energy=11.5))
    window = "since=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z"
    (listed,) = (await roam.contract("GET", f"/cdrs?connection=operator&{window}")).json()["items"]
    assert Cdr.model_validate(listed["cdr"]).id == "C1"
    shown = (await roam.contract("GET", "/cdrs/C1")).json()
    assert (shown["state"], shown["ours"]) == ("RECEIVED", False)
    (case,) = (await roam.contract("GET", "/cases?state=OPEN")).json()["items"]
    decision = {"accepted": False, "decision": "the first one counts"}
    for _ in range(2):
        closed = await roam.contract("POST", f"/cases/{case['id']}/decision", json=decision)
        assert closed.json()["state"] == "CLOSED", closed.text
    other = {"accepted": True, "decision": "no"}
    problem(await roam.contract("POST", f"/cases/{case['id']}/decision", json=other), 409, "conflict")
