"""Steering sessions over HTTP: profiles and preferences of providers for ours, and ours for a partner's."""

from typing import Any

import httpx
import pytest

from canonical.event import EventKind
from canonical.identity import ObjectId
from canonical.partner import Endpoint, Side
from tests.api.documents import session
from tests.api.partner import Deployment, Partner, connect
from tests.api.test_commands import answered, commands, conclude, kept, our_evse, reply_path
from tests.api.test_contract import TARIFF, problem, ready, start
from tests.api.test_modules import _our_location, no, ok

PROFILES = "/receiver/chargingprofiles/S1"
PREFERENCES = "/sender/sessions/S1/charging_preferences"
REPLY = "https://partner.example/results/1"
LATER = "2026-03-28T14:00:00Z"
SMART = ("CHARGING_PROFILE_CAPABLE", "CHARGING_PREFERENCES_CAPABLE")
PROFILE = {
    "charging_rate_unit": "A",
    "min_charging_rate": 6,
    "charging_profile_period": [{"start_period": 0, "limit": 16.0}, {"start_period": 900, "limit": 8.5}],
}
ACTIVE = {
    "start": LATER,
    "profile": {"rate_unit": "W", "periods": [{"start_s": 0, "limit": "11000"}]},
}


@pytest.fixture
async def steered(provider: Partner) -> Partner:
    """A provider whose card charges at our one EVSE, which can be steered."""
    roam = await ready(provider)
    await _our_location(roam, "L1", evses=[our_evse(*SMART)], last_updated=LATER)
    assert (await roam.contract("POST", "/sessions", json=start())).status_code == 201
    return provider


async def set_profile(partner: Partner, **changes: object) -> httpx.Response:
    document = {"charging_profile": PROFILE, "response_url": REPLY, **changes}
    return await partner.request("PUT", PROFILES, json=document)


async def stopped(roam: Deployment) -> None:
    last = {"at": "2026-03-28T11:00:00Z", "energy_kwh": "1"}
    assert (await roam.contract("POST", "/sessions/S1/stop", json=last)).status_code == 200


