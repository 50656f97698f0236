"""Orders between two deployments over HTTP: from a driver's app to a charging backend, and its word back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.demo import cast
from deploy.demo.office import until
from deploy.embedded.temporal import EmbeddedTemporal
from tests.conftest import Databases
from tests.workflows.conftest import PAIR
from tests.workflows.pair import AT_CPO, AT_EMSP, Pair, Player, pair
from workflows import ids

APP = "APP-COMMANDS-1"
EVSE = "E11"
CAPABILITIES = [
    "RFID_READER", "REMOTE_START_STOP_CAPABLE", "RESERVABLE", "UNLOCK_CAPABLE", "CHARGING_PROFILE_CAPABLE",
    "CHARGING_PREFERENCES_CAPABLE",
]  # fmt: skip
PROFILE = {"rate_unit": "A", "periods": [{"start_s": 0, "limit": "16"}, {"start_s": 600, "limit": "10.5"}]}
ACTIVE = {"start": "2026-03-28T14:00:00Z", "profile": {"rate_unit": "W", "periods": [{"start_s": 0, "limit": "11000"}]}}


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["2.1.1", "2.2.1", "2.3.0"])
async def two(request: pytest.FixtureRequest, temporal: EmbeddedTemporal, databases: Databases) -> AsyncIterator[Pair]:
    """Both companies, connected; the operator's first EVSE can do everything, and the app's token is told to nobody."""
    urls = (await databases.fresh(), await databases.fresh())
    key = "a-master-key-for-commands-0123456789"
    async with pair(temporal.address, PAIR, urls, key, (request.param, request.param)) as playing:
        await playing.prepare(cast.CARDS[cast.CARD_A], cast.CARD_A)
        site = cast.LOCATIONS["L1"]
        evses = [{**site["evses"][0], "capabilities": CAPABILITIES}, *site["evses"][1:]]
        await playing.cpo.office.put("/locations/L1", {**site, "evses": evses})
        await playing.meet()
        await playing.emsp.office.put(f"/tokens/{APP}", cast.APP_TOKEN, type="APP_USER")
        yield playing
    for url in urls:
        await databases.drop(url)


async def ask(player: Player, method: str, path: str, body: object = None, **query: str) -> Any:
    """A request to the contract API of one company. Raises when it is not answered with success."""
    url = f"{player.built.settings.public_url}/contract/v1{path}"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {player.api_key}"}) as client:
        answer = await client.request(method, url, json=body, params=query)
    assert answer.is_success, answer.text
    return answer.json()


async def give(two: Pair, kind: str, **order: object) -> str:
    """The provider orders something; the id of its order."""
    given = await ask(two.emsp, "POST", "/commands", {"connection": AT_EMSP, "kind": kind, **order})
    return str(given["id"])


async def becomes(player: Player, command_id: str, state: str) -> Any:
    async def there() -> Any:
        found = await ask(player, "GET", f"/commands/{command_id}")
        return found if found["state"] == state else None

    return await until(f"{command_id} to be {state}", there)


async def waiting(two: Pair, kind: str) -> Any:
    """The order of this kind that the operator's charging backend finds, the newest one."""

    async def there() -> Any:
        found = await ask(two.cpo, "GET", "/commands", connection=AT_CPO, given_by="partner", state="ACCEPTED")
        return [each for each in found["items"] if each["command"]["kind"] == kind]

    return (await until(f"{kind} at the backend", there))[-1]


async def conclude(two: Pair, command_id: str, outcome: str, **more: object) -> None:
    await ask(two.cpo, "POST", f"/commands/{command_id}/result", {"outcome": outcome, **more})


async def through(two: Pair, kind: str, outcome: str, /, **order: object) -> tuple[str, str]:
    """One order and its result on both sides: the ids that it has at the provider and at the operator."""
    ours = await give(two, kind, **order)
    theirs = await waiting(two, kind)
    await becomes(two.emsp, ours, "ACCEPTED")
    await conclude(two, theirs["id"], outcome)
    done = await becomes(two.emsp, ours, "CONCLUDED")
    assert done["result"]["outcome"] == outcome
    return ours, str(theirs["id"])


def early(two: Pair) -> bool:
    """Whether the two speak the version that has fewer words than its successors."""
    return two.cpo.built.settings.ocpi_versions == ("2.1.1",)


