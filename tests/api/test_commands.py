"""Orders over HTTP: those of providers at our edge, with our backend's word on them, and those that we give."""

import asyncio
from typing import Any

import httpx
import pytest

from canonical.command import CommandOutcome, CommandRecord, CommandResult, CommandState
from canonical.event import EventKind
from canonical.identity import ObjectId, Role
from canonical.partner import Endpoint, Side
from canonical.store import NotFound
from tests.api import test_hubs
from tests.api.documents import EARLY, location, session, token
from tests.api.partner import NOW, PUBLIC_URL, Deployment, Partner, connect
from tests.api.test_contract import TARIFF, problem, ready, start
from tests.api.test_modules import _our_location, no, ok

REPLY = "https://partner.example/results/7f3a?secret=s3cr3t-in-a-query"
CAPABLE = ["REMOTE_START_STOP_CAPABLE", "RESERVABLE", "UNLOCK_CAPABLE"]
LATER = "2026-03-28T14:00:00Z"
APP = {"uid": "APP-1", "type": "APP_USER", "contract_id": "DE-MOB-APP"}
PATHS = {
    "START_SESSION": {"token": token(**APP), "location_id": "L1", "evse_uid": "E1"},
    "RESERVE_NOW": {"token": token(**APP), "location_id": "L1", "expiry_date": LATER, "reservation_id": "R1"},
    "STOP_SESSION": {"session_id": "S1"},
    "CANCEL_RESERVATION": {"reservation_id": "R1"},
    "UNLOCK_CONNECTOR": {"location_id": "L1", "evse_uid": "E1", "connector_id": "1"},
}


def order(kind: str, **changes: object) -> dict[str, Any]:
    return {"response_url": REPLY, **PATHS[kind], **changes}


def our_evse(*capabilities: str) -> dict[str, Any]:
    """The EVSE of our own location, in the words of the contract API."""
    socket = {
        "id": "1",
        "standard": "IEC_62196_T2",
        "format": "SOCKET",
        "power_type": "AC_3_PHASE",
        "max_voltage_v": 230,
        "max_amperage_a": 32,
        "tariff_ids": ["T1"],
    }
    return {"uid": "E1", "status": "AVAILABLE", "capabilities": capabilities, "connectors": [socket]}


async def post(partner: Partner, kind: str, **changes: object) -> httpx.Response:
    return await partner.request("POST", f"/receiver/commands/{kind}", json=order(kind, **changes))


def answered(response: httpx.Response, result: str, code: int = 1000) -> dict[str, Any]:
    body = response.json()
    assert (response.status_code, body["status_code"], body["data"]["result"]) == (200, code, result), body
    return body["data"]


async def commands(roam: Deployment, **query: str) -> list[dict[str, Any]]:
    return (await roam.contract("GET", "/commands", params=query)).json()["items"]


async def conclude(roam: Deployment, command_id: str, **result: object) -> httpx.Response:
    return await roam.contract("POST", f"/commands/{command_id}/result", json=result)


async def kept(roam: Deployment, command_id: str) -> CommandRecord:
    async with roam.store.transaction() as unit:
        return await unit.commands.get(command_id)


@pytest.fixture
async def roaming(provider: Partner) -> Partner:
    """A provider whose card may charge at our one location, with everything an EVSE can do."""
    roam = await ready(provider)
    await _our_location(roam, "L1", evses=[our_evse(*CAPABLE)], last_updated=LATER)
    return provider


