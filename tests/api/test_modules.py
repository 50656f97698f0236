"""The partners' modules over HTTP: what is stored, what is ignored, what is refused, who is woken."""

import asyncio
import json

import httpx
import pytest

from canonical.identity import ObjectId, PartyId
from canonical.partner import Side
from canonical.store import CdrState, objects
from canonical.token import Token, TokenType, Whitelist
from tests.api.documents import EARLY, LATER, LATEST, cdr, connector, evse, location, session, tariff, token
from tests.api.partner import NOW, PUBLIC_URL, US, Deployment, Partner, connect

LOCATION = "/receiver/locations/BE/BEC/L1"
TARIFF = "/receiver/tariffs/BE/BEC/T1"
SESSION = "/receiver/sessions/BE/BEC/S1"
TOKEN = "/receiver/tokens/DE/MOB/04A1B2C3"
CDRS = "/receiver/cdrs"


def ok(response: httpx.Response, status: int = 200) -> object:
    body = response.json()
    assert (response.status_code, body["status_code"]) == (status, 1000), body
    return body.get("data")


def no(response: httpx.Response, status: int, code: int) -> str:
    body = response.json()
    assert (response.status_code, body["status_code"]) == (status, code), body
    assert "data" not in body
    return body["status_message"]


class TestLocations:
    async def test_put_creates_then_replaces(self, operator: Partner):
        ok(await operator.request("PUT", LOCATION, json=location()), 201)
        ok(await operator.request("PUT", LOCATION, json=location(name="New", last_updated=LATER)))
        assert ok(await operator.request("GET", LOCATION))["name"] == "New"

    async def test_ids_are_found_in_any_spelling(self, operator: Partner):
        ok(await operator.request("PUT", LOCATION, json=location()), 201)
        assert ok(await operator.request("GET", "/receiver/locations/be/bec/l1/e1/1"))["id"] == "1"

    async def test_a_reordered_message_is_ignored_with_success(self, operator: Partner):
        ok(await operator.request("PUT", LOCATION, json=location(name="New", last_updated=LATER)), 201)
        ok(await operator.request("PUT", LOCATION, json=location(name="Old")))
        ok(await operator.request("PATCH", LOCATION, json={"name": "Old", "last_updated": EARLY}))
        assert ok(await operator.request("GET", LOCATION))["name"] == "New"

    async def test_patch_needs_last_updated(self, operator: Partner):
        ok(await operator.request("PUT", LOCATION, json=location()), 201)
        assert "last_updated" in no(await operator.request("PATCH", LOCATION, json={"name": "X"}), 200, 2001)

    async def test_a_patch_that_names_some_evses_removes_none_and_has_the_list_fetched(self, operator: Partner):
        whole = location(evses=[evse(), evse(uid="E2")])
        ok(await operator.request("PUT", LOCATION, json=whole), 201)
        some = [evse(status="CHARGING", last_updated=LATER)]
        ok(await operator.request("PATCH", LOCATION, json={"evses": some, "last_updated": LATER}))
        stored = ok(await operator.request("GET", LOCATION))
        assert [(e["uid"], e["status"]) for e in stored["evses"]] == [("E1", "CHARGING"), ("E2", "AVAILABLE")]
        assert operator.deployment.signals.of("pull") == [("operator", "locations")]

    @pytest.mark.parametrize("part", ["", "/E1", "/E1/1"])
    async def test_unknown_objects_are_404_with_2003(self, operator: Partner, part: str):
        no(await operator.request("GET", LOCATION + part), 404, 2003)
        no(await operator.request("PATCH", LOCATION + part, json={"last_updated": LATER}), 404, 2003)

    async def test_a_patched_evse_raises_its_location(self, operator: Partner):
        ok(await operator.request("PUT", LOCATION, json=location()), 201)
        change = {"status": "CHARGING", "last_updated": LATER}
        ok(await operator.request("PATCH", LOCATION + "/E1", json=change))
        stored = ok(await operator.request("GET", LOCATION))
        assert stored["evses"][0]["status"] == "CHARGING"
        assert stored["evses"][0]["last_updated"] == stored["last_updated"] == LATER
        assert stored["evses"][0]["connectors"][0]["last_updated"] == EARLY

    async def test_a_patched_connector_raises_everything_above(self, operator: Partner):
        ok(await operator.request("PUT", LOCATION, json=location()), 201)
        change = {"tariff_ids": ["T2"], "last_updated": LATER}
        ok(await operator.request("PATCH", LOCATION + "/E1/1", json=change))
        stored = ok(await operator.request("GET", LOCATION))
        assert stored["evses"][0]["connectors"][0]["tariff_ids"] == ["T2"]
        assert {stored["last_updated"], stored["evses"][0]["last_updated"]} == {LATER}

    async def test_a_late_message_about_a_part_does_not_age_the_rest(self, operator: Partner):
        ok(await operator.request("PUT", LOCATION, json=location(last_updated=LATEST)), 201)
        ok(await operator.request("PATCH", LOCATION + "/E1", json={"status": "RESERVED", "last_updated": LATER}))
        stored = ok(await operator.request("GET", LOCATION))
        assert (stored["evses"][0]["status"], stored["last_updated"]) == ("RESERVED", LATEST)

    async def test_put_adds_an_evse_and_a_connector(self, operator: Partner):
        ok(await operator.request("PUT", LOCATION, json=location()), 201)
        ok(await operator.request("PUT", LOCATION + "/E2", json=evse(uid="E2", last_updated=LATER)), 201)
        ok(await operator.request("PUT", LOCATION + "/E2/2", json=connector(id="2", last_updated=LATEST)), 201)
        stored = ok(await operator.request("GET", LOCATION))
        assert [e["uid"] for e in stored["evses"]] == ["E1", "E2"]
        assert [c["id"] for c in stored["evses"][1]["connectors"]] == ["1", "2"]
        assert stored["last_updated"] == LATEST

    async def test_none_of_many_updates_of_one_location_at_the_same_time_is_lost(self, operator: Partner):
        names = [f"E{number}" for number in range(1, 9)]
        ok(await operator.request("PUT", LOCATION, json=location(evses=[evse(uid=name) for name in names])), 201)
        changed = [evse(uid=name, status="CHARGING", last_updated=LATER) for name in names]
        answers = await asyncio.gather(
            *(operator.request("PUT", f"{LOCATION}/{each['uid']}", json=each) for each in changed)
        )
        for answer in answers:
            ok(answer)
        stored = ok(await operator.request("GET", LOCATION))
        assert {e["status"] for e in stored["evses"]} == {"CHARGING"}

    async def test_the_id_in_the_body_is_that_of_the_address(self, operator: Partner):
        no(await operator.request("PUT", LOCATION, json=location(id="L2")), 200, 2001)
        ok(await operator.request("PUT", LOCATION, json=location()), 201)
        no(await operator.request("PUT", LOCATION + "/E1", json=evse(uid="E2")), 200, 2001)

    async def test_a_party_that_is_not_yours(self, operator: Partner, caplog: pytest.LogCaptureFixture):
        await connect(operator.deployment, Side.EMSP, ("NL*TNM",), connection_id="other")
        foreign = location(country_code="NL", party_id="TNM")
        no(await operator.request("PUT", "/receiver/locations/NL/TNM/L1", json=foreign), 404, 2001)
        no(await operator.request("GET", "/receiver/locations/NL/TNM/L1"), 404, 2001)
        no(await operator.request("PUT", LOCATION, json=foreign), 200, 2001)
        assert "NL*TNM" in caplog.text

    async def test_our_list_is_walked_by_its_links(self, provider: Partner):
        for number in range(5):
            document = await _our_location(provider.deployment, f"L{number}")
            assert document["id"] == f"L{number}"
        path, seen = "/sender/locations?limit=2&date_from=2026-01-01T00:00:00Z", []
        while path:
            response = await provider.request("GET", path)
            seen += [found["id"] for found in ok(response)]
            assert response.headers["X-Total-Count"] == "5"
            assert response.headers["X-Limit"] == "100"
            link = response.headers.get("Link", "")
            assert not link or link.endswith('>; rel="next"')
            url = link[1:].partition(">")[0]
            assert not url or url.startswith(f"{PUBLIC_URL}/ocpi/2.2.1/sender/locations?")
            path = url.removeprefix(f"{PUBLIC_URL}/ocpi/2.2.1")
        assert seen == [f"L{n}" for n in range(5)]

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ("date_from=yesterday", "date_from"),
            ("date_to=2026-13-01T00:00:00Z", "date_to"),
            ("date_from=2026-02-01&date_to=2026-01-01", "date_to"),
            ("offset=-1", "offset"),
            ("offset=99999999999999999999999", "offset"),
            ("limit=0", "limit"),
            ("limit=ten", "limit"),
        ],
    )
    async def test_a_wrong_parameter_is_named(self, provider: Partner, query: str, named: str):
        assert named in no(await provider.request("GET", f"/sender/locations?{query}"), 200, 2001)

    async def test_filters_are_inclusive_then_exclusive(self, provider: Partner):
        await _our_location(provider.deployment, "L1", last_updated=EARLY)
        list_ = "/sender/locations"
        assert len(ok(await provider.request("GET", f"{list_}?date_from={EARLY}&limit=5000"))) == 1
        assert ok(await provider.request("GET", f"{list_}?date_to={EARLY}")) == []
        assert len(ok(await provider.request("GET", f"{list_}?date_from=2026-03-01T11:00:00+01:00"))) == 1

    async def test_one_of_ours_with_its_parts(self, provider: Partner):
        await _our_location(provider.deployment, "L1")
        assert ok(await provider.request("GET", "/sender/locations/L1"))["party_id"] == "RCO"
        assert ok(await provider.request("GET", "/sender/locations/l1/E1"))["uid"] == "E1"
        assert ok(await provider.request("GET", "/sender/locations/L1/E1/1"))["id"] == "1"


