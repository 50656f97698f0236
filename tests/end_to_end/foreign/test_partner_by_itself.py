"""What the foreign implementation says on the wire, with nothing of Roamwork in between.

The ways of its own that our adapter has to live with are pinned here, one test each (README.md lists them).
When a newer release of the package changes one, this file says so before the test with Roamwork fails.
"""

from collections.abc import Iterator

import httpx
import pytest

from tests.end_to_end.foreign import documents
from tests.end_to_end.foreign.counterpart import TOKEN_B, Counterpart, authorization, running_counterpart
from tests.end_to_end.foreign.documents import Document
from tests.end_to_end.foreign.partner import Partner

OURS = {"country_code": "DE", "party_id": "RCO"}


@pytest.fixture
def counterpart(foreign_emsp: Partner) -> Iterator[Counterpart]:
    """A charge point operator that has registered at the foreign provider."""
    with running_counterpart(foreign_emsp) as caller:
        assert caller.register().json()["status_code"] == 1000
        yield caller


BOTH_VERSIONS = pytest.mark.parametrize("version", ["2.1.1", "2.2.1"])


class TestHandshake:
    @BOTH_VERSIONS
    def test_registration_calls_back_with_the_new_token(self, foreign_emsp: Partner, version: str) -> None:
        with running_counterpart(foreign_emsp) as caller:
            answer = caller.register()
            data = answer.json()["data"]

            assert answer.status_code == 200
            assert data["token"] not in ("", foreign_emsp.token_a)
            spelt = authorization(TOKEN_B, version)["Authorization"]
            assert [call.path for call in caller.calls] == ["/versions", f"/{version}"]
            assert {call.headers["authorization"] for call in caller.calls} == {spelt}

    def test_parties_are_written_in_lower_case(self, foreign_emsp: Partner) -> None:
        with running_counterpart(foreign_emsp) as caller:
            role = caller.register().json()["data"]["roles"][0]

        assert (role["country_code"], role["party_id"]) == ("nl", "frn")
        assert foreign_emsp.counterpart()["roles"][0]["country_code"] == "de"

    def test_calls_carry_no_request_or_correlation_id(self, counterpart: Counterpart) -> None:
        names = {name for call in counterpart.calls for name in call.headers}
        answered = counterpart.call("GET", counterpart.partner.versions_url).headers

        assert not {"x-request-id", "x-correlation-id"} & (names | set(answered.keys()))

    def test_second_registration_is_405_without_an_envelope(self, counterpart: Counterpart) -> None:
        answer = counterpart.call("POST", counterpart.endpoints()["credentials"], counterpart.credentials())

        assert (answer.status_code, answer.json()) == (405, {"detail": "Client is already registered"})

    def test_token_a_is_spent_by_the_registration(self, counterpart: Counterpart) -> None:
        counterpart.token = counterpart.partner.token_a

        assert counterpart.call("GET", counterpart.partner.versions_url).status_code == 401

    def test_new_credentials_replace_the_token(self, counterpart: Counterpart) -> None:
        url = counterpart.endpoints()["credentials"]
        before = counterpart.token
        counterpart.token = counterpart.call("PUT", url, counterpart.credentials()).json()["data"]["token"]

        assert counterpart.token != before
        assert counterpart.call("GET", url).json()["data"]["token"] == counterpart.token

    def test_unreachable_call_back_is_3000_or_3001_under_http_200(self, foreign_emsp: Partner) -> None:
        with running_counterpart(foreign_emsp) as caller:
            caller.token = foreign_emsp.token_a
            url = caller.endpoints()["credentials"]
            nowhere = {**caller.credentials(), "url": "http://127.0.0.1:1/versions"}
            refused = {**caller.credentials(), "url": foreign_emsp.versions_url}
            answers = [caller.call("POST", url, body) for body in (nowhere, refused)]

        assert [(a.status_code, a.json()["status_code"], a.json()["data"]) for a in answers] == [
            (200, 3000, []),
            (200, 3001, []),
        ]


