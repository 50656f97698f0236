"""Where a session stands, as the operator's own systems see it."""

import pytest

from canonical.identity import ObjectId
from canonical.store import CdrState
from tests.api.documents import session
from tests.api.partner import NOW, Deployment, Partner
from tests.api.test_contract import ready, start
from tests.api.test_modules import ok
from tests.store.samples import cdr, dossier


async def standing(roam: Deployment, session_id: str = "S1", **query: str) -> dict:
    answer = await roam.contract("GET", f"/sessions/{session_id}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == session_id
    return answer.json()["standing"]


def told(state: str, cdr_id: str | None = None, reason: str | None = None, *, attention: bool = False) -> dict:
    return {"state": state, "cdr": cdr_id, "reason": reason, "attention": attention}


async def test_one_of_ours_from_its_start_to_its_delivered_cdr(provider: Partner) -> None:
    roam = await ready(provider)
    await roam.contract("POST", "/sessions", json=start())
    assert await standing(roam) == told("ACTIVE")
    await roam.contract("POST", "/sessions/S1/stop", json={"at": "2026-03-28T12:00:00Z", "energy_kwh": "20.2"})
    assert await standing(roam) == told("ENDED")

    record = dossier(cdr("CDR-1"))
    async with roam.store.transaction() as unit:
        await unit.cdrs.add(record, connection_id="provider", ours=True, evidence_id=None)
        await unit.sessions.conclude(ObjectId.parse("DE*RCO/S1"), cdr=record.cdr.object_id)
    assert await standing(roam) == told("BILLED", "CDR-1")
    for state, word, attention in (
        (CdrState.UNDELIVERABLE, "BILLED", True),
        (CdrState.DELIVERED, "CLOSED", False),
    ):
        async with roam.store.transaction() as unit:
            await unit.cdrs.note(
                record.cdr.object_id, connection_id="provider", ours=True, state=state, text="", at=NOW
            )
        assert await standing(roam) == told(word, "CDR-1", attention=attention)


async def test_one_of_ours_that_becomes_no_cdr(provider: Partner) -> None:
    roam = await ready(provider)
    await roam.contract("POST", "/sessions", json=start())
    name = ObjectId.parse("DE*RCO/S1")
    async with roam.store.transaction() as unit:
        await unit.session_watch.note(name, source="", at=NOW, attention=True)
    assert await standing(roam) == told("ACTIVE", attention=True)
    async with roam.store.transaction() as unit:
        await unit.sessions.conclude(name, cdr=None, reason="the tariff asks nothing for it")
        await unit.session_watch.note(name, source="", at=NOW, attention=False)
    assert await standing(roam) == told("NOT_BILLED", reason="the tariff asks nothing for it")


@pytest.mark.parametrize(
    ("verdict", "word"), [(CdrState.ACCEPTED, "CLOSED"), (CdrState.QUARANTINED, "QUARANTINED"), (None, "BILLED")]
)
async def test_one_of_a_partner(operator: Partner, verdict: CdrState | None, word: str) -> None:
    roam = operator.deployment
    ok(await operator.request("PUT", "/receiver/sessions/BE/BEC/S1", json=session(status="RESERVATION")), 201)
    assert await standing(roam, connection="operator") == told("RESERVED")
    owner = ObjectId.parse("BE*BEC/S1").owner
    record = dossier(cdr("C1").model_copy(update={"owner": owner}))
    async with roam.store.transaction() as unit:
        await unit.cdrs.add(record, connection_id="operator", ours=False, evidence_id=None)
        if verdict is not None:
            name = record.cdr.object_id
            await unit.cdrs.note(name, connection_id="operator", ours=False, state=verdict, text="", at=NOW)
    assert await standing(roam, connection="operator") == told(word, "C1", attention=word == "QUARANTINED")