class TestWhatProvidersOrder:
    async def test_an_order_waits_for_the_backend_and_its_result_is_told(self, roaming: Partner):
        roam = roaming.deployment
        data = answered(await post(roaming, "START_SESSION"), "ACCEPTED")
        assert data["timeout"] == 30
        (waiting,) = await commands(roam, given_by="partner", state="ACCEPTED")
        assert (waiting["command"]["kind"], waiting["command"]["evse_uid"]) == ("START_SESSION", "E1")
        assert waiting["command"]["token"]["uid"] == "APP-1"
        assert (waiting["connection_id"], waiting["party"]["party_id"]) == ("provider", "MOB")
        assert roam.signals.of("command") == [(waiting["id"], "provider", False, 30.0)]

        done = await conclude(roam, waiting["id"], outcome="ACCEPTED")
        assert (done.status_code, done.json()["state"], done.json()["result"]["outcome"]) == (
            200, "CONCLUDED", "ACCEPTED",
        )  # fmt: skip
        assert roam.signals.of("command_concluded") == [(waiting["id"], "provider", False)]
        async with roam.store.transaction() as unit:
            assert await unit.commands.reply_to(waiting["id"]) == REPLY
            assert [word.outcome for word in await unit.commands.untold(waiting["id"])] == ["ACCEPTED"]
            told = await unit.events.after(0, kinds=(EventKind.COMMAND_REQUESTED, EventKind.COMMAND_RESULT), limit=9)
        assert [(each.event.type, each.event.object.key) for each in told] == [
            (EventKind.COMMAND_REQUESTED, waiting["id"]),
            (EventKind.COMMAND_RESULT, waiting["id"]),
        ]

    async def test_the_address_for_the_result_is_shown_nowhere(self, roaming: Partner):
        answered(await post(roaming, "START_SESSION"), "ACCEPTED")
        listed = await roaming.deployment.contract("GET", "/commands")
        async with roaming.deployment.store.transaction() as unit:
            events = await unit.events.after(0, limit=99)
        assert "s3cr3t" not in listed.text + repr(events)

    async def test_a_repeat_is_the_same_order_also_at_the_same_moment(self, roaming: Partner):
        answers = await asyncio.gather(*(post(roaming, "START_SESSION") for _ in range(4)))
        assert {answered(answer, "ACCEPTED")["timeout"] for answer in answers} == {30}
        assert len(await commands(roaming.deployment)) == 1

    async def test_one_address_for_all_results_does_not_make_one_order_of_all(self, roaming: Partner):
        answered(await post(roaming, "START_SESSION"), "ACCEPTED")
        answered(await post(roaming, "UNLOCK_CONNECTOR"), "ACCEPTED")
        assert len(await commands(roaming.deployment)) == 2

    @pytest.mark.parametrize(
        ("kind", "named", "changes"),
        [
            ("START_SESSION", "location_id", {"location_id": "L9"}),
            ("START_SESSION", "evse_uid", {"evse_uid": "E9"}),
            ("START_SESSION", "connector_id", {"connector_id": "9"}),
            ("RESERVE_NOW", "location_id", {"location_id": "L9"}),
            ("UNLOCK_CONNECTOR", "evse_uid", {"evse_uid": "E9"}),
        ],
    )
    async def test_what_is_not_there(self, roaming: Partner, kind: str, named: str, changes: dict[str, str]):
        response = await post(roaming, kind, **changes)
        answered(response, "REJECTED", 2003)
        assert named in response.json()["status_message"]
        assert roaming.deployment.signals.of("command") == []
        (refused,) = await commands(roaming.deployment)
        assert refused["state"] == "REFUSED"

    @pytest.mark.parametrize("kind", ["START_SESSION", "RESERVE_NOW", "UNLOCK_CONNECTOR"])
    async def test_what_the_charger_cannot_do(self, provider: Partner, kind: str):
        await _our_location(await ready(provider), "L1", evses=[our_evse("RFID_READER")])
        answered(await post(provider, kind), "NOT_SUPPORTED")

    async def test_a_connector_that_has_to_be_named(self, provider: Partner):
        picky = our_evse(*CAPABLE, "START_SESSION_CONNECTOR_REQUIRED")
        await _our_location(await ready(provider), "L1", evses=[picky])
        response = await post(provider, "START_SESSION")
        answered(response, "REJECTED", 2001)
        assert "connector_id" in response.json()["status_message"]
        answered(await post(provider, "START_SESSION", connector_id="1"), "ACCEPTED")

    @pytest.mark.parametrize(
        "url",
        [
            "https://elsewhere.example/results",
            "http://partner.example/results",
            "https://partner.example:8443/results",
            "https://user:word@partner.example/results",
            "http://169.254.169.254/latest",
            "https://10.0.0.1/results",
        ],
    )
    async def test_a_result_goes_to_hosts_of_the_partner_alone(
        self, roaming: Partner, url: str, caplog: pytest.LogCaptureFixture
    ):
        assert "response_url" in no(await post(roaming, "START_SESSION", response_url=url), 200, 2001)
        assert await commands(roaming.deployment) == []
        assert "foreign address" in caplog.text

    async def test_a_token_of_somebody_else(self, roaming: Partner):
        foreign = token(**APP, country_code="NL", party_id="TNM")
        no(await post(roaming, "START_SESSION", token=foreign), 200, 2001)

    async def test_a_token_that_is_not_valid_and_a_reservation_of_yesterday(self, roaming: Partner):
        answered(await post(roaming, "START_SESSION", token=token(**APP, valid=False)), "REJECTED")
        answered(await post(roaming, "RESERVE_NOW", expiry_date=EARLY), "REJECTED")

    async def test_a_session_is_stopped_by_its_own_provider_alone(self, roaming: Partner):
        roam = roaming.deployment
        answered(await post(roaming, "STOP_SESSION"), "UNKNOWN_SESSION")
        assert (await roam.contract("POST", "/sessions", json=start())).status_code == 201
        other = await connect(roam, Side.CPO, ("NL*TNM",), connection_id="other")
        answered(await post(other, "STOP_SESSION"), "UNKNOWN_SESSION")
        answered(await post(roaming, "STOP_SESSION"), "ACCEPTED")
        stopped = {"at": "2026-03-28T11:00:00Z", "energy_kwh": "1"}
        assert (await roam.contract("POST", "/sessions/S1/stop", json=stopped)).status_code == 200
        answered(await post(roaming, "STOP_SESSION", response_url=REPLY + "2"), "REJECTED")

    async def test_a_reservation_is_cancelled_by_who_made_it(self, roaming: Partner):
        roam = roaming.deployment
        answered(await post(roaming, "CANCEL_RESERVATION"), "REJECTED")
        answered(await post(roaming, "RESERVE_NOW"), "ACCEPTED")
        other = await connect(roam, Side.CPO, ("NL*TNM",), connection_id="other")
        answered(await post(other, "CANCEL_RESERVATION"), "REJECTED")
        answered(await post(roaming, "CANCEL_RESERVATION"), "ACCEPTED")
        cancelling = (await commands(roam, state="ACCEPTED"))[-1]
        await conclude(roam, cancelling["id"], outcome="ACCEPTED")
        answered(await post(roaming, "CANCEL_RESERVATION", response_url=REPLY + "2"), "REJECTED")

    async def test_a_reservation_that_is_made_again_takes_the_place_of_the_first(self, roaming: Partner):
        roam = roaming.deployment
        await _our_location(roam, "L2", evses=[our_evse(*CAPABLE)])
        for place in ("L1", "L2"):
            answered(await post(roaming, "RESERVE_NOW", location_id=place), "ACCEPTED")
            await conclude(roam, (await commands(roam, state="ACCEPTED"))[0]["id"], outcome="ACCEPTED")
        reserved = start(token={"uid": "APP-1", "type": "APP_USER"}, status="RESERVATION")
        problem(await roam.contract("POST", "/sessions", json=reserved), 409, "token-not-allowed")
        begun = await roam.contract("POST", "/sessions", json={**reserved, "location_id": "L2"})
        assert begun.status_code == 201, begun.text

    async def test_a_deaf_process_does_not_fail_an_order(self, roaming: Partner):
        roaming.deployment.signals.deaf = True
        answered(await post(roaming, "START_SESSION"), "ACCEPTED")
        assert len(await commands(roaming.deployment, state="ACCEPTED")) == 1

    async def test_what_cannot_be_read(self, roaming: Partner):
        assert "location_id" in no(await post(roaming, "START_SESSION", location_id=7.5), 200, 2001)
        no(await roaming.request("POST", "/receiver/commands/START_SESSION", content=b"{"), 400, 2001)
        no(await roaming.request("POST", "/receiver/commands/DANCE", json={}), 404, 2000)