class TestTokens:
    def test_a_wrong_token_is_401_at_versions_but_403_at_modules(self, counterpart: Counterpart) -> None:
        tokens = counterpart.endpoints()["tokens"]
        counterpart.token = "not-the-token"
        versions_answer = counterpart.call("GET", counterpart.partner.versions_url)
        tokens_answer = counterpart.call("GET", tokens)

        assert (versions_answer.status_code, versions_answer.json()) == (401, {"detail": "Unauthorized"})
        assert tokens_answer.status_code == 403
        assert tokens_answer.json() == {"detail": "Your authorization token is invalid."}

    def test_a_token_that_is_not_base64_is_a_server_error_under_http_200(self, counterpart: Counterpart) -> None:
        plain = counterpart.http.get(counterpart.endpoints()["tokens"], headers={"Authorization": "Token abc"})

        assert (plain.status_code, plain.json()["status_code"]) == (200, 3000)

    def test_list_without_its_trailing_slash_is_redirected(self, counterpart: Counterpart) -> None:
        url = counterpart.endpoints()["tokens"]

        assert url.endswith("/tokens/")
        assert counterpart.call("GET", url.rstrip("/")).status_code == 307

    def test_one_page_has_an_empty_link_and_nulls_for_absent_fields(self, counterpart: Counterpart) -> None:
        counterpart.partner.hold("tokens", documents.token("04AABB", country_code="NL", party_id="FRN"))
        answer = counterpart.call("GET", counterpart.endpoints()["tokens"])
        held = answer.json()["data"][0]

        assert (answer.headers["link"], answer.headers["x-total-count"]) == ("", "1")
        assert (held["uid"], held["contract_id"], held["group_id"]) == ("04aabb", "nl-frn-c04aabb-x", None)

    def test_link_to_the_next_page_leads_nowhere(self, counterpart: Counterpart) -> None:
        for uid in ("04AA01", "04AA02", "04AA03"):
            counterpart.partner.hold("tokens", documents.token(uid, country_code="NL", party_id="FRN"))
        url = counterpart.endpoints()["tokens"]
        answer = counterpart.call("GET", f"{url}?limit=2")
        following = counterpart.call("GET", f"{url}?limit=2&offset=2")
        link = answer.headers["link"]

        assert link.startswith(f"<https://{httpx.URL(counterpart.partner.url).netloc.decode()}/ocpi/cpo/")
        assert "/VersionNumber.v_2_2_1/ModuleID.tokens/?date_from=None" in link
        assert (answer.headers["x-total-count"], answer.headers["x-limit"]) == ("3", "2")
        assert [token["uid"] for token in following.json()["data"]] == ["04aa03"]

    def test_authorisation_comes_in_a_list(self, counterpart: Counterpart) -> None:
        counterpart.partner.hold("tokens", documents.token("04AABB", country_code="NL", party_id="FRN"))
        url = counterpart.endpoints()["tokens"]
        known = counterpart.call("POST", f"{url}04AABB/authorize?type=RFID", {"location_id": "LOC1"})
        unknown = counterpart.call("POST", f"{url}0000/authorize?type=RFID")

        assert [info["allowed"] for info in known.json()["data"]] == ["ALLOWED"]
        assert known.json()["data"][0]["location"]["location_id"] == "loc1"
        assert (unknown.status_code, unknown.json()) == (404, {"detail": "Object not found."})

    def test_pushed_token_goes_to_the_endpoint_with_no_slash_between(self, counterpart: Counterpart) -> None:
        counterpart.partner.hold("tokens", documents.token("04AABB", country_code="NL", party_id="FRN"))
        outcome = counterpart.partner.push("tokens", "04AABB")
        pushed = counterpart.calls[-1]

        assert outcome["status"] == 200
        assert (pushed.method, pushed.path, pushed.query) == ("PUT", "/2.2.1/tokensNL/FRN/04AABB", "")


