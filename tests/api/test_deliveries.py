"""CDRs on their way, and what a person decides about them, through the contract API."""

import httpx
import pytest

from canonical.cdr import CdrDossier
from canonical.store import CdrReceipt, CdrState, DeliveryState
from tests.api.partner import NOW, Deployment, Partner
from tests.api.test_contract import problem
from tests.store.samples import cdr, dossier, of


async def issued(provider: Partner, *ids: str) -> Deployment:
    roam = provider.deployment
    async with roam.store.transaction() as unit:
        for id_ in ids:
            await unit.cdrs.add(_of_session(id_), connection_id="provider", ours=True, evidence_id=None)
    return roam


def _of_session(id_: str) -> CdrDossier:
    made = dossier(cdr(id_, session_id=f"S-{id_}"))
    return made.model_copy(update={"handles": made.handles.model_copy(update={"session_id": f"S-{id_}"})})


async def stands(roam: Deployment, id_: str, state: DeliveryState, reason: str = "", *, in_doubt: bool = False) -> None:
    async with roam.store.transaction() as unit:
        await unit.undelivered.stands(of(id_), "provider", state, reason, NOW, in_doubt=in_doubt)


async def decide(roam: Deployment, id_: str, what: str, **more: object) -> httpx.Response:
    order = {"reason": "agreed by phone", **more}
    return await roam.contract("POST", f"/deliveries/provider/{id_}/{what}", json=order)


async def test_they_are_listed_with_reason_and_next_action(provider: Partner) -> None:
    roam = await issued(provider, "C1", "C2", "C3")
    await stands(roam, "C2", DeliveryState.PARKED, "Provider refused it: HTTP 400, OCPI 2001: no total")
    first = (await roam.contract("GET", "/deliveries?limit=2")).json()
    assert [(each["cdr"], each["state"]) for each in first["items"]] == [("C1", "SENDING"), ("C2", "PARKED")]
    rest = (await roam.contract("GET", f"/deliveries?limit=2&after={first['next']}")).json()
    assert ([each["cdr"] for each in rest["items"]], rest["next"]) == (["C3"], None)
    (parked,) = (await roam.contract("GET", "/deliveries?connection=provider&state=PARKED")).json()["items"]
    assert parked["reason"] == "Provider refused it: HTTP 400, OCPI 2001: no total"
    assert "release" in parked["next_action"]
    assert (await roam.contract("GET", "/deliveries?connection=nobody")).status_code == 404
    assert (await roam.contract("GET", "/deliveries?state=LOST")).status_code == 422


async def test_one_that_was_put_aside_is_released(provider: Partner) -> None:
    roam = await issued(provider, "C1")
    await stands(roam, "C1", DeliveryState.PARKED, "refused")
    decided = (await decide(roam, "C1", "release")).json()
    assert (decided["delivery"]["state"], decided["delivery"]["reason"]) == ("SENDING", "released: agreed by phone")
    assert roam.signals.of("delivery_released") == [(of("C1").key, "provider")]
    dossier_ = (await roam.contract("GET", "/cdrs/C1")).json()
    assert dossier_["events"][-1]["text"] == "released: agreed by phone"


async def test_what_nobody_could_be_told_of_holds_all_the_same(provider: Partner) -> None:
    roam = await issued(provider, "C1")
    roam.signals.deaf = True
    decided = (await decide(roam, "C1", "abandon")).json()
    assert (decided["state"], decided["delivery"]) == (CdrState.ABANDONED, None)
    assert (await roam.contract("GET", "/deliveries")).json()["items"] == []
    for what in ("release", "abandon", "correct"):
        assert problem(await decide(roam, "C1", what), 409, "conflict")["detail"] == (
            "CDR C1 is ABANDONED: it is not being delivered"
        )


async def test_one_that_the_partner_may_take_any_moment_is_not_corrected(provider: Partner) -> None:
    roam = await issued(provider, "C1")
    assert "any moment" in problem(await decide(roam, "C1", "correct"), 409, "conflict")["detail"]
    await stands(roam, "C1", DeliveryState.PARKED, "not known", in_doubt=True)
    assert "ask it" in problem(await decide(roam, "C1", "correct"), 409, "conflict")["detail"]
    decided = (await decide(roam, "C1", "correct", partner_holds_nothing=True)).json()
    assert decided["delivery"]["state"] == "CORRECTING"
    assert roam.signals.of("delivery_due") == [(of("C1").key, "provider")]


@pytest.mark.parametrize(("state", "status"), [(CdrState.DELIVERED, 409), (CdrState.CREDITED, 200)])
async def test_one_that_the_partner_holds_is_corrected_when_it_was_credited(
    provider: Partner, state: CdrState, status: int
) -> None:
    roam = await issued(provider, "C1")
    async with roam.store.transaction() as unit:
        receipt = CdrReceipt(201, 1000, None, "2.2.1", "ACCEPTED", (), proved=False, at=NOW)
        await unit.cdr_deliveries.add_receipt(of("C1"), "provider", receipt)
        await unit.cdrs.note(of("C1"), connection_id="provider", ours=True, state=state, text="so", at=NOW)
        await unit.undelivered.end(of("C1"), "provider")
    assert (await decide(roam, "C1", "correct")).status_code == status


async def test_unknown_ones_are_not_found(provider: Partner) -> None:
    roam = await issued(provider, "C1")
    assert (await decide(roam, "C9", "release")).status_code == 404
    assert (await roam.contract("POST", "/deliveries/nobody/C1/release", json={"reason": "x"})).status_code == 404
