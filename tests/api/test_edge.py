"""What holds for every request of a partner, whatever it asks for."""

import json
import logging
from dataclasses import replace

import httpx
import pytest

from adapters.registry import build_registry
from api.app import create
from canonical.identity import BusinessRole, Role
from canonical.partner import LinkState, Side
from canonical.store import AccessPurpose
from tests.api.documents import location
from tests.api.partner import ADAPTER, PUBLIC_URL, Deployment, Partner, connect

LOCATION = "/receiver/locations/BE/BEC/L1"


def _envelope(response, status: int, code: int) -> dict:
    body = response.json()
    assert (response.status_code, body["status_code"]) == (status, code), body
    assert body["timestamp"].endswith("Z")
    assert response.headers["X-Request-ID"]
    assert response.headers["X-Correlation-ID"]
    return body


async def test_versions_lead_to_the_endpoints_of_our_side(operator: Partner):
    http = operator.deployment.http
    headers = {"Authorization": ADAPTER.encode_token(operator.token)}
    listed = await http.get("/ocpi/versions", headers=headers)
    offered = ["2.3.0", "2.2.1", "2.1.1"]
    assert _envelope(listed, 200, 1000)["data"] == [{"version": v, "url": f"{PUBLIC_URL}/ocpi/{v}"} for v in offered]
    details = _envelope(await http.get("/ocpi/2.2.1/", headers=headers), 200, 1000)["data"]
    found = {(e["identifier"], e["role"]) for e in details["endpoints"]}
    assert found == {
        ("credentials", "SENDER"),
        ("locations", "RECEIVER"),
        ("tariffs", "RECEIVER"),
        ("tokens", "SENDER"),
        ("sessions", "RECEIVER"),
        ("cdrs", "RECEIVER"),
        ("commands", "SENDER"),
        ("chargingprofiles", "SENDER"),
        ("hubclientinfo", "RECEIVER"),
    }


@pytest.mark.parametrize("header", [None, "", "Token", "Token !!", "Bearer abc", "Token bm90LWEtdG9rZW4="])
async def test_a_wrong_token_is_401_in_an_envelope(operator: Partner, header: str | None):
    response = await operator.request("GET", LOCATION, headers={"Authorization": header or ""})
    _envelope(response, 401, 2000)
    assert response.headers["WWW-Authenticate"] == "Token"


async def test_a_registration_token_opens_versions_and_credentials_only(operator: Partner):
    async with operator.deployment.store.transaction() as unit:
        token = await unit.access.issue("operator", AccessPurpose.REGISTRATION, "invitation")
    headers = {"Authorization": ADAPTER.encode_token(token.get_secret_value())}
    assert (await operator.deployment.http.get("/ocpi/versions", headers=headers)).status_code == 200
    assert (await operator.request("GET", "/sender/credentials", headers=headers)).status_code == 200
    _envelope(await operator.request("GET", LOCATION, headers=headers), 401, 2000)


@pytest.mark.parametrize("state", [LinkState.SUSPENDED, LinkState.UNREGISTERED])
async def test_a_closed_connection_is_401(roam: Deployment, state: LinkState):
    partner = await connect(roam, Side.EMSP, ("BE*BEC",), state=state)
    _envelope(await partner.request("GET", LOCATION), 401, 2000)


async def test_the_first_use_of_a_new_token_retires_the_old_one(operator: Partner):
    async with operator.deployment.store.transaction() as unit:
        new = await unit.access.issue("operator", AccessPurpose.ACCESS, "renewal")
    headers = {"Authorization": ADAPTER.encode_token(new.get_secret_value())}
    versions = await operator.deployment.http.get("/ocpi/versions", headers=headers)
    assert versions.status_code == 200
    assert (await operator.request("PUT", LOCATION, json=location())).status_code == 201
    assert (await operator.request("PUT", LOCATION, json=location(), headers=headers)).status_code == 200
    _envelope(await operator.request("PUT", LOCATION, json=location()), 401, 2000)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/receiver/nonsense", 404),
        ("GET", "/sender/locations", 404),
        ("GET", "", 404),
        ("POST", LOCATION, 405),
        ("DELETE", LOCATION, 405),
        ("OPTIONS", LOCATION, 405),
    ],
)
async def test_unknown_paths_and_methods_get_an_envelope(operator: Partner, method: str, path: str, status: int):
    if not path:
        response = await operator.deployment.http.get(
            "/ocpi/9.9", headers={"Authorization": ADAPTER.encode_token(operator.token)}
        )
    else:
        response = await operator.request(method, path)
    _envelope(response, status, 2000)
    if status == 405:
        assert response.headers["Allow"] == "GET, PATCH, PUT"


async def test_message_ids_are_echoed_on_errors_too(operator: Partner):
    for path in (LOCATION, "/receiver/nonsense"):
        response = await operator.request("GET", path)
        assert response.status_code == 404
        assert response.headers["X-Request-ID"] == "request-1"
        assert response.headers["X-Correlation-ID"] == "correlation-1"