class TestTariffs:
    async def test_put_get_delete(self, operator: Partner):
        ok(await operator.request("PUT", TARIFF, json=tariff()), 201)
        assert ok(await operator.request("GET", TARIFF)) == tariff()
        ok(await operator.request("DELETE", TARIFF))
        no(await operator.request("GET", TARIFF), 404, 2001)
        no(await operator.request("DELETE", TARIFF), 404, 2001)

    async def test_what_was_sent_is_evidence(self, operator: Partner):
        content = json.dumps(tariff()).encode()
        await operator.request("PUT", TARIFF, content=content)
        async with operator.deployment.store.transaction() as unit:
            (kept,) = await unit.evidence.for_object("BE*BEC/T1")
        assert (kept.body, kept.status, kept.method) == (content, 201, "PUT")
        assert json.loads(kept.answer)["status_code"] == 1000
        assert "authorization" not in kept.headers


class TestTokens:
    async def test_the_type_is_part_of_the_name(self, provider: Partner):
        ok(await provider.request("PUT", TOKEN, json=token()), 201)
        app = token(type="APP_USER")
        no(await provider.request("PUT", TOKEN, json=app), 200, 2001)
        ok(await provider.request("PUT", f"{TOKEN}?type=APP_USER", json=app), 201)
        ok(await provider.request("PATCH", TOKEN, json={"valid": False, "last_updated": LATER}))
        assert ok(await provider.request("GET", TOKEN))["valid"] is False
        assert ok(await provider.request("GET", f"{TOKEN}?type=app_user"))["valid"] is True
        assert "type" in no(await provider.request("GET", f"{TOKEN}?type=CARD"), 200, 2001)

    async def test_unknown_is_404_with_2004(self, provider: Partner):
        no(await provider.request("GET", TOKEN), 404, 2004)
        no(await provider.request("PATCH", TOKEN, json={"last_updated": LATER}), 404, 2004)

    async def test_authorize_our_own(self, operator: Partner):
        await _our_token(operator.deployment, valid=True)
        place = {"location_id": "L1", "evse_uids": ["E1"]}
        data = ok(await operator.request("POST", "/sender/tokens/ours/authorize", json=place))
        assert (data["allowed"], data["location"]) == ("ALLOWED", place)
        assert data["token"]["uid"] == "OURS"
        async with operator.deployment.store.transaction() as unit:
            kept = await unit.authorizations.latest("ours", TokenType.RFID, connection_id="operator")
            (evidence,) = await unit.evidence.for_object("DE*RCO/RFID/OURS")
        assert kept is not None
        assert kept.authorization_reference == data["authorization_reference"]
        assert evidence.body == json.dumps(place, separators=(",", ":")).encode()

    async def test_authorize_without_a_body_a_token_that_is_not_valid(self, operator: Partner):
        await _our_token(operator.deployment, valid=False)
        data = ok(await operator.request("POST", "/sender/tokens/OURS/authorize"))
        assert data["allowed"] == "BLOCKED"
        assert "authorization_reference" not in data

    async def test_authorize_an_unknown_token(self, operator: Partner):
        no(await operator.request("POST", "/sender/tokens/nobody/authorize"), 404, 2004)
        no(await operator.request("POST", "/sender/tokens/x/authorize", content=b"{"), 400, 2001)