class TestTheTokenOfAnOrder:
    async def test_opens_one_session_at_its_place(self, roaming: Partner):
        """The backend starts with what its charger knows: the token, which nobody has ever pushed."""
        roam = roaming.deployment
        by_app = start(token={"uid": "APP-1", "type": "APP_USER"}, auth_method="COMMAND")
        problem(await roam.contract("POST", "/sessions", json=by_app), 409, "token-not-allowed")
        answered(await post(roaming, "START_SESSION", authorization_reference="REF-1"), "ACCEPTED")
        asked = {"token": {"uid": "app-1", "type": "APP_USER"}, "location_id": "L1", "evse_uid": "E1"}
        allowed = (await roam.contract("POST", "/authorizations", json=asked)).json()
        assert (allowed["allowed"], allowed["asked_issuer"], allowed["authorization_reference"]) == (
            "ALLOWED", False, "REF-1",
        )  # fmt: skip

        begun = await roam.contract("POST", "/sessions", json=by_app)
        assert begun.status_code == 201, begun.text
        session = begun.json()
        assert (session["auth_method"], session["authorization_reference"]) == ("COMMAND", "REF-1")
        assert session["token"]["contract_id"] == "DE-MOB-APP"
        (used,) = await commands(roam)
        assert used["session_key"] == "DE*RCO/S1"
        problem(await roam.contract("POST", "/sessions", json={**by_app, "id": "S2"}), 409, "token-not-allowed")

    async def test_of_somebody_elses_driver_opens_nothing(self, roaming: Partner, caplog: pytest.LogCaptureFixture):
        """Who knows the uid of a card could else have its owner's next session, and bill, drawn to itself."""
        roam = roaming.deployment
        other = await connect(roam, Side.CPO, ("NL*TWO",), connection_id="other")
        theirs = token(country_code="NL", party_id="TWO", **APP | {"contract_id": "NL-TWO-1"})
        ok(await other.request("PUT", "/receiver/tokens/NL/TWO/APP-1?type=APP_USER", json=theirs), 201)
        answered(await post(roaming, "START_SESSION", authorization_reference="REF-1"), "ACCEPTED")
        asked = {"token": {"uid": "APP-1", "type": "APP_USER"}, "location_id": "L1", "evse_uid": "E1"}
        allowed = (await roam.contract("POST", "/authorizations", json=asked)).json()
        assert (allowed["connection"], allowed["authorization_reference"]) == ("other", None)
        assert "connection provider ordered a session with a token of other" in caplog.messages
        begun = await roam.contract("POST", "/sessions", json=start(token={"uid": "APP-1", "type": "APP_USER"}))
        assert begun.json()["token"]["contract_id"] == "NL-TWO-1"

    async def test_opens_nothing_once_its_provider_is_shut_out(self, roaming: Partner):
        roam = roaming.deployment
        answered(await post(roaming, "START_SESSION"), "ACCEPTED")
        assert (await roam.contract("POST", "/connections/provider/suspend")).status_code == 200
        begun = await roam.contract("POST", "/sessions", json=start(token={"uid": "APP-1", "type": "APP_USER"}))
        problem(begun, 409, "token-not-allowed")

    async def test_is_good_for_no_other_place(self, roaming: Partner):
        roam = roaming.deployment
        await _our_location(roam, "L2", evses=[our_evse(*CAPABLE)])
        answered(await post(roaming, "START_SESSION"), "ACCEPTED")
        elsewhere = start(token={"uid": "APP-1", "type": "APP_USER"}, location_id="L2")
        problem(await roam.contract("POST", "/sessions", json=elsewhere), 409, "token-not-allowed")

    @pytest.mark.parametrize(("outcome", "opens"), [("TIMEOUT", True), ("REJECTED", False), ("EVSE_OCCUPIED", False)])
    async def test_opens_nothing_when_the_order_came_to_nothing(self, roaming: Partner, outcome: str, opens: bool):
        """A timeout is no refusal: the vehicle may be plugged in a minute later."""
        roam = roaming.deployment
        answered(await post(roaming, "START_SESSION"), "ACCEPTED")
        (waiting,) = await commands(roam)
        await conclude(roam, waiting["id"], outcome=outcome)
        begun = await roam.contract("POST", "/sessions", json=start(token={"uid": "APP-1", "type": "APP_USER"}))
        assert begun.status_code == (201 if opens else 409)

    async def test_opens_one_session_where_we_had_said_so_before_the_order_was_concluded(self, roaming: Partner):
        roam = roaming.deployment
        answered(await post(roaming, "START_SESSION", authorization_reference="REF-1"), "ACCEPTED")
        asked = {"token": {"uid": "APP-1", "type": "APP_USER"}, "location_id": "L1", "evse_uid": "E1"}
        assert (await roam.contract("POST", "/authorizations", json=asked)).json()["allowed"] == "ALLOWED"
        (waiting,) = await commands(roam)
        assert (await conclude(roam, waiting["id"], outcome="FAILED")).status_code == 200
        by_app = start(token={"uid": "APP-1", "type": "APP_USER"})
        begun = await roam.contract("POST", "/sessions", json=by_app)
        assert begun.status_code == 201, begun.text
        assert begun.json()["authorization_reference"] == "REF-1"
        problem(await roam.contract("POST", "/sessions", json={**by_app, "id": "S2"}), 409, "token-not-allowed")