async def charging(two: Pair, name: str) -> str:
    """A session that has begun by an order, with the token as the order has it, and known to the provider: its id."""
    ours, theirs = await through(
        two, "START_SESSION", "ACCEPTED", token={"uid": APP, "type": "APP_USER"}, location_id="L1", evse_uid=EVSE
    )
    token = (await ask(two.cpo, "GET", f"/commands/{theirs}"))["command"]["token"]
    session = {
        "id": name,
        "token": {"uid": token["uid"], "type": token["type"]},
        "auth_method": "COMMAND",
        "location_id": "L1",
        "evse_uid": EVSE,
        "connector_id": "1",
        "start": "2026-03-28T12:00:00Z",
    }
    begun = await ask(two.cpo, "POST", "/sessions", session)
    assert (begun["auth_method"], begun["authorization_reference"]) == ("COMMAND", None if early(two) else ours)

    async def seen() -> Any:
        known = await ask(two.emsp, "GET", "/sessions", connection=AT_EMSP)
        return name in [each["id"] for each in known["items"]]

    await until("the session at the provider", seen)
    found = (await ask(two.emsp, "GET", f"/commands/{ours}"))["session_key"]
    assert found == (None if early(two) else f"{cast.CPO_PARTY}/{name}")
    return name


async def test_an_app_starts_and_stops_a_session(two: Pair) -> None:
    name = await charging(two, "C-START")
    stop = await give(two, "STOP_SESSION", session_id=name)
    order = await waiting(two, "STOP_SESSION")
    assert order["command"]["session_id"].upper() == name
    last = {"at": "2026-03-28T13:00:00Z", "energy_kwh": "7.5"}
    await ask(two.cpo, "POST", f"/sessions/{name}/stop", last)
    await conclude(two, order["id"], "ACCEPTED")
    assert (await becomes(two.emsp, stop, "CONCLUDED"))["result"]["outcome"] == "ACCEPTED"


async def test_what_the_operator_says_no_to(two: Pair) -> None:
    ours = await give(two, "UNLOCK_CONNECTOR", location_id="L4", evse_uid="E41", connector_id="1")
    refused = await becomes(two.emsp, ours, "REFUSED")
    assert refused["response"]["answer"] == "NOT_SUPPORTED"
    if early(two):
        with pytest.raises(AssertionError, match="is not part of what Operator speaks"):
            await give(two, "CANCEL_RESERVATION", reservation_id="1")
        return
    ours = await give(two, "CANCEL_RESERVATION", reservation_id="NEVER-MADE")
    assert (await becomes(two.emsp, ours, "REFUSED"))["response"]["answer"] == "REJECTED"


async def test_reserve_and_cancel(two: Pair) -> None:
    order = {"token": {"uid": APP, "type": "APP_USER"}, "location_id": "L1", "expires": "2099-01-01T00:00:00Z"}
    await through(two, "RESERVE_NOW", "ACCEPTED", reservation_id="1", **order)
    if early(two):
        return  # nobody can take it back
    await through(two, "CANCEL_RESERVATION", "ACCEPTED", reservation_id="1")
    again = await give(two, "CANCEL_RESERVATION", reservation_id="1")
    await becomes(two.emsp, again, "REFUSED")


async def test_a_reservation_that_the_operator_takes_back(two: Pair) -> None:
    if early(two):
        pytest.skip("this version has no word for it")
    order = {"token": {"uid": APP, "type": "APP_USER"}, "location_id": "L1", "expires": "2099-01-01T00:00:00Z"}
    ours, theirs = await through(two, "RESERVE_NOW", "ACCEPTED", reservation_id="R-2", **order)

    async def told() -> Any:
        return (await ask(two.cpo, "GET", f"/commands/{theirs}"))["told_at"]

    await until("the first word to be told", told)
    await conclude(two, theirs, "CANCELED_RESERVATION")

    async def taken_back() -> Any:
        return (await ask(two.emsp, "GET", f"/commands/{ours}"))["afterword"]

    assert (await until("the afterword", taken_back))["outcome"] == "CANCELED_RESERVATION"


async def test_unlock(two: Pair) -> None:
    outcome = "REJECTED" if early(two) else "FAILED"
    await through(two, "UNLOCK_CONNECTOR", outcome, location_id="L1", evse_uid=EVSE, connector_id="1")