async def test_message_ids_are_made_when_missing_and_cut_when_wild(operator: Partner):
    without = await operator.request("GET", LOCATION, headers={"X-Request-ID": "", "X-Correlation-ID": ""})
    assert len(without.headers["X-Request-ID"]) == 36
    wild = await operator.request("GET", LOCATION, headers={"X-Request-ID": "a b\t;" + "x" * 500})
    assert wild.headers["X-Request-ID"] == "ab" + "x" * 126


async def test_routing_headers_come_back_swapped(operator: Partner):
    response = await operator.request("GET", LOCATION)
    assert response.headers["OCPI-to-party-id"] == "BEC"
    assert response.headers["OCPI-from-party-id"] == "RCO"


async def test_absent_routing_headers_are_inferred(operator: Partner):
    absent = dict.fromkeys(
        ("OCPI-from-country-code", "OCPI-from-party-id", "OCPI-to-country-code", "OCPI-to-party-id"), ""
    )
    response = await operator.request("PUT", LOCATION, json=location(), headers=absent)
    _envelope(response, 201, 1000)
    assert response.headers["OCPI-to-party-id"] == "BEC"


async def test_an_absent_sender_is_refused_where_there_are_two(roam: Deployment):
    partner = await connect(roam, Side.EMSP, ("BE*BEC", "NL*TNM"))
    absent = {"OCPI-from-country-code": "", "OCPI-from-party-id": ""}
    body = _envelope(await partner.request("GET", LOCATION, headers=absent), 200, 2001)
    assert "OCPI-from-party-id" in body["status_message"]


@pytest.mark.parametrize("header", ["OCPI-from-party-id", "OCPI-to-party-id"])
async def test_foreign_parties_in_routing_headers_are_refused(operator: Partner, header: str):
    body = _envelope(await operator.request("GET", LOCATION, headers={header: "XXX"}), 200, 2001)
    assert header in body["status_message"]


async def test_configuration_modules_need_no_routing_headers(operator: Partner):
    response = await operator.request("GET", "/sender/credentials", headers={"OCPI-from-party-id": "XXX"})
    _envelope(response, 200, 1000)
    assert "OCPI-to-party-id" not in response.headers


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\xfe", b'{"id": ', b"[1,", b'{"id": NaN}'])
async def test_a_body_that_is_not_json_is_400_with_2001(operator: Partner, body: bytes):
    _envelope(await operator.request("PUT", LOCATION, content=body), 400, 2001)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"{}"])
async def test_json_of_the_wrong_shape_is_2001(operator: Partner, body: bytes):
    _envelope(await operator.request("PUT", LOCATION, content=body), 200, 2001)


async def test_a_missing_field_is_named(operator: Partner):
    bad = location()
    del bad["city"]
    assert "city" in _envelope(await operator.request("PUT", LOCATION, json=bad), 200, 2001)["status_message"]


async def test_a_huge_body_is_refused_before_it_is_read(operator: Partner):
    huge = b" " * (5 * 1024 * 1024)
    assert "larger" in _envelope(await operator.request("PUT", LOCATION, content=huge), 200, 2001)["status_message"]

    async def endless():
        for _ in range(6):
            yield b" " * (1024 * 1024)

    _envelope(await operator.request("PUT", LOCATION, content=endless()), 200, 2001)


@pytest.mark.parametrize("media_type", ["text/plain", "application/json; charset=utf-8", "application/vnd.x+json"])
async def test_the_content_type_does_not_matter(operator: Partner, media_type: str):
    content = json.dumps(location())
    response = await operator.request("PUT", LOCATION, content=content, headers={"Content-Type": media_type})
    _envelope(response, 201, 1000)


async def test_trailing_slashes_are_served_not_redirected(operator: Partner):
    _envelope(await operator.request("PUT", LOCATION + "/", json=location()), 201, 1000)
    _envelope(await operator.request("GET", LOCATION), 200, 1000)


async def test_whatever_a_partner_joins_to_an_endpoint_leads_to_the_object(operator: Partner):
    http = operator.deployment.http
    headers = {"Authorization": ADAPTER.encode_token(operator.token)}
    details = (await http.get("/ocpi/2.2.1", headers=headers)).json()["data"]
    (url,) = (e["url"] for e in details["endpoints"] if e["identifier"] == "locations")
    endpoint = url.removeprefix(f"{PUBLIC_URL}/ocpi/2.2.1")
    for joined in (f"{endpoint}/BE/BEC/L1", f"{endpoint}BE/BEC/L1", f"{endpoint}//BE/BEC/L1/"):
        response = await operator.request("PUT", joined, json=location())
        assert response.json()["status_code"] == 1000, joined
    _envelope(await operator.request("GET", LOCATION), 200, 1000)


async def test_a_forgotten_id_lets_no_other_move_up(operator: Partner):
    _envelope(await operator.request("PUT", "/receiver/locations/BE/BEC//L1", json=location()), 404, 2000)