class TestTheBackendsWord:
    async def test_the_first_one_counts(self, roaming: Partner):
        roam = roaming.deployment
        answered(await post(roaming, "UNLOCK_CONNECTOR"), "ACCEPTED")
        (waiting,) = await commands(roam)
        for _ in range(2):
            assert (await conclude(roam, waiting["id"], outcome="FAILED")).status_code == 200
        problem(await conclude(roam, waiting["id"], outcome="ACCEPTED"), 409, "conflict")
        assert (await kept(roam, waiting["id"])).afterword is None

    async def test_a_late_one_is_kept_and_not_told(self, roaming: Partner):
        roam = roaming.deployment
        answered(await post(roaming, "UNLOCK_CONNECTOR"), "ACCEPTED")
        (waiting,) = await commands(roam)
        await conclude(roam, waiting["id"], outcome="TIMEOUT")
        late = (await conclude(roam, waiting["id"], outcome="ACCEPTED")).json()
        assert (late["result"]["outcome"], late["afterword"]["outcome"]) == ("TIMEOUT", "ACCEPTED")
        async with roam.store.transaction() as unit:
            assert [word.outcome for word in await unit.commands.untold(waiting["id"])] == ["TIMEOUT"]

    async def test_a_reservation_that_is_taken_back_is_told_too(self, roaming: Partner):
        roam = roaming.deployment
        answered(await post(roaming, "RESERVE_NOW"), "ACCEPTED")
        (waiting,) = await commands(roam)
        await conclude(roam, waiting["id"], outcome="ACCEPTED")
        async with roam.store.transaction() as unit:
            await unit.commands.told(waiting["id"], NOW)
        taken_back = await conclude(roam, waiting["id"], outcome="CANCELED_RESERVATION")
        assert taken_back.json()["afterword"]["outcome"] == "CANCELED_RESERVATION"
        async with roam.store.transaction() as unit:
            assert [word.outcome for word in await unit.commands.untold(waiting["id"])] == ["CANCELED_RESERVATION"]
        assert len(roam.signals.of("command_concluded")) == 2
        reserved = start(token={"uid": "APP-1", "type": "APP_USER"}, status="RESERVATION")
        problem(await roam.contract("POST", "/sessions", json=reserved), 409, "token-not-allowed")

    async def test_there_is_none_on_what_was_refused_or_never_was(self, roaming: Partner):
        roam = roaming.deployment
        answered(await post(roaming, "STOP_SESSION"), "UNKNOWN_SESSION")
        (refused,) = await commands(roam)
        problem(await conclude(roam, refused["id"], outcome="ACCEPTED"), 409, "conflict")
        problem(await conclude(roam, "nobody", outcome="ACCEPTED"), 404, "unknown-object")
        problem(await conclude(roam, refused["id"], outcome="MAYBE"), 422, "invalid-input")