class TestProfilesForOurSessions:
    async def test_a_profile_waits_for_the_backend(self, steered: Partner):
        roam = steered.deployment
        assert answered(await set_profile(steered), "ACCEPTED")["timeout"] == 30
        (waiting,) = await commands(roam, given_by="partner", state="ACCEPTED")
        command = waiting["command"]
        assert (command["kind"], command["session_id"]) == ("SET_CHARGING_PROFILE", "S1")
        assert command["profile"]["periods"][1] == {"start_s": 900, "limit": "8.5"}
        assert (await conclude(roam, waiting["id"], outcome="ACCEPTED")).json()["state"] == "CONCLUDED"
        async with roam.store.transaction() as unit:
            told = await unit.events.after(
                0, kinds=(EventKind.CHARGING_PROFILE_REQUESTED, EventKind.CHARGING_PROFILE_RESULT), limit=9
            )
        assert len(told) == 2

    async def test_clearing_and_asking_have_their_address_in_the_query(self, steered: Partner):
        roam = steered.deployment
        cleared = await steered.request("DELETE", PROFILES, params={"response_url": REPLY})
        answered(cleared, "ACCEPTED")
        asked = await steered.request("GET", PROFILES, params={"duration": "3600", "response_url": REPLY})
        answered(asked, "ACCEPTED")
        clearing, asking = await commands(roam, state="ACCEPTED")
        assert clearing["command"]["kind"] == "CLEAR_CHARGING_PROFILE"
        assert asking["command"]["duration_s"] == 3600
        problem(await conclude(roam, asking["id"], outcome="ACCEPTED"), 422, "invalid-input")
        answer = await conclude(roam, asking["id"], outcome="ACCEPTED", profile=ACTIVE)
        assert answer.json()["result"]["profile"]["profile"]["periods"][0]["limit"] == "11000"
        assert (await roam.contract("GET", "/sessions/S1/active-charging-profile")).json()["start"] == LATER

    async def test_an_address_that_is_not_encoded_is_taken_whole(self, steered: Partner):
        url = f"{PROFILES}?duration=60&response_url={REPLY}?a=1&b=2"
        answered(await steered.request("GET", url), "ACCEPTED")
        (waiting,) = await commands(steered.deployment)
        async with steered.deployment.store.transaction() as unit:
            assert await unit.commands.reply_to(waiting["id"]) == f"{REPLY}?a=1&b=2"

    @pytest.mark.parametrize(
        ("method", "query", "named"),
        [
            ("GET", {"response_url": REPLY}, "duration"),
            ("GET", {"duration": "long", "response_url": REPLY}, "duration"),
            ("GET", {"duration": "0", "response_url": REPLY}, "duration"),
            ("GET", {"duration": "60"}, "response_url"),
            ("DELETE", {}, "response_url"),
            ("DELETE", {"response_url": "https://elsewhere.example/"}, "response_url"),
        ],
    )
    async def test_what_is_wrong_in_the_query_is_named(
        self, steered: Partner, method: str, query: dict[str, str], named: str
    ):
        assert named in no(await steered.request(method, PROFILES, params=query), 200, 2001)

    async def test_a_profile_without_periods_limits_nothing(self, steered: Partner):
        empty = {"charging_rate_unit": "W"}
        assert "charging_profile_period" in no(await set_profile(steered, charging_profile=empty), 200, 2001)

    async def test_sessions_of_others_are_unknown(self, steered: Partner):
        other = await connect(steered.deployment, Side.CPO, ("NL*TNM",), connection_id="other")
        answered(await set_profile(other), "UNKNOWN_SESSION")
        unknown = {"response_url": REPLY}
        answered(await steered.request("DELETE", "/receiver/chargingprofiles/S9", params=unknown), "UNKNOWN_SESSION")

    async def test_what_cannot_be_steered(self, steered: Partner):
        await _our_location(
            steered.deployment, "L1", evses=[our_evse("RFID_READER")], last_updated="2026-03-29T00:00:00Z"
        )
        answered(await set_profile(steered), "NOT_SUPPORTED")
        no(await steered.request("PUT", PREFERENCES, json={"profile_type": "REGULAR"}), 404, 2001)

    async def test_what_has_ended(self, steered: Partner):
        await stopped(steered.deployment)
        answered(await set_profile(steered), "REJECTED")
        problem(
            await steered.deployment.contract("PUT", "/sessions/S1/active-charging-profile", json=ACTIVE),
            409,
            "conflict",
        )


class TestWhatASessionReallyGets:
    async def test_only_who_steers_is_told(self, steered: Partner):
        roam = steered.deployment

        async def queued() -> int:
            told = await roam.contract("PUT", "/sessions/S1/active-charging-profile", json=ACTIVE)
            assert told.status_code == 200, told.text
            async with roam.store.transaction() as unit:
                waiting = await unit.outbox.pending("provider", 99)
            return sum(entry.module == "chargingprofiles" for entry in waiting)

        assert await queued() == 0
        answered(await set_profile(steered), "ACCEPTED")
        assert await queued() == 0
        (waiting,) = await commands(roam)
        await conclude(roam, waiting["id"], outcome="ACCEPTED")
        assert await queued() == 1
        assert "provider" in {told[0] for told in roam.signals.of("feed")}

    async def test_a_refused_profile_is_no_steering(self, steered: Partner):
        roam = steered.deployment
        answered(await set_profile(steered), "ACCEPTED")
        (waiting,) = await commands(roam)
        await conclude(roam, waiting["id"], outcome="REJECTED")
        await roam.contract("PUT", "/sessions/S1/active-charging-profile", json=ACTIVE)
        async with roam.store.transaction() as unit:
            assert not [e for e in await unit.outbox.pending("provider", 99) if e.module == "chargingprofiles"]

    async def test_of_an_unknown_session(self, roam: Deployment):
        path = "/sessions/S9/active-charging-profile"
        problem(await roam.contract("PUT", path, json=ACTIVE), 404, "unknown-object")
        problem(await roam.contract("GET", path), 404, "unknown-object")