class TestWhatItReceives:
    def test_put_answers_200_with_the_object_in_a_list(self, counterpart: Counterpart) -> None:
        url = f"{counterpart.endpoints()['locations']}DE/RCO/LOC1"
        answers = [counterpart.call("PUT", url, documents.location("LOC1", **OURS)) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert [[item["id"] for item in answer.json()["data"]] for answer in answers] == [["loc1"]] * 2
        assert [held["id"] for held in counterpart.partner.held("locations")] == ["loc1"]

    def test_patched_evse_moves_to_the_end_and_the_location_keeps_its_date(self, counterpart: Counterpart) -> None:
        url = f"{counterpart.endpoints()['locations']}DE/RCO/LOC1"
        counterpart.call("PUT", url, documents.location("LOC1", **OURS))
        change = {"status": "CHARGING", "last_updated": "2026-03-02T10:00:00.250Z"}
        answer = counterpart.call("PATCH", f"{url}/LOC1-E1", change)
        held = counterpart.partner.held("locations")[0]

        assert answer.json()["data"][0]["last_updated"] == "2026-03-02T10:00:00Z"
        assert [(evse["uid"], evse["status"]) for evse in held["evses"]] == [
            ("loc1-e2", "AVAILABLE"),
            ("loc1-e1", "CHARGING"),
        ]
        assert held["last_updated"] == documents.UPDATED

    def test_energy_mix_without_its_optional_names_is_refused(self, counterpart: Counterpart) -> None:
        mix = {"is_green_energy": True, "energy_sources": [{"source": "WIND", "percentage": 100}]}
        url = f"{counterpart.endpoints()['locations']}DE/RCO/LOC1"
        answer = counterpart.call("PUT", url, {**documents.location("LOC1", **OURS), "energy_mix": mix})

        assert answer.status_code == 422
        assert {fault["loc"][-1] for fault in answer.json()["detail"]} == {
            "supplier_name",
            "energy_product_name",
        }

    def test_null_in_a_patch_is_overlooked_and_periods_replace(self, counterpart: Counterpart) -> None:
        url, begun = self._begin_session(counterpart)
        later = {**begun["charging_periods"][0], "start_date_time": "2026-03-02T10:30:00Z"}
        change = {"authorization_reference": None, "charging_periods": [later], "kwh": 10.5}
        counterpart.call("PATCH", url, {**change, "last_updated": "2026-03-02T10:30:00Z"})
        held = counterpart.partner.held("sessions")[0]

        assert (held["authorization_reference"], held["kwh"]) == ("ref-1", 10.5)
        assert [period["start_date_time"] for period in held["charging_periods"]] == ["2026-03-02T10:30:00Z"]

    def test_patch_of_an_unknown_session_is_404_without_an_envelope(self, counterpart: Counterpart) -> None:
        url = f"{counterpart.endpoints()['sessions']}DE/RCO/NONE"
        answer = counterpart.call("PATCH", url, {"kwh": 1, "last_updated": documents.UPDATED})

        assert (answer.status_code, answer.json()) == (404, {"detail": "Object not found."})

    def test_receipt_of_a_cdr_points_to_no_page(self, counterpart: Counterpart) -> None:
        _, begun = self._begin_session(counterpart)
        url = counterpart.endpoints()["cdrs"]
        record = documents.cdr("CDR1", begun, of_tariff=documents.tariff("FLAT", **OURS))
        answer = counterpart.call("POST", url, record)

        assert answer.status_code == 200
        assert answer.headers["location"].startswith("https://")
        assert answer.headers["location"].endswith("/ocpi/emsp/VersionNumber.v_2_2_1/ModuleID.cdrs/cdr1")
        assert counterpart.call("GET", f"{url}CDR1").json()["data"][0]["id"] == "cdr1"

    def test_evse_uid_of_a_cdr_is_dropped(self, counterpart: Counterpart) -> None:
        _, begun = self._begin_session(counterpart)
        record = documents.cdr("CDR1", begun, of_tariff=documents.tariff("FLAT", **OURS))
        counterpart.call("POST", counterpart.endpoints()["cdrs"], record)

        assert record["cdr_location"]["evse_uid"] == "LOC1-E1"
        assert "evse_uid" not in counterpart.partner.held("cdrs")[0]["cdr_location"]

    def test_the_same_cdr_again_is_accepted_whatever_it_says(self, counterpart: Counterpart) -> None:
        _, begun = self._begin_session(counterpart)
        url = counterpart.endpoints()["cdrs"]
        record = documents.cdr("CDR1", begun, of_tariff=documents.tariff("FLAT", **OURS))
        answers = [counterpart.call("POST", url, {**record, "total_energy": kwh}) for kwh in (20.123, 30)]

        assert [answer.json()["status_code"] for answer in answers] == [1000, 1000]
        assert [held["total_energy"] for held in counterpart.partner.held("cdrs")] == [30.0]

    @staticmethod
    def _begin_session(counterpart: Counterpart) -> tuple[str, Document]:
        driver = documents.token("04AABB", country_code="NL", party_id="FRN")
        begun = {**documents.session("SES1", driver, **OURS), "authorization_reference": "REF-1"}
        url = f"{counterpart.endpoints()['sessions']}DE/RCO/SES1"
        assert counterpart.call("PUT", url, begun).status_code == 200
        return url, begun


@pytest.mark.parametrize("version", ["2.1.1"])
class TestBefore2Point2:
    """Where it differs from the standard in 2.1.1 alone, and where its 2.1.1 is not as its 2.2.1."""

    def test_versions_want_base64_and_all_else_the_token_itself(self, counterpart: Counterpart) -> None:
        """A token that is no Base64 breaks the decoder at the versions URL, also when it is a good one."""
        partner, tokens = counterpart.partner, counterpart.endpoints()["tokens"]
        plain = counterpart.http.get(partner.versions_url, headers=authorization(partner.token_a, "2.1.1"))
        answers = [
            counterpart.http.get(url, headers=authorization(counterpart.token))
            for url in (partner.versions_url, tokens)
        ]

        assert (plain.status_code, plain.json()["status_code"]) == (200, 3000)
        assert [answer.status_code for answer in answers] == [200, 403]

    def test_ids_keep_their_case(self, counterpart: Counterpart) -> None:
        counterpart.partner.hold("tokens", documents.token("04AABB", country_code="NL", party_id="FRE"))
        (listed,) = counterpart.call("GET", counterpart.endpoints()["tokens"]).json()["data"]

        assert (listed["uid"], listed["auth_id"]) == ("04AABB", "NL-FRE-C04AABB-X")

    def test_a_cdr_by_the_standard_is_refused_for_the_name_of_its_end(self, counterpart: Counterpart) -> None:
        url = counterpart.endpoints()["cdrs"]
        own = documents.in_words_of("2.1.1", "cdrs", self._cdr())
        standard = {**own, "stop_date_time": own["end_date_time"]}
        del standard["end_date_time"]
        refused, both = counterpart.call("POST", url, standard), counterpart.call("POST", url, {**own, **standard})

        assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "end_date_time"])
        assert both.status_code == 200
        assert "stop_date_time" not in both.json()["data"][0]

    def test_a_connector_without_a_tariff_is_refused(self, counterpart: Counterpart) -> None:
        """OCPI 2.1.1 lets `tariff_id` be absent."""
        location = documents.in_words_of("2.1.1", "locations", documents.location("LOC1", **OURS))
        del location["evses"][0]["connectors"][0]["tariff_id"]
        answer = counterpart.call("PUT", f"{counterpart.endpoints()['locations']}DE/RCO/LOC1", location)

        assert (answer.status_code, answer.json()["detail"][0]["loc"][-1]) == (422, "tariff_id")

    @staticmethod
    def _cdr() -> Document:
        driver = documents.token("04AABB", country_code="NL", party_id="FRE")
        begun = documents.session("SES1", driver, **OURS)
        return documents.cdr("CDR1", begun, of_tariff=documents.tariff("FLAT", **OURS))