@pytest.fixture
async def charging_abroad(roam: Deployment) -> Partner:
    """An operator that takes orders, with one location; and a card of ours."""
    operator = await connect(roam, Side.EMSP, ("BE*BEC",), connection_id="operator")
    offered = tuple(
        Endpoint(module=module, interface="RECEIVER", url=f"https://partner.example/ocpi/{module}")
        for module in ("commands", "chargingprofiles")
    )
    async with roam.store.transaction() as unit:
        await unit.connections.save(
            operator.connection.model_copy(update={"endpoints": (*operator.connection.endpoints, *offered)})
        )
    ok(await operator.request("PUT", "/receiver/locations/BE/BEC/L1", json=location()), 201)
    card = {"contract_id": "C1", "issuer": "Roam Co", "valid": True, "whitelist": "ALWAYS"}
    assert (await roam.contract("PUT", "/tokens/OURS", json=card)).status_code == 200
    return operator


ABROAD: dict[str, dict[str, Any]] = {
    "START_SESSION": {"token": {"uid": "OURS"}, "location_id": "L1", "evse_uid": "e1"},
    "RESERVE_NOW": {"token": {"uid": "OURS"}, "location_id": "L1", "reservation_id": "R1", "expires": LATER},
    "CANCEL_RESERVATION": {"reservation_id": "R1"},
    "UNLOCK_CONNECTOR": {"location_id": "L1", "evse_uid": "E1", "connector_id": "1"},
}


async def give(roam: Deployment, kind: str, **changes: object) -> httpx.Response:
    more: dict[str, Any] = {"headers": changes.pop("headers", {})}
    document = {"connection": "operator", "kind": kind, **ABROAD.get(kind, {}), **changes}
    return await roam.contract("POST", "/commands", json=document, **more)