class TestSessions:
    async def test_only_new_states_are_told(self, operator: Partner):
        signals = operator.deployment.signals
        ok(await operator.request("PUT", SESSION, json=session()), 201)
        ok(await operator.request("PATCH", SESSION, json={"kwh": 1.5, "last_updated": LATER}))
        ok(await operator.request("PUT", SESSION, json=session(kwh=1.5, last_updated=LATER)))
        ok(await operator.request("PATCH", SESSION, json={"status": "COMPLETED", "last_updated": LATEST}))
        key = "BE*BEC/S1"
        assert signals.of("session_started") == [(key, "operator", Side.EMSP, "ACTIVE")]
        assert [told[-1] for told in signals.of("session_changed")] == ["COMPLETED"]
        assert ok(await operator.request("GET", SESSION))["kwh"] == 1.5

    async def test_a_late_state_is_not_told(self, operator: Partner):
        done = session(status="COMPLETED", last_updated=LATEST)
        ok(await operator.request("PUT", SESSION, json=done), 201)
        before = list(operator.deployment.signals.told)
        ok(await operator.request("PUT", SESSION, json=session(last_updated=EARLY)))
        ok(await operator.request("PATCH", SESSION, json={"status": "ACTIVE", "last_updated": LATER}))
        assert operator.deployment.signals.told == before
        assert ok(await operator.request("GET", SESSION))["status"] == "COMPLETED"

    async def test_periods_of_a_patch_are_added_once(self, operator: Partner):
        ok(await operator.request("PUT", SESSION, json=session()), 201)
        period = {"start_date_time": EARLY, "dimensions": [{"type": "ENERGY", "volume": 1.5}]}
        for _ in range(2):
            change = {"charging_periods": [period], "last_updated": LATER}
            ok(await operator.request("PATCH", SESSION, json=change))
        assert ok(await operator.request("GET", SESSION))["charging_periods"] == [period]

    async def test_a_session_does_not_grow_without_end(self, operator: Partner, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(objects, "MAX_DOCUMENT", 5_000)
        ok(await operator.request("PUT", SESSION, json=session()), 201)
        grown = 0
        for minute in range(60):
            at = f"2026-03-01T11:{minute:02}:00Z"
            period = {"start_date_time": at, "dimensions": [{"type": "ENERGY", "volume": 1.5}]}
            told = await operator.request("PATCH", SESSION, json={"charging_periods": [period], "last_updated": at})
            if told.json()["status_code"] != 1000:
                break
            grown += 1
        assert "of more than 5000 characters" in no(told, 200, 2001)
        assert len(ok(await operator.request("GET", SESSION))["charging_periods"]) == grown > 0

    async def test_the_end_is_evidence_and_the_rest_is_not(self, operator: Partner):
        ok(await operator.request("PUT", SESSION, json=session()), 201)
        ok(await operator.request("PATCH", SESSION, json={"status": "COMPLETED", "last_updated": LATER}))
        async with operator.deployment.store.transaction() as unit:
            assert [e.method for e in await unit.evidence.for_object("BE*BEC/S1")] == ["PATCH"]

    async def test_unknown(self, operator: Partner):
        no(await operator.request("GET", SESSION), 404, 2001)
        no(await operator.request("PATCH", SESSION, json={"last_updated": LATER}), 404, 2001)

    async def test_deaf_processes_fail_no_request(self, operator: Partner):
        operator.deployment.signals.deaf = True
        ok(await operator.request("PUT", SESSION, json=session()), 201)

    async def test_our_list_needs_a_beginning(self, provider: Partner):
        assert "date_from" in no(await provider.request("GET", "/sender/sessions"), 200, 2001)
        assert ok(await provider.request("GET", f"/sender/sessions?date_from={EARLY}")) == []


class TestCdrs:
    async def test_once_and_again(self, operator: Partner):
        first = await operator.request("POST", CDRS, json=cdr())
        ok(first, 201)
        again = await operator.request("POST", CDRS, json=cdr())
        ok(again)
        url = first.headers["Location"]
        assert again.headers["Location"] == url
        assert url.startswith(f"{PUBLIC_URL}/ocpi/2.2.1/receiver/cdrs/")
        assert operator.deployment.signals.of("cdr_received")[0] == ("BE*BEC/C1", "S1", "operator")
        async with operator.deployment.store.transaction() as unit:
            name = ObjectId(owner=PartyId.parse("BE*BEC"), id="C1")
            stored = await unit.cdrs.get(name, connection_id="operator", ours=False)
            assert stored is not None
            assert stored.evidence_id is not None
            raw = await unit.evidence.get(stored.evidence_id)
        assert stored.state is CdrState.RECEIVED
        assert stored.dossier.provenance.adapter == "ocpi-2.2.1/standard"
        assert json.loads(raw.body) == cdr()

    async def test_it_is_given_back_to_its_sender_only(self, operator: Partner):
        response = await operator.request("POST", CDRS, json=cdr())
        path = response.headers["Location"].removeprefix(f"{PUBLIC_URL}/ocpi/2.2.1")
        assert ok(await operator.request("GET", path)) == cdr()
        other = await connect(operator.deployment, Side.EMSP, ("NL*TNM",), connection_id="other")
        no(await other.request("GET", path), 404, 2001)
        no(await operator.request("GET", f"{CDRS}/C1"), 404, 2001)

    async def test_other_content_is_refused_and_becomes_a_case(self, operator: Partner):
        ok(await operator.request("POST", CDRS, json=cdr()), 201)
        changed = cdr(total_energy=11.5)
        for _ in range(2):
            no(await operator.request("POST", CDRS, json=changed), 200, 2001)
        async with operator.deployment.store.transaction() as unit:
            (case,) = await unit.cases.list()
            kept = await unit.evidence.for_object("BE*BEC/C1")
        assert case.kind == "cdr-conflict"
        assert [(f.code, f.where, f.difference) for f in case.findings] == [
            ("cdr.same_id_other_content", "total_energy_kwh", "1.0")
        ]
        assert any(json.loads(record.body) == changed for record in kept)

    async def test_the_same_numbers_in_another_spelling_are_the_same(self, operator: Partner):
        first = await operator.request("POST", CDRS, json=cdr())
        again = await operator.request("POST", CDRS, json=cdr(total_time=24, total_energy=10.50))
        ok(again)
        assert again.headers["Location"] == first.headers["Location"]
        async with operator.deployment.store.transaction() as unit:
            assert await unit.cases.list() == ()

    async def test_unreadable_is_refused_and_becomes_a_case(self, operator: Partner):
        bad = cdr()
        del bad["total_cost"]
        assert "total_cost" in no(await operator.request("POST", CDRS, json=bad), 200, 2001)
        async with operator.deployment.store.transaction() as unit:
            (case,) = await unit.cases.list()
        assert case.kind == "cdr-unreadable"

    async def test_of_a_foreign_party(self, operator: Partner):
        no(await operator.request("POST", CDRS, json=cdr(party_id="XXX")), 200, 2001)


class TestCredentials:
    PATH = "/sender/credentials"

    @staticmethod
    def theirs(**changes: object) -> dict[str, object]:
        role = {
            "role": "EMSP",
            "country_code": "DE",
            "party_id": "MOB",
            "business_details": {"name": "Mobility"},
        }
        return {
            "token": "their-very-secret-token",
            "url": "https://mobility.example/versions",
            "roles": [role],
            **changes,
        }

    async def _invited(self, roam: Deployment) -> Partner:
        answer = await roam.contract(
            "POST", "/connections", json={"id": "new", "name": "New", "sides": ["CPO"], "mode": "invite"}
        )
        assert answer.status_code == 201, answer.text
        async with roam.store.transaction() as unit:
            connection = await unit.connections.get("new")
        return Partner(roam, connection, answer.json()["registration_token"], PartyId.parse("DE*MOB"))

    async def test_register(self, roam: Deployment):
        partner = await self._invited(roam)
        no(await partner.request("PUT", self.PATH, json=self.theirs()), 405, 2000)
        no(await partner.request("DELETE", self.PATH), 405, 2000)
        ours = ok(await partner.request("POST", self.PATH, json=self.theirs()))
        assert ours["url"] == f"{PUBLIC_URL}/ocpi/versions"
        assert ours["roles"][0]["role"] == "CPO"
        registration = partner.token
        partner.token = ours["token"]
        assert ok(await partner.request("GET", self.PATH)) == ours
        no(await partner.request("POST", self.PATH, json=self.theirs()), 405, 2000)
        partner.token = registration
        no(await partner.request("GET", self.PATH), 401, 2000)
        async with roam.store.transaction() as unit:
            assert (await unit.access.outbound("new")).get_secret_value() == "their-very-secret-token"
            assert (await unit.connections.get("new")).owns(PartyId.parse("DE*MOB"))

    async def test_a_lost_answer_is_mended_by_a_repeat(self, roam: Deployment):
        partner = await self._invited(roam)
        ok(await partner.request("POST", self.PATH, json=self.theirs()))
        ours = ok(await partner.request("POST", self.PATH, json=self.theirs()))
        partner.token = ours["token"]
        ok(await partner.request("GET", "/sender/locations"))

    @pytest.mark.parametrize("status", [3001, 3002, 3003])
    async def test_a_failed_call_back_is_told(self, roam: Deployment, status: int):
        from workflows.contract import RegistrationFailed

        partner = await self._invited(roam)
        roam.signals.refuse = RegistrationFailed(status, "cannot use your interface")
        assert no(await partner.request("POST", self.PATH, json=self.theirs()), 200, status)

    async def test_a_failed_renewal_changes_nothing(self, provider: Partner):
        from workflows.contract import RegistrationFailed

        roam = provider.deployment
        ok(await provider.request("PUT", self.PATH, json=self.theirs()))
        roam.signals.refuse = RegistrationFailed(3001, "no")
        changed = self.theirs(token="another", url="https://elsewhere.example/")
        no(await provider.request("PUT", self.PATH, json=changed), 200, 3001)
        async with roam.store.transaction() as unit:
            assert (await unit.access.outbound("provider")).get_secret_value() == "their-very-secret-token"
            assert (await unit.connections.get("provider")).versions_url == "https://mobility.example/versions"

    async def test_unregister_ends_both_directions(self, provider: Partner):
        ok(await provider.request("DELETE", self.PATH))
        no(await provider.request("GET", self.PATH), 401, 2000)

    async def test_roles_are_checked(self, roam: Deployment, provider: Partner):
        partner = await self._invited(roam)
        for role in ({"role": "CPO"}, {"country_code": "DE", "party_id": "RCO"}, {"party_id": "MOB"}):
            wrong = self.theirs(roles=[{**self.theirs()["roles"][0], **role}])
            no(await partner.request("POST", self.PATH, json=wrong), 200, 2001)

    async def test_nobody_speaks_for_the_whole_world(self, roam: Deployment):
        partner = await self._invited(roam)
        one = self.theirs()["roles"][0]
        roles = [one | {"party_id": f"{number:03X}"} for number in range(1, 4_096)] * 2
        said = no(await partner.request("POST", self.PATH, json=self.theirs(roles=roles)), 200, 2001)
        assert "more than 5000" in said

    async def test_evidence_holds_no_token(self, roam: Deployment):
        partner = await self._invited(roam)
        ours = ok(await partner.request("POST", self.PATH, json=self.theirs()))
        async with roam.store.transaction() as unit:
            kept = [await unit.evidence.get(1)]
        text = b"".join(record.body + record.answer for record in kept)
        assert b"[redacted]" in text
        for secret in (partner.token, "their-very-secret-token", ours["token"]):
            assert secret.encode() not in text

    @pytest.mark.parametrize("name", ["tok\\u0065n", "TOKEN", "token"])
    async def test_evidence_holds_no_token_however_it_is_spelt(self, roam: Deployment, name: str):
        partner = await self._invited(roam)
        body = json.dumps(self.theirs()).replace('"token"', f'"{name}"').encode()
        await partner.request("POST", self.PATH, content=body)
        async with roam.store.transaction() as unit:
            kept = await unit.evidence.get(1)
        assert b"their-very-secret-token" not in kept.body + kept.answer

    @pytest.mark.parametrize("body", [b"[" * 100_000, b'{"token":' * 50_000 + b"1" + b"}" * 50_000])
    async def test_what_is_nested_without_end_is_refused_like_any_other_bad_body(self, roam: Deployment, body: bytes):
        partner = await self._invited(roam)
        answer = await partner.request("POST", self.PATH, content=body)
        assert (answer.status_code, answer.json()["status_code"]) == (400, 2001)


async def _our_location(roam: Deployment, location_id: str, **changes: object) -> dict[str, object]:
    document = {
        "publish": True,
        "address": "Street 1",
        "city": "Berlin",
        "country": "DEU",
        "coordinates": {"latitude": "52.5", "longitude": "13.4"},
        "time_zone": "Europe/Berlin",
        "evses": [
            {
                "uid": "E1",
                "evse_id": "DE*RCO*E1",
                "status": "AVAILABLE",
                "connectors": [
                    {
                        "id": "1",
                        "standard": "IEC_62196_T2",
                        "format": "SOCKET",
                        "power_type": "AC_3_PHASE",
                        "max_voltage_v": 230,
                        "max_amperage_a": 32,
                        "tariff_ids": ["T1"],
                    }
                ],
            }
        ],
        **changes,
    }
    response = await roam.contract("PUT", f"/locations/{location_id}", json=document)
    assert response.status_code == 200, response.text
    return response.json()


async def _our_token(roam: Deployment, *, valid: bool) -> None:
    ours = Token(
        owner=US,
        uid="OURS",
        type=TokenType.RFID,
        contract_id="DE-RCO-1",
        issuer="Roam Co",
        valid=valid,
        whitelist=Whitelist.NEVER,
        last_updated=NOW,
    )
    async with roam.store.transaction() as unit:
        await unit.tokens.put(ours)