class TestAsOperator:
    """The same package as a charge point operator, and we the provider."""

    @BOTH_VERSIONS
    def test_lists_are_served_and_objects_pushed(self, foreign_cpo: Partner, version: str) -> None:
        party = foreign_cpo.party.party_id
        owner = {"country_code": "BE", "party_id": party}
        driver = documents.token("04AABB", country_code="DE", party_id="RMS")
        begun = documents.session("SES1", driver, **owner)
        held = {
            "locations": documents.location("LOC1", **owner),
            "tariffs": documents.tariff("FLAT", **owner),
            "sessions": begun,
            "cdrs": documents.cdr("CDR1", begun, of_tariff=documents.tariff("FLAT", **owner)),
        }
        with running_counterpart(foreign_cpo) as caller:
            caller.register()
            urls = caller.endpoints()
            for module, document in held.items():
                foreign_cpo.hold(module, document)
                listed = caller.call("GET", urls[module]).json()["data"]
                outcome = foreign_cpo.push(module, document["id"])

                assert [item["id"].upper() for item in listed] == [document["id"]]
                assert outcome["status"] == 200
            pushed = [(call.method, call.path) for call in caller.calls[2:]]

        assert pushed == [
            ("PUT", f"/{version}/locationsBE/{party}/LOC1"),
            ("PUT", f"/{version}/tariffsBE/{party}/FLAT"),
            ("PUT", f"/{version}/sessionsBE/{party}/SES1"),
            ("POST", f"/{version}/cdrs"),
        ]

    def test_tokens_are_received(self, foreign_cpo: Partner) -> None:
        with running_counterpart(foreign_cpo) as caller:
            caller.register()
            url = f"{caller.endpoints()['tokens']}DE/RMS/04AABB?type=RFID"
            answer = caller.call("PUT", url, documents.token("04AABB", country_code="DE", party_id="RMS"))

        assert answer.status_code == 200
        assert [held["uid"] for held in foreign_cpo.held("tokens")] == ["04aabb"]
