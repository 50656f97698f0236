"""Taking a CDR of ours back through the contract API."""

import asyncio

import httpx
import pytest

from canonical.cdr import Cdr
from canonical.store import CdrReceipt, CdrState, DeliveryState
from tests.api.partner import NOW, Deployment, Partner
from tests.api.test_contract import problem
from tests.store.samples import CPO, cdr, dossier, of


async def delivered(provider: Partner, *, outcome: str = "ACCEPTED", version: str = "2.2.1") -> Deployment:
    """A deployment with one CDR, which its partner has answered."""
    roam = provider.deployment
    assert roam.services.our_party == CPO
    accepted = CdrReceipt(201, 1000, None, version, outcome, (), proved=False, at=NOW)
    async with roam.store.transaction() as unit:
        await unit.cdrs.add(dossier(), connection_id="provider", ours=True, evidence_id=None)
        if outcome:
            await unit.cdr_deliveries.add_receipt(of("C1"), "provider", accepted)
        if version != "2.2.1":
            changed = {"adapter": f"ocpi-{version}/standard", "version": version}
            await unit.connections.save(provider.connection.model_copy(update=changed))
    return roam


async def credited(roam: Deployment, cdr_id: str = "C1", key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await roam.contract("POST", f"/cdrs/{cdr_id}/credit", json={"reason": "wrong car"}, headers=headers)


async def count(roam: Deployment) -> int:
    return len((await roam.contract("GET", "/cdrs")).json()["items"])


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
async def test_a_cdr_is_credited_delivered_and_both_say_why(provider: Partner, version: str) -> None:
    roam = await delivered(provider, version=version)
    answer = await credited(roam)
    assert answer.status_code == 201, answer.text
    credit = Cdr.model_validate(answer.json()["cdr"])
    assert (credit.id, credit.credit, credit.credit_reference_id) == ("C1-C", True, "C1")
    assert credit.total_cost.before_tax == -cdr().total_cost.before_tax
    assert roam.signals.of("cdr_issued") == [("DE*RCO/C1-C", "provider")]
    shown = (await roam.contract("GET", "/cdrs/C1-C")).json()
    assert [event["text"] for event in shown["events"]] == ["generated", "credit of C1: wrong car"]
    assert shown["state"] == CdrState.GENERATED
    original = (await roam.contract("GET", "/cdrs/C1")).json()
    assert original["state"] == CdrState.CREDITED
    assert original["events"][-1]["text"] == "credited by C1-C: wrong car"
    assert original["dossier"]["cdr"] == cdr().model_dump(mode="json")


async def test_a_cdr_is_credited_once(provider: Partner) -> None:
    roam = await delivered(provider)
    answers = await asyncio.gather(*(credited(roam) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert "credited already, by C1-C" in problem(await credited(roam), 409, "conflict")["detail"]
    assert await count(roam) == 2


async def test_a_repeat_with_its_key_gets_the_same_credit(provider: Partner) -> None:
    roam = await delivered(provider)
    first, second = await credited(roam, key="once"), await credited(roam, key="once")
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert await count(roam) == 2


async def test_a_credit_is_not_credited(provider: Partner) -> None:
    roam = await delivered(provider)
    await credited(roam)
    assert "is a credit itself" in problem(await credited(roam, "C1-C"), 409, "conflict")["detail"]


async def test_what_the_partner_may_hold_is_taken_back_when_that_is_known(provider: Partner) -> None:
    roam = await delivered(provider, outcome="")
    async with roam.store.transaction() as unit:
        await unit.undelivered.stands(of("C1"), "provider", DeliveryState.RETRYING, "no answer", NOW, in_doubt=True)
    assert "is about to find out" in problem(await credited(roam), 409, "not-now")["detail"]


@pytest.mark.parametrize("outcome", ["", "REFUSED"])
async def test_what_the_partner_does_not_hold_is_not_taken_back(provider: Partner, outcome: str) -> None:
    roam = await delivered(provider, outcome=outcome)
    assert "the partner does not hold it" in problem(await credited(roam), 409, "conflict")["detail"]
    assert await count(roam) == 1


async def test_a_version_without_credits_is_told_the_way_out_before_anything_is_stored(provider: Partner) -> None:
    roam = await delivered(provider, version="2.1.1")
    refused = problem(await credited(roam), 409, "conflict")
    assert "no credit CDRs" in refused["detail"]
    assert "nothing was stored" in refused["detail"]
    assert "statement" in refused["detail"]
    assert await count(roam) == 1
    assert (await roam.contract("GET", "/cdrs/C1")).json()["state"] == CdrState.GENERATED
    assert roam.signals.of("cdr_issued") == []


async def test_only_our_own_cdrs_are_credited(operator: Partner) -> None:
    roam = operator.deployment
    async with roam.store.transaction() as unit:
        await unit.cdrs.add(dossier(), connection_id="operator", ours=False, evidence_id=None)
    problem(await credited(roam), 404, "unknown-object")
    no_reason = await roam.contract("POST", "/cdrs/C1/credit", json={"reason": ""})
    assert problem(no_reason, 422, "invalid-input")["errors"][0]["field"] == "reason"


async def test_a_cdr_and_its_credit_are_found_by_the_operators_own_key(provider: Partner) -> None:
    roam = provider.deployment
    keyed = dossier().model_copy(
        update={"handles": dossier().handles.model_copy(update={"billing_record": "2026/4711"})}
    )
    accepted = CdrReceipt(201, 1000, None, "2.2.1", "PROVED", (), proved=True, at=NOW)
    async with roam.store.transaction() as unit:
        await unit.cdrs.add(keyed, connection_id="provider", ours=True, evidence_id=None)
        await unit.cdr_deliveries.add_receipt(of("C1"), "provider", accepted)
    await credited(roam)
    found = (await roam.contract("GET", "/cdrs", params={"billing_record": "2026/4711"})).json()["items"]
    assert [view["cdr"]["id"] for view in found] == ["C1", "C1-C"]
    assert (await roam.contract("GET", "/cdrs", params={"billing_record": "2026"})).json()["items"] == []
