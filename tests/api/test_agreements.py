"""What is agreed with a partner through the contract API, and that a session is priced under it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from canonical.session import Session
from canonical.store import Store
from settlement.agreement import STANDARD
from tests.api.partner import NOW, Deployment, Partner, deployment
from tests.api.test_contract import problem, ready, start

TERMS = {"name": "mobility-2026", "money_tolerance": 0.02, "unproved_energy": "QUARANTINED", "latest": "P30D"}
SUBSCRIPTION = {"name": "ten-off", "percent": "10", "components": ["ENERGY"], "reference": "SUB-7"}


async def agree(roam: Deployment, status: int = 200, **changes: object) -> httpx.Response:
    order = {"terms": TERMS, "agreed_by": "Erika Muster", **changes}
    answer = await roam.contract("PUT", "/partners/provider/agreement", json=order)
    assert answer.status_code == status, answer.text
    return answer


async def test_where_nothing_is_agreed_the_terms_of_the_deployment_hold(provider: Partner) -> None:
    shown = (await provider.deployment.contract("GET", "/partners/provider/agreement")).json()
    assert shown["in_force"]["ref"] == STANDARD.ref
    assert (shown["in_force"]["valid_from"], shown["all"]) == (None, [])


async def test_an_agreement_holds_from_its_moment_on_and_stays(provider: Partner) -> None:
    roam = provider.deployment
    first = (await agree(roam)).json()
    assert first["terms"]["money_tolerance"] == "0.02"
    assert first["agreed_by"] == "Erika Muster"
    later = (NOW + timedelta(days=9)).isoformat()
    second = (await agree(roam, terms={**TERMS, "latest": None}, valid_from=later)).json()
    assert second["ref"] != first["ref"]
    now = (await roam.contract("GET", "/partners/provider/agreement")).json()
    then = (await roam.contract("GET", "/partners/provider/agreement", params={"at": later})).json()
    before = (NOW - timedelta(days=1)).isoformat()
    past = (await roam.contract("GET", "/partners/provider/agreement", params={"at": before})).json()
    assert [view["in_force"]["ref"] for view in (now, then, past)] == [first["ref"], second["ref"], STANDARD.ref]
    assert [each["ref"] for each in now["all"]] == [second["ref"], first["ref"]]


async def test_a_repeat_finds_it_and_other_terms_of_the_same_moment_are_a_conflict(provider: Partner) -> None:
    roam = provider.deployment
    later = (NOW + timedelta(days=9)).isoformat()
    assert (await agree(roam, valid_from=later)).json() == (await agree(roam, valid_from=later)).json()
    assert (await agree(roam)).json() == (await agree(roam)).json()
    refused = await agree(roam, 409, terms={**TERMS, "name": "other"}, valid_from=later)
    assert [error["field"] for error in problem(refused, 409, "conflict")["errors"]] == ["valid_from"]
    assert len((await roam.contract("GET", "/partners/provider/agreement")).json()["all"]) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"valid_from": (NOW - timedelta(seconds=1)).isoformat()}, "valid_from"),
        ({"terms": {**TERMS, "money_tolerance": "-1"}}, "terms.money_tolerance"),
        ({"terms": {**TERMS, "pricing": {"name": "p", "decimals": 99}}}, "terms.pricing.decimals"),
        ({"terms": {**TERMS, "discounts": [{"name": "d", "percent": 101}]}}, "terms.discounts.0.percent"),
        ({"terms": {**TERMS, "tolerance": "0.02"}}, "terms.tolerance"),
        ({"agreed_by": ""}, "agreed_by"),
    ],
)
async def test_what_cannot_be_agreed_is_named(provider: Partner, changes: dict[str, object], field: str) -> None:
    refused = problem(await agree(provider.deployment, 422, **changes), 422, "invalid-input")
    assert field in [error["field"] for error in refused["errors"]]


async def test_an_unknown_partner(roam: Deployment) -> None:
    problem(await roam.contract("GET", "/partners/nobody/agreement"), 404, "unknown-object")
    order = {"terms": TERMS, "agreed_by": "Erika Muster"}
    problem(await roam.contract("PUT", "/partners/nobody/agreement", json=order), 404, "unknown-object")


async def cost_at_one(roam: Deployment, session: dict[str, object]) -> Decimal | None:
    """What an hour costs in which 10.1 kWh flow, at 0.50 a kWh."""
    began = await roam.contract("POST", "/sessions", json=session)
    assert began.status_code == 201, began.text
    reading = {"at": "2026-03-28T13:00:00Z", "energy_kwh": "10.1", "state": "CHARGING"}
    answer = await roam.contract("POST", f"/sessions/{session['id']}/readings", json=reading)
    cost = Session.model_validate_json(answer.content).total_cost
    return cost.before_tax if cost else None


async def test_discounts_are_sealed_with_the_session_and_count_while_it_runs(provider: Partner) -> None:
    roam = await ready(provider)
    begun = start(start="2026-03-28T12:00:00Z", discounts=[SUBSCRIPTION])
    # 5.05, less 0.505: rounded by the policy.
    assert await cost_at_one(roam, begun) in (Decimal("4.54"), Decimal("4.55"))
    async with roam.store.transaction() as unit:
        (session,) = await unit.sessions.active()
        context = await unit.sessions.context(session.object_id)
    assert context is not None
    assert [(d.name, d.percent, d.reference) for d in context.discounts] == [("ten-off", Decimal(10), "SUB-7")]
    many = start(id="S2", discounts=[SUBSCRIPTION] * 17)
    refused = problem(await roam.contract("POST", "/sessions", json=many), 422, "invalid-input")
    assert refused["errors"][0]["field"] == "discounts"


async def test_a_running_session_is_priced_under_the_agreement_that_held_when_it_began(
    provider: Partner, store: Store
) -> None:
    roam = await ready(provider)
    async with deployment(store) as later:
        later.services = replace(roam.services, clock=lambda: NOW + timedelta(minutes=30))
        whole = {**TERMS, "pricing": {"name": "whole", "decimals": 0}}
        await agree(roam, terms=whole, valid_from=(NOW + timedelta(minutes=10)).isoformat())
    assert await cost_at_one(roam, start(start="2026-03-28T12:00:00Z")) == Decimal("5.05")
    assert await cost_at_one(roam, start(id="S2", start="2026-03-28T12:20:00Z")) == Decimal(5)


async def test_what_is_agreed_about_money_needs_a_key_for_money(provider: Partner) -> None:
    roam = provider.deployment
    order = {"terms": TERMS, "agreed_by": "Erika Muster"}
    told = []
    for scope in ("partners:write", "finance:write"):
        made = (await roam.contract("POST", "/keys", json={"name": "a key", "scopes": [scope]})).json()
        headers = {"Authorization": f"Bearer {made['secret']}"}
        answer = await roam.http.put("/contract/v1/partners/provider/agreement", json=order, headers=headers)
        told.append(answer.status_code)
    assert told == [403, 200]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_moment_that_is_in_no_calendar_is_named(provider: Partner, moment: str) -> None:
    refused = problem(await agree(provider.deployment, 422, valid_from=moment), 422, "invalid-input")
    assert [error["field"] for error in refused["errors"]] == ["valid_from"]
    asked = await provider.deployment.contract("GET", "/partners/provider/agreement", params={"at": moment})
    assert [error["field"] for error in problem(asked, 422, "invalid-input")["errors"]] == ["at"]