async def reply_path(roam: Deployment, command_id: str) -> str:
    async with roam.store.transaction() as unit:
        address = await unit.commands.reply_to(command_id)
    assert address is not None
    return address.removeprefix(f"{PUBLIC_URL}/ocpi/2.2.1")


class TestWhatWeOrder:
    @pytest.mark.parametrize("kind", ABROAD)
    async def test_an_order_is_stored_and_handed_to_its_process(
        self, roam: Deployment, charging_abroad: Partner, kind: str
    ):
        given = await give(roam, kind)
        assert given.status_code == 202, given.text
        record = given.json()
        assert (record["state"], record["ours"], record["command"]["kind"]) == ("REQUESTED", True, kind)
        assert roam.signals.of("command") == [(record["id"], "operator", True, 0.0)]
        assert (await roam.contract("GET", f"/commands/{record['id']}")).json() == record

    async def test_the_only_connector_is_named_and_the_reference_is_ours(
        self, roam: Deployment, charging_abroad: Partner
    ):
        command = (await give(roam, "START_SESSION")).json()
        assert (command["command"]["evse_uid"], command["command"]["connector_id"]) == ("E1", "1")
        assert command["command"]["authorization_reference"] == command["id"]
        assert command["command"]["reply_to"] is None

    async def test_the_same_key_is_the_same_order(self, roam: Deployment, charging_abroad: Partner):
        first, again = [await give(roam, "START_SESSION", headers={"Idempotency-Key": "k"}) for _ in range(2)]
        assert first.json() == again.json()
        assert len(await commands(roam)) == 1

    @pytest.mark.parametrize(
        ("kind", "changes", "status", "problem_kind"),
        [
            ("START_SESSION", {"location_id": "L9"}, 404, "unknown-location"),
            ("START_SESSION", {"evse_uid": "E9"}, 404, "unknown-location"),
            ("START_SESSION", {"token": {"uid": "THEIRS"}}, 404, "unknown-token"),
            ("START_SESSION", {"operator": "nobody at all"}, 422, "invalid-input"),
            ("START_SESSION", {"connection": "nobody"}, 404, "unknown-object"),
            ("STOP_SESSION", {"session_id": "S9"}, 404, "unknown-object"),
            ("DANCE", {}, 422, "invalid-input"),
        ],
    )
    async def test_what_is_not_there(
        self,
        roam: Deployment,
        charging_abroad: Partner,
        kind: str,
        changes: dict[str, Any],
        status: int,
        problem_kind: str,
    ):
        problem(await give(roam, kind, **changes), status, problem_kind)
        assert roam.signals.of("command") == []

    async def test_a_partner_that_takes_no_orders(self, roam: Deployment, operator: Partner):
        ok(await operator.request("PUT", "/receiver/locations/BE/BEC/L1", json=location()), 201)
        problem(await give(roam, "CANCEL_RESERVATION"), 409, "conflict")

    async def test_nobody_gives_orders_to_a_provider(self, roam: Deployment, provider: Partner):
        problem(await give(roam, "CANCEL_RESERVATION", connection="provider"), 409, "conflict")

    async def test_the_result_comes_to_an_address_of_its_own(self, roam: Deployment, charging_abroad: Partner):
        command = (await give(roam, "START_SESSION")).json()
        path = await reply_path(roam, command["id"])
        ok(await charging_abroad.request("POST", path, json={"result": "ACCEPTED"}))
        record = await kept(roam, command["id"])
        assert (record.state, record.result and record.result.outcome) == (CommandState.CONCLUDED, "ACCEPTED")
        assert roam.signals.of("command_concluded") == [(command["id"], "operator", True)]

    async def test_to_everybody_else_there_is_no_such_address(self, roam: Deployment, charging_abroad: Partner):
        command = (await give(roam, "START_SESSION")).json()
        path = await reply_path(roam, command["id"])
        other = await connect(roam, Side.EMSP, ("NL*TNM",), connection_id="other")
        no(await other.request("POST", path, json={"result": "ACCEPTED"}), 404, 2001)
        wrong_kind = path.replace("START_SESSION", "STOP_SESSION")
        no(await charging_abroad.request("POST", wrong_kind, json={"result": "ACCEPTED"}), 404, 2001)
        no(await charging_abroad.request("POST", path + "0", json={"result": "ACCEPTED"}), 404, 2001)
        assert (await kept(roam, command["id"])).result is None

    async def test_nor_to_another_party_behind_the_same_hub(
        self, roam: Deployment, hub: Partner, caplog: pytest.LogCaptureFixture
    ):
        taken = Endpoint(module="commands", interface="RECEIVER", url="https://hub.example/commands")
        async with roam.store.transaction() as unit:
            await unit.connections.save(hub.connection.model_copy(update={"endpoints": (taken,)}))
            await unit.hub_clients.put(test_hubs.client("BE*TWO", Role.CPO), source="hub")
        command = (await give(roam, "CANCEL_RESERVATION", connection="hub", operator="BE*BEC")).json()
        path, said = await reply_path(roam, command["id"]), {"result": "ACCEPTED"}
        no(await hub.request("POST", path, json=said, headers=test_hubs.speaking("BE*TWO")), 404, 2001)
        assert (await kept(roam, command["id"])).result is None
        assert "connection hub, as BE*TWO, told a result of BE*BEC" in caplog.messages
        ok(await hub.request("POST", path, json=said))

    async def test_a_second_result_is_an_afterword_and_a_repeat_is_nothing(
        self, roam: Deployment, charging_abroad: Partner
    ):
        command = (await give(roam, "RESERVE_NOW")).json()
        path = await reply_path(roam, command["id"])
        for _ in range(2):
            ok(await charging_abroad.request("POST", path, json={"result": "ACCEPTED"}))
        assert (await kept(roam, command["id"])).afterword is None
        ok(await charging_abroad.request("POST", path, json={"result": "CANCELED_RESERVATION"}))
        record = await kept(roam, command["id"])
        assert (record.result and record.result.outcome, record.afterword and record.afterword.outcome) == (
            "ACCEPTED", "CANCELED_RESERVATION",
        )  # fmt: skip

    async def test_a_result_that_is_late_is_called_so(self, roam: Deployment, charging_abroad: Partner):
        command = (await give(roam, "UNLOCK_CONNECTOR")).json()
        path = await reply_path(roam, command["id"])
        async with roam.store.transaction() as unit:
            timeout = CommandResult(outcome=CommandOutcome.TIMEOUT)
            assert await unit.commands.conclude(command["id"], timeout, NOW)
        ok(await charging_abroad.request("POST", path, json={"result": "ACCEPTED"}))
        record = await kept(roam, command["id"])
        assert (record.result and record.result.outcome, record.afterword and record.afterword.outcome) == (
            "TIMEOUT", "ACCEPTED",
        )  # fmt: skip
        async with roam.store.transaction() as unit:
            (told,) = await unit.events.after(0, kinds=(EventKind.COMMAND_RESULT,), limit=9)
        assert told.event.data == {"outcome": "ACCEPTED", "late": True}

    async def test_a_result_in_an_envelope_is_read_too(self, roam: Deployment, charging_abroad: Partner):
        command = (await give(roam, "UNLOCK_CONNECTOR")).json()
        path = await reply_path(roam, command["id"])
        wrapped = {"data": {"result": "EVSE_OCCUPIED"}, "status_code": 1000, "timestamp": LATER}
        ok(await charging_abroad.request("POST", path, json=wrapped))
        record = await kept(roam, command["id"])
        assert record.result is not None
        assert record.result.outcome == "EVSE_OCCUPIED"

    async def test_a_result_that_cannot_be_read_concludes_nothing(self, roam: Deployment, charging_abroad: Partner):
        command = (await give(roam, "UNLOCK_CONNECTOR")).json()
        path = await reply_path(roam, command["id"])
        assert "result" in no(await charging_abroad.request("POST", path, json={"result": "MAYBE"}), 200, 2001)
        assert (await kept(roam, command["id"])).state is CommandState.REQUESTED

    async def test_the_backend_has_no_word_on_our_own_orders(self, roam: Deployment, charging_abroad: Partner):
        command = (await give(roam, "UNLOCK_CONNECTOR")).json()
        problem(await conclude(roam, command["id"], outcome="ACCEPTED"), 409, "conflict")

    async def test_the_session_that_came_of_it_is_found_by_its_reference(
        self, roam: Deployment, charging_abroad: Partner
    ):
        command = (await give(roam, "START_SESSION")).json()
        begun = session(authorization_reference=command["id"], auth_method="COMMAND")
        ok(await charging_abroad.request("PUT", "/receiver/sessions/BE/BEC/S1", json=begun), 201)
        assert (await kept(roam, command["id"])).session_key == "BE*BEC/S1"

    async def test_the_reference_may_come_after_the_session_and_after_the_order_was_given_up(
        self, roam: Deployment, charging_abroad: Partner
    ):
        command = (await give(roam, "START_SESSION")).json()
        path = await reply_path(roam, command["id"])
        ok(await charging_abroad.request("POST", path, json={"result": "TIMEOUT"}))
        ok(await charging_abroad.request("PUT", "/receiver/sessions/BE/BEC/S1", json=session()), 201)
        assert (await kept(roam, command["id"])).session_key is None
        named = {"authorization_reference": command["id"], "last_updated": LATER}
        ok(await charging_abroad.request("PATCH", "/receiver/sessions/BE/BEC/S1", json=named))
        assert (await kept(roam, command["id"])).session_key == "BE*BEC/S1"

    @pytest.mark.parametrize(("auth_method", "found"), [("COMMAND", True), ("WHITELIST", False)])
    async def test_a_session_by_order_that_names_none_is_found_by_place_and_contract(
        self, roam: Deployment, charging_abroad: Partner, auth_method: str, found: bool
    ):
        command = (await give(roam, "START_SESSION")).json()
        at = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
        contract = {**session()["cdr_token"], "contract_id": "C1"}
        begun = session(auth_method=auth_method, cdr_token=contract, start_date_time=at, last_updated=at)
        ok(await charging_abroad.request("PUT", "/receiver/sessions/BE/BEC/S1", json=begun), 201)
        assert (await kept(roam, command["id"])).session_key == ("BE*BEC/S1" if found else None)


