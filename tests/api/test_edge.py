"""What holds for every request of a partner, whatever it asks for."""

import json
import logging

import pytest

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
    assert _envelope(listed, 200, 1000)["data"] == [{"version": "2.2.1", "url": f"{PUBLIC_URL}/ocpi/2.2.1"}]
    details = _envelope(await http.get("/ocpi/2.2.1/", headers=headers), 200, 1000)["data"]
    found = {(e["identifier"], e["role"]) for e in details["endpoints"]}
    assert found == {
        ("credentials", "SENDER"),
        ("locations", "RECEIVER"),
        ("tariffs", "RECEIVER"),
        ("tokens", "SENDER"),
        ("sessions", "RECEIVER"),
        ("cdrs", "RECEIVER"),
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