async def test_a_backend_that_says_nothing(two: Pair) -> None:
    services = two.cpo.built.services
    given = services.command_timeout_s
    object.__setattr__(services, "command_timeout_s", 1)  # frozen for everybody else
    try:
        ours = await give(two, "UNLOCK_CONNECTOR", location_id="L1", evse_uid=EVSE, connector_id="1")
        done = await becomes(two.emsp, ours, "CONCLUDED")
    finally:
        object.__setattr__(services, "command_timeout_s", given)
    said = None if early(two) else 1
    assert (done["response"]["timeout_s"], done["result"]["outcome"]) == (said, "TIMEOUT")


async def test_workers_that_are_restarted_in_between(two: Pair) -> None:
    ours = await give(two, "UNLOCK_CONNECTOR", location_id="L1", evse_uid=EVSE, connector_id="1")
    await becomes(two.emsp, ours, "ACCEPTED")
    order = await waiting(two, "UNLOCK_CONNECTOR")
    await asyncio.gather(two.cpo.restart_worker(), two.emsp.restart_worker())
    await conclude(two, order["id"], "ACCEPTED")
    assert (await becomes(two.emsp, ours, "CONCLUDED"))["result"]["outcome"] == "ACCEPTED"
    for player, workflow_id in (
        (two.emsp, ids.command(AT_EMSP, ours)),
        (two.cpo, ids.command(AT_CPO, order["id"])),
    ):
        handle = player.built.client.get_workflow_handle(workflow_id, result_type=str)
        assert await handle.result() == "ACCEPTED"


async def test_steering_a_session(two: Pair) -> None:
    if early(two):
        pytest.skip("smart charging came later")
    name = await charging(two, "C-STEER")
    place = {"connection": AT_EMSP}
    setting = await ask(two.emsp, "PUT", f"/sessions/{name}/charging-profile", PROFILE, **place)
    order = await waiting(two, "SET_CHARGING_PROFILE")
    assert order["command"]["profile"]["periods"][1]["limit"] == "10.5"
    await conclude(two, order["id"], "ACCEPTED")
    await becomes(two.emsp, setting["id"], "CONCLUDED")

    await ask(two.cpo, "PUT", f"/sessions/{name}/active-charging-profile", ACTIVE)

    async def pushed() -> Any:
        url = f"{two.emsp.built.settings.public_url}/contract/v1/sessions/{name}/active-charging-profile"
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {two.emsp.api_key}"}) as client:
            answer = await client.get(url, params=place)
        return answer.json() if answer.is_success else None

    assert (await until("the active profile at the provider", pushed))["profile"]["periods"][0]["limit"] == "11000"

    asking = await ask(
        two.emsp, "POST", f"/sessions/{name}/active-charging-profile/requests", duration_s="900", **place
    )
    order = await waiting(two, "GET_ACTIVE_CHARGING_PROFILE")
    assert order["command"]["duration_s"] == 900
    await conclude(two, order["id"], "ACCEPTED", profile=ACTIVE)
    done = await becomes(two.emsp, asking["id"], "CONCLUDED")
    assert done["result"]["profile"]["start"] == ACTIVE["start"]

    clearing = await ask(two.emsp, "DELETE", f"/sessions/{name}/charging-profile", **place)
    order = await waiting(two, "CLEAR_CHARGING_PROFILE")
    await conclude(two, order["id"], "UNKNOWN")
    assert (await becomes(two.emsp, clearing["id"], "CONCLUDED"))["result"]["outcome"] == "UNKNOWN"


async def test_what_a_driver_wishes_for(two: Pair) -> None:
    if early(two):
        pytest.skip("smart charging came later")
    name = await charging(two, "C-WISH")
    path, place = f"/sessions/{name}/charging-preferences", {"connection": AT_EMSP}
    for wish, answer in (
        ({"profile_type": "CHEAP"}, "DEPARTURE_REQUIRED"),
        ({"profile_type": "CHEAP", "departure": "2099-01-01T00:00:00Z", "energy_need_kwh": "20"}, "ACCEPTED"),
    ):
        assert (await ask(two.emsp, "PUT", path, wish, **place))["answer"] == answer
    assert (await ask(two.cpo, "GET", path))["preferences"]["energy_need_kwh"] == "20"
    assert (await ask(two.emsp, "GET", path, **place))["answer"] == "ACCEPTED"