class TestPreferencesForOurSessions:
    @pytest.mark.parametrize(
        ("wish", "answer"),
        [
            ({"profile_type": "REGULAR"}, "ACCEPTED"),
            ({"profile_type": "FAST"}, "ACCEPTED"),
            ({"profile_type": "CHEAP"}, "DEPARTURE_REQUIRED"),
            ({"profile_type": "GREEN", "departure_time": LATER}, "ACCEPTED"),
            ({"profile_type": "GREEN", "departure_time": "2026-03-28T11:59:00Z"}, "NOT_POSSIBLE"),
            ({"profile_type": "FAST", "discharge_allowed": True}, "ENERGY_NEED_REQUIRED"),
            ({"profile_type": "FAST", "discharge_allowed": True, "energy_need": 20.5}, "ACCEPTED"),
        ],
    )
    async def test_are_answered_at_once(self, steered: Partner, wish: dict[str, Any], answer: str):
        assert ok(await steered.request("PUT", PREFERENCES, json=wish)) == answer
        stored = await steered.deployment.contract("GET", "/sessions/S1/charging-preferences")
        if answer == "ACCEPTED":
            assert stored.json()["preferences"]["profile_type"] == wish["profile_type"]
        else:
            problem(stored, 404, "unknown-object")

    async def test_a_profile_without_a_price_is_not_offered(self, steered: Partner):
        """Every session of this connector is billed as REGULAR or CHEAP: nobody could bill a GREEN one."""
        roam = steered.deployment
        for name, kind in (("T1", "REGULAR"), ("T2", "PROFILE_CHEAP")):
            tariff = {**TARIFF, "type": kind, "last_updated": LATER}
            assert (await roam.contract("PUT", f"/tariffs/{name}", json=tariff)).status_code == 200
        evse = our_evse(*SMART)
        evse["connectors"][0]["tariff_ids"] = ["T1", "T2"]
        await _our_location(roam, "L1", evses=[evse], last_updated="2026-03-29T00:00:00Z")
        wishes = {"CHEAP": "ACCEPTED", "GREEN": "PROFILE_TYPE_NOT_SUPPORTED", "REGULAR": "ACCEPTED"}
        for wanted, answer in wishes.items():
            wish = {"profile_type": wanted, "departure_time": LATER}
            assert ok(await steered.request("PUT", PREFERENCES, json=wish)) == answer

    async def test_the_backend_hears_of_them(self, steered: Partner):
        ok(await steered.request("PUT", PREFERENCES, json={"profile_type": "FAST"}))
        async with steered.deployment.store.transaction() as unit:
            (told,) = await unit.events.after(0, kinds=(EventKind.SESSION_PREFERENCES_SET,), limit=9)
        assert (told.event.object.key, told.event.connection) == ("DE*RCO/S1", "provider")

    async def test_for_an_unknown_or_ended_session(self, steered: Partner):
        other = await connect(steered.deployment, Side.CPO, ("NL*TNM",), connection_id="other")
        wish = {"profile_type": "FAST"}
        no(await other.request("PUT", PREFERENCES, json=wish), 404, 2001)
        no(await steered.request("PUT", "/sender/sessions/S9/charging_preferences", json=wish), 404, 2001)
        await stopped(steered.deployment)
        assert ok(await steered.request("PUT", PREFERENCES, json=wish)) == "NOT_POSSIBLE"

    async def test_what_cannot_be_read(self, steered: Partner):
        assert "profile_type" in no(await steered.request("PUT", PREFERENCES, json={"profile_type": "SLOW"}), 200, 2001)
        assert "profile_type" in no(await steered.request("PUT", PREFERENCES, json={}), 200, 2001)


