"""Handshakes by hand: what a person sees, what can be done, and how long an invitation is good."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from adapters.contract import Module
from api.app import create
from api.services import Intervention
from tests.api.partner import ADAPTER, Deployment, Partner
from tests.api.test_contract import problem

INVITATION = {"id": "mobility", "name": "Mobility Ltd", "sides": ["CPO"], "mode": "invite"}
REGISTRATION = {
    "id": "charging",
    "name": "Charging AG",
    "sides": ["EMSP"],
    "mode": "register",
    "versions_url": "https://charging.example/versions",
    "token": "handed-out",
}


async def invited(roam: Deployment) -> str:
    return str((await roam.contract("POST", "/connections", json=INVITATION)).json()["registration_token"])


async def versions(roam: Deployment, token: str, **changed: object) -> httpx.Response:
    """What a partner is answered by a deployment with changed services."""
    transport = httpx.ASGITransport(create(replace(roam.services, **changed)), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        return await http.get(f"/ocpi/{Module.VERSIONS}", headers={"Authorization": ADAPTER.encode_token(token)})


async def test_an_invitation_expires_and_can_be_issued_again(roam: Deployment) -> None:
    token = await invited(roam)
    seen = (await roam.contract("GET", "/connections/mobility/handshake")).json()
    assert seen["process"] is None
    assert seen["tokens"]["invitation_expired"] is False
    assert "the partner registers with the token" in seen["next_action"]

    over = {"registration_token_life": timedelta(days=-10_000)}
    assert (await versions(roam, token)).status_code == 200
    refused = await versions(roam, token, **over)
    assert refused.status_code == 401
    assert "expired" in refused.json()["status_message"]

    again = (await roam.contract("POST", "/connections/mobility/handshake/invitation")).json()
    assert again["registration_token"] != token
    assert (await versions(roam, again["registration_token"])).status_code == 200
    assert (await versions(roam, token)).status_code == 401


async def test_that_an_invitation_has_expired_is_said(roam: Deployment) -> None:
    await invited(roam)
    late = replace(roam.services, registration_token_life=timedelta(days=-10_000))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create(late)), base_url="http://here") as http:
        headers = {"Authorization": "Bearer another-key"}
        seen = (await http.get("/contract/v1/connections/mobility/handshake", headers=headers)).json()
    assert seen["tokens"]["invitation_expired"] is True
    assert "has expired: issue a new one" in seen["next_action"]


async def test_a_connected_partner_is_not_invited(roam: Deployment, provider: Partner) -> None:
    problem(await roam.contract("POST", "/connections/provider/handshake/invitation"), 409, "conflict")


@pytest.mark.parametrize(
    ("path", "how"),
    [("retry", Intervention.RETRY), ("skip-canary", Intervention.SKIP_CANARY), ("give-up", Intervention.GIVE_UP)],
)
async def test_what_a_person_decides_is_passed_on(roam: Deployment, path: str, how: Intervention) -> None:
    await invited(roam)
    answer = await roam.contract("POST", f"/connections/mobility/handshake/{path}")
    assert (answer.status_code, answer.json()["action"]) == (202, how.value.replace("_", "-"))
    assert roam.signals.of("intervene") == [("mobility", how)]
    roam.signals.deaf = True
    problem(await roam.contract("POST", f"/connections/mobility/handshake/{path}"), 409, "not-now")


async def test_a_token_by_hand_is_the_one_to_call_with(roam: Deployment) -> None:
    await roam.contract("POST", "/connections", json=REGISTRATION)
    path = "/connections/charging/handshake/token"
    answer = await roam.contract("POST", path, json={"token": "by-another-way"})
    assert answer.status_code == 202
    assert "by-another-way" not in answer.text
    assert roam.signals.of("intervene") == [("charging", Intervention.USE_TOKEN)]
    assert roam.signals.of("nudge") == [("charging",)]
    async with roam.services.store.transaction() as unit:
        assert (await unit.access.outbound("charging")).get_secret_value() == "by-another-way"


async def test_a_token_that_nobody_waits_for_is_not_kept(roam: Deployment) -> None:
    await roam.contract("POST", "/connections", json=REGISTRATION)
    roam.signals.deaf = True
    path = "/connections/charging/handshake/token"
    problem(await roam.contract("POST", path, json={"token": "by-another-way"}), 409, "not-now")
    problem(await roam.contract("POST", path, json={"token": "x" * 65}), 422, "invalid-input")
    async with roam.services.store.transaction() as unit:
        assert (await unit.access.outbound("charging")).get_secret_value() == "handed-out"


async def test_who_waits_for_the_partners_first_call_is_told_of_it(roam: Deployment, provider: Partner) -> None:
    for _ in range(2):
        assert (await provider.request("GET", "/sender/credentials")).status_code == 200
    assert roam.signals.of("partner_called") == [("provider",)]
    seen = (await roam.contract("GET", "/connections/provider/handshake")).json()
    assert seen["tokens"]["proved_at"] is not None
    assert seen["next_action"] == "nothing to do"