hub = test_hubs.hub


class TestBehindAHub:
    """Several providers speak through one connection, and each orders for its own drivers alone."""

    @pytest.fixture
    async def behind(self, hub: Partner) -> Partner:
        """A hub, and a session at our EVSE with a token of one of the two providers behind it."""
        roam = hub.deployment
        assert (await roam.contract("PUT", "/tariffs/T1", json=TARIFF)).status_code == 200
        await _our_location(roam, "L1", evses=[our_evse(*CAPABLE)])
        card = await hub.request(
            "PUT", "/receiver/tokens/DE/MOB/04A1B2C3", json=token(), headers=test_hubs.speaking("DE*MOB")
        )
        assert card.status_code == 201, card.text
        return hub

    async def order(self, hub: Partner, party: str, kind: str, **changes: object) -> httpx.Response:
        document = order(kind, response_url="https://hub.example/results/1", **changes)
        return await hub.request("POST", f"/receiver/commands/{kind}", json=document, headers=test_hubs.speaking(party))

    async def test_a_session_is_stopped_by_its_own_provider_alone(self, behind: Partner):
        begun = await behind.deployment.contract("POST", "/sessions", json=start())
        assert begun.status_code == 201, begun.text
        answered(await self.order(behind, "NL*TWO", "STOP_SESSION"), "UNKNOWN_SESSION")
        answered(await self.order(behind, "DE*MOB", "STOP_SESSION"), "ACCEPTED")
        (waiting,) = await commands(behind.deployment, state="ACCEPTED")
        assert waiting["party"]["party_id"] == "MOB"

    async def test_two_reservations_of_one_id_are_two(self, behind: Partner):
        answered(await self.order(behind, "DE*MOB", "RESERVE_NOW"), "ACCEPTED")
        answered(await self.order(behind, "NL*TWO", "CANCEL_RESERVATION"), "REJECTED")
        no(await self.order(behind, "NL*TWO", "RESERVE_NOW"), 200, 2001)
        answered(await self.order(behind, "DE*MOB", "CANCEL_RESERVATION"), "ACCEPTED")


async def test_lists_go_on_where_they_ended(roam: Deployment, charging_abroad: Partner):
    given = [(await give(roam, "CANCEL_RESERVATION", reservation_id=f"R{n}")).json()["id"] for n in range(5)]
    seen, after = [], None
    for _ in range(9):
        page = (
            await roam.contract("GET", "/commands", params={"limit": 2, **({"after": after} if after else {})})
        ).json()
        seen += [each["id"] for each in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == given
    problem(await roam.contract("GET", "/commands", params={"after": "nonsense"}), 422, "invalid-input")


async def test_what_is_not_in_the_store(roam: Deployment):
    async with roam.store.transaction() as unit:
        with pytest.raises(NotFound):
            await unit.commands.get("nobody")
        assert await unit.commands.reply_to("nobody") is None
        assert await unit.smart_charging.active(ObjectId.parse("DE*RCO/S1")) is None