@pytest.fixture
async def charging(roam: Deployment) -> Partner:
    """An operator at which one of our drivers charges, and which can be steered."""
    operator = await connect(roam, Side.EMSP, ("BE*BEC",), connection_id="operator")
    offered = Endpoint(
        module="chargingprofiles", interface="RECEIVER", url="https://partner.example/ocpi/chargingprofiles"
    )
    async with roam.store.transaction() as unit:
        await unit.connections.save(
            operator.connection.model_copy(update={"endpoints": (*operator.connection.endpoints, offered)})
        )
    ok(await operator.request("PUT", "/receiver/sessions/BE/BEC/S1", json=session()), 201)
    return operator


class TestWhatWeAskFor:
    async def test_a_profile_is_an_order(self, roam: Deployment, charging: Partner):
        profile = {"rate_unit": "W", "periods": [{"start_s": 0, "limit": 7400.5}]}
        given = await roam.contract(
            "PUT", "/sessions/s1/charging-profile", params={"connection": "operator"}, json=profile
        )
        assert given.status_code == 202, given.text
        record = given.json()
        assert (record["command"]["session_id"], record["command"]["profile"]["periods"][0]["limit"]) == (
            "S1",
            "7400.5",
        )
        assert roam.signals.of("command") == [(record["id"], "operator", True, 0.0)]
        path = await reply_path(roam, record["id"])
        assert path.startswith("/sender/chargingprofiles/SET_CHARGING_PROFILE/")
        ok(await charging.request("POST", path, json={"result": "ACCEPTED"}))
        assert (await kept(roam, record["id"])).state == "CONCLUDED"

    async def test_what_was_asked_for_comes_with_the_result(self, roam: Deployment, charging: Partner):
        asked = await roam.contract(
            "POST",
            "/sessions/S1/active-charging-profile/requests",
            params={"connection": "operator", "duration_s": 900},
        )
        path = await reply_path(roam, asked.json()["id"])
        active = {"start_date_time": LATER, "charging_profile": PROFILE}
        ok(await charging.request("POST", path, json={"result": "ACCEPTED", "profile": active}))
        stored = await roam.contract("GET", "/sessions/S1/active-charging-profile", params={"connection": "operator"})
        assert stored.json()["profile"]["periods"][0]["limit"] == "16.0"

    async def test_clearing(self, roam: Deployment, charging: Partner):
        cleared = await roam.contract("DELETE", "/sessions/S1/charging-profile", params={"connection": "operator"})
        assert (cleared.status_code, cleared.json()["command"]["kind"]) == (202, "CLEAR_CHARGING_PROFILE")

    async def test_of_a_session_that_nobody_told_us_of(self, roam: Deployment, charging: Partner):
        cleared = await roam.contract("DELETE", "/sessions/S9/charging-profile", params={"connection": "operator"})
        problem(cleared, 404, "unknown-object")

    async def test_what_the_operator_pushes_is_stored(self, roam: Deployment, charging: Partner):
        pushed = {"start_date_time": LATER, "charging_profile": PROFILE}
        ok(await charging.request("PUT", "/sender/chargingprofiles/S1", json=pushed))
        no(await charging.request("PUT", "/sender/chargingprofiles/S9", json=pushed), 404, 2001)
        stored = await roam.contract("GET", "/sessions/S1/active-charging-profile", params={"connection": "operator"})
        assert stored.json()["start"] == LATER
        async with roam.store.transaction() as unit:
            (told,) = await unit.events.after(0, kinds=(EventKind.CHARGING_PROFILE_ACTIVE,), limit=9)
            assert await unit.smart_charging.wishes(ObjectId.parse("BE*BEC/S1"), source="operator") is None
        assert told.event.object.key == "BE*BEC/S1"