async def test_path_segments_are_decoded_exactly_once(operator: Partner):
    odd = location(id="A/B%41 C")
    path = "/receiver/locations/BE/BEC/A%2FB%2541%20C"
    _envelope(await operator.request("PUT", path, json=odd), 201, 1000)
    assert _envelope(await operator.request("GET", path), 200, 1000)["data"]["id"] == "A/B%41 C"


async def test_a_fault_of_ours_tells_nothing(
    operator: Partner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(*_args: object) -> None:
        raise RuntimeError("inner secret")

    monkeypatch.setattr(type(ADAPTER), "read", fail)
    response = await operator.request("PUT", LOCATION, json=location())
    assert "secret" not in response.text
    _envelope(response, 500, 3000)
    assert "inner secret" in caplog.text


async def test_secrets_are_in_no_log(operator: Partner, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    await operator.request("PUT", LOCATION, json=location())
    await operator.request("GET", "/sender/credentials")
    await operator.request("GET", LOCATION, headers={"Authorization": "Token d3Jvbmctc2VjcmV0"})
    for secret in (operator.token, ADAPTER.encode_token(operator.token), "wrong-secret", "d3Jvbmctc2VjcmV0"):
        assert secret not in caplog.text
    assert operator.token not in repr(operator.deployment.services)


def _security(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "roamwork.security"]


async def test_whoever_speaks_for_somebody_else_is_a_security_event(
    operator: Partner, caplog: pytest.LogCaptureFixture
):
    _envelope(await operator.request("GET", LOCATION, headers={"OCPI-from-party-id": "XXX"}), 200, 2001)
    foreign = location(party_id="XXX")
    _envelope(await operator.request("PUT", "/receiver/locations/BE/XXX/L1", json=foreign), 404, 2001)
    _envelope(await operator.request("PUT", LOCATION, json=foreign), 200, 2001)
    assert _security(caplog) == [
        "connection operator spoke for the foreign party BE*XXX",
        "connection operator addressed locations of the foreign party BE*XXX",
        "connection operator sent locations of the foreign party BE*XXX",
    ]


async def test_one_party_of_a_partner_does_not_write_for_another(roam: Deployment, caplog: pytest.LogCaptureFixture):
    partner = await connect(roam, Side.EMSP, ("BE*BEC", "NL*TNM"))
    path, theirs = "/receiver/locations/NL/TNM/L1", location(country_code="NL", party_id="TNM")
    said = _envelope(await partner.request("PUT", path, json=theirs), 200, 2001)["status_message"]
    assert "OCPI-from-party-id" in said
    assert _security(caplog) == ["connection partner, as BE*BEC, touched locations of NL*TNM"]
    own = {"OCPI-from-country-code": "NL", "OCPI-from-party-id": "TNM"}
    _envelope(await partner.request("PUT", path, json=theirs, headers=own), 201, 1000)


async def test_unknown_tokens_and_closed_connections_are_security_events(
    roam: Deployment, caplog: pytest.LogCaptureFixture
):
    partner = await connect(roam, Side.EMSP, ("BE*BEC",), state=LinkState.SUSPENDED)
    _envelope(await partner.request("GET", LOCATION), 401, 2000)
    partner.token = "nobodys-token"
    _envelope(await partner.request("GET", LOCATION), 401, 2000)
    assert _security(caplog) == [
        "connection partner is SUSPENDED and called",
        "a request came with an unknown token",
    ]


async def test_a_side_that_nobody_stands_opposite_to_is_not_served(roam: Deployment):
    partner = await connect(roam, Side.EMSP, ("BE*BEC",))
    both = partner.connection.model_copy(update={"our_sides": (Side.CPO, Side.EMSP)})
    async with roam.store.transaction() as unit:
        await unit.connections.save(both)
    _envelope(await partner.request("GET", "/sender/locations"), 404, 2000)
    _envelope(await partner.request("GET", "/sender/tokens"), 200, 1000)
    provider = BusinessRole(party=partner.party, role=Role.EMSP, business_name="Both")
    async with roam.store.transaction() as unit:
        roles = (*both.partner_roles, provider)
        await unit.connections.save(both.model_copy(update={"partner_roles": roles}))
    _envelope(await partner.request("GET", "/sender/locations"), 200, 1000)


async def test_a_version_that_is_not_on_offer_serves_who_has_it(operator: Partner):
    versions = [adapter.version for adapter in operator.deployment.services.registry.adapters()]
    own = ADAPTER.version
    (other, *_) = (version for version in versions if version != own)
    services = replace(operator.deployment.services, registry=build_registry(None, (other,)))
    transport = httpx.ASGITransport(create(services), raise_app_exceptions=False)
    headers = {"Authorization": ADAPTER.encode_token(operator.token)}
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        listed = _envelope(await http.get("/ocpi/versions", headers=headers), 200, 1000)["data"]
        assert [each["version"] for each in listed] == [other]
        for version in versions:
            status = 200 if version in (own, other) else 404
            assert (await http.get(f"/ocpi/{version}", headers=headers)).status_code == status
