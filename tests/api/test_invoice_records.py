"""Which CDRs an invoice is for, over HTTP: the partner's records to us, and ours to the partner."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest_asyncio

from adapters.registry import build_registry
from canonical.identity import PartyId
from canonical.partner import Endpoint, Side
from canonical.store import CdrState, OutboxAction
from tests.api.partner import US, Deployment, Partner, connect
from tests.store.samples import cdr, dossier

AT = "/ocpi/2.3.0/receiver/invoicereconciliation"
LIST = "/ocpi/2.3.0/sender/invoicereconciliation"
GIVEN = {"invoice_id": "RCO-2026-1", "cdr_ids": ["C1", "C2"]}
OPERATOR = PartyId(country_code="BE", party_id="BEC")


def record(**changed: object) -> dict[str, object]:
    return {
        "country_code": "BE",
        "party_id": "BEC",
        "id": "R1",
        "invoice_id": "BEC-2026-1",
        "cdrs": ["C1", "C2"],
        "last_updated": "2026-03-28T10:00:00Z",
        **changed,
    }


@dataclass
class Newer:
    """A partner that speaks OCPI 2.3.0."""

    partner: Partner

    async def request(self, method: str, path: str, **more: object) -> httpx.Response:
        adapter = build_registry(None).by_key("ocpi-2.3.0/standard")
        sent = {
            "Authorization": adapter.encode_token(self.partner.token),
            "OCPI-from-country-code": self.partner.party.country_code,
            "OCPI-from-party-id": self.partner.party.party_id,
            "OCPI-to-country-code": US.country_code,
            "OCPI-to-party-id": US.party_id,
        }
        return await self.partner.deployment.http.request(method, path, headers=sent, **more)

    async def cases(self) -> list[str]:
        async with self.partner.deployment.store.transaction() as unit:
            return [case.text for case in await unit.cases.list()]


async def newer(partner: Partner) -> Newer:
    receiver = Endpoint(module="invoicereconciliation", interface="RECEIVER", url="https://partner.example/inv")
    changed = {"adapter": "ocpi-2.3.0/standard", "version": "2.3.0", "endpoints": (receiver,)}
    async with partner.deployment.store.transaction() as unit:
        await unit.connections.save(partner.connection.model_copy(update=changed))
    return Newer(partner)


@pytest_asyncio.fixture
async def operator(roam: Deployment) -> Newer:
    return await newer(await connect(roam, Side.EMSP, ("BE*BEC",), connection_id="operator"))


@pytest_asyncio.fixture
async def provider(roam: Deployment) -> AsyncIterator[Newer]:
    """A provider to whom we have sent the CDRs C1 and C2."""
    built = await newer(await connect(roam, Side.CPO, ("NL*REM",), connection_id="provider"))
    async with roam.store.transaction() as unit:
        for id_ in ("C1", "C2"):
            given = dossier(cdr().model_copy(update={"id": id_, "owner": US}))
            await unit.cdrs.add(given, connection_id="provider", ours=True, evidence_id=None)
    yield built


class TestReceived:
    async def test_posted_read_replaced_and_deleted(self, operator: Newer) -> None:
        assert (await operator.request("POST", AT, json=record())).status_code == 201
        assert (await operator.request("POST", AT, json=record())).status_code == 200
        later = record(cdrs=["C1"], last_updated="2026-03-28T11:00:00Z")
        assert (await operator.request("PUT", f"{AT}/BE/BEC/R1", json=later)).status_code == 200
        answer = await operator.request("GET", f"{AT}/BE/BEC/R1")
        assert answer.json()["data"] == later
        assert (await operator.request("DELETE", f"{AT}/BE/BEC/R1")).json()["status_code"] == 1000
        assert (await operator.request("GET", f"{AT}/BE/BEC/R1")).status_code == 404
        assert (await operator.request("DELETE", f"{AT}/BE/BEC/R1")).status_code == 404

    async def test_an_older_state_does_not_replace_a_newer_one(self, operator: Newer) -> None:
        await operator.request("PUT", f"{AT}/BE/BEC/R1", json=record())
        older = record(cdrs=["C9"], last_updated="2026-03-28T09:00:00Z")
        assert (await operator.request("PUT", f"{AT}/BE/BEC/R1", json=older)).status_code == 200
        assert (await operator.request("GET", f"{AT}/BE/BEC/R1")).json()["data"]["cdrs"] == ["C1", "C2"]

    async def test_cdrs_that_we_do_not_hold_are_one_case(self, operator: Newer) -> None:
        async with operator.partner.deployment.store.transaction() as unit:
            held = dossier().model_copy(update={"cdr": cdr().model_copy(update={"id": "C1", "owner": OPERATOR})})
            await unit.cdrs.add(held, connection_id="operator", ours=False, evidence_id=None)
        for _ in range(2):
            await operator.request("PUT", f"{AT}/BE/BEC/R1", json=record())
        (text,) = await operator.cases()
        assert text.endswith("of which we do not hold C2.")

    async def test_nobody_writes_records_for_somebody_else(self, operator: Newer) -> None:
        foreign = record(country_code="NL", party_id="XXX")
        assert (await operator.request("POST", AT, json=foreign)).json()["status_code"] >= 2000
        assert (await operator.request("PUT", f"{AT}/NL/XXX/R1", json=foreign)).status_code == 404
        assert (await operator.request("PUT", f"{AT}/BE/BEC/R2", json=record())).json()["status_code"] == 2001
        assert (await operator.request("GET", f"{AT}/BE/BEC/R1")).status_code == 404

    async def test_our_systems_read_it(self, operator: Newer, roam: Deployment) -> None:
        await operator.request("POST", AT, json=record())
        where = {"connection": "operator", "received": "true"}
        one = await roam.contract("GET", "/invoice-records/R1", params=where)
        assert one.json()["cdr_ids"] == ["C1", "C2"]
        listed = await roam.contract("GET", "/invoice-records", params=where)
        assert [found["id"] for found in listed.json()["items"]] == ["R1"]
        ours = await roam.contract("GET", "/invoice-records", params={"connection": "operator"})
        assert ours.json()["items"] == []


class TestOurs:
    async def put(self, roam: Deployment, id_: str = "R1", **changed: object) -> httpx.Response:
        given = {**GIVEN, **changed}
        return await roam.contract("PUT", f"/invoice-records/{id_}", params={"connection": "provider"}, json=given)

    async def outbox(self, roam: Deployment) -> list[tuple[str, OutboxAction]]:
        async with roam.store.transaction() as unit:
            return [(entry.object_key, entry.action) for entry in await unit.outbox.pending("provider", 10)]

    async def test_what_a_hub_is_invoiced_is_told_to_nobody_behind_it(self, provider: Newer, roam: Deployment) -> None:
        await self.put(roam)
        hub = PartyId(country_code="DE", party_id="HUB")
        async with roam.store.transaction() as unit:
            connection = await unit.connections.get("provider")
            await unit.connections.save(connection.model_copy(update={"hub": hub}))
        behind = await provider.request("GET", LIST)
        assert (behind.json()["data"], behind.headers["X-Total-Count"]) == ([], "0")
        provider.partner.party = hub
        assert [found["id"] for found in (await provider.request("GET", LIST)).json()["data"]] == ["R1"]

    async def test_a_record_is_listed_to_the_partner_and_told(self, provider: Newer, roam: Deployment) -> None:
        answer = await self.put(roam)
        assert answer.status_code == 200, answer.text
        listed = await provider.request("GET", LIST)
        (found,) = listed.json()["data"]
        assert (found["id"], found["invoice_id"], found["cdrs"]) == ("R1", "RCO-2026-1", ["C1", "C2"])
        assert listed.headers["X-Total-Count"] == "1"
        assert await self.outbox(roam) == [("DE*RCO/R1", OutboxAction.PUT)]
        assert roam.signals.of("feed") == [("provider",)]

    async def test_pages(self, provider: Newer, roam: Deployment) -> None:
        for number in range(3):
            await self.put(roam, f"R{number}")
        first = await provider.request("GET", LIST, params={"limit": "2"})
        assert [found["id"] for found in first.json()["data"]] == ["R0", "R1"]
        query = first.headers["Link"].partition("?")[2].partition(">")[0]
        second = await provider.request("GET", f"{LIST}?{query}")
        assert [found["id"] for found in second.json()["data"]] == ["R2"]
        assert "Link" not in second.headers
        one = await roam.contract("GET", "/invoice-records", params={"connection": "provider", "limit": "2"})
        after = {"connection": "provider", "limit": "2", "after": one.json()["next"]}
        rest = await roam.contract("GET", "/invoice-records", params=after)
        assert [found["id"] for found in rest.json()["items"]] == ["R2"]

    async def test_a_record_of_cdrs_that_are_not_ours_is_refused(self, provider: Newer, roam: Deployment) -> None:
        answer = await self.put(roam, cdr_ids=["C1", "C7"])
        assert answer.status_code == 422
        assert "C7" in answer.text
        assert await self.outbox(roam) == []

    async def test_a_withdrawn_record_is_on_no_list_and_the_partner_is_told(
        self, provider: Newer, roam: Deployment
    ) -> None:
        await self.put(roam)
        answer = await roam.contract("DELETE", "/invoice-records/R1", params={"connection": "provider"})
        assert answer.status_code == 200
        assert (await provider.request("GET", LIST)).json()["data"] == []
        assert (await self.outbox(roam))[-1] == ("DE*RCO/R1", OutboxAction.DELETE)
        again = await roam.contract("DELETE", "/invoice-records/R1", params={"connection": "provider"})
        assert again.status_code == 404

    async def test_the_cdrs_keep_their_state(self, provider: Newer, roam: Deployment) -> None:
        await self.put(roam)
        async with roam.store.transaction() as unit:
            stored = await unit.cdrs.get(cdr().object_id, connection_id="provider", ours=True)
        assert stored is None or stored.state is CdrState.GENERATED


class TestPushEverything:
    async def test_everything_of_a_module_is_queued(self, provider: Newer, roam: Deployment) -> None:
        where = {"connection": "provider"}
        await roam.contract("PUT", "/invoice-records/R1", params=where, json=GIVEN)
        answer = await roam.contract("POST", "/connections/provider/push", params={"module": "invoicereconciliation"})
        assert (answer.status_code, answer.json()["queued"]) == (202, 1)
        async with roam.store.transaction() as unit:
            assert len(await unit.outbox.pending("provider", 10)) == 2
        assert roam.signals.of("feed")[-1] == ("provider",)

    async def test_what_the_partner_does_not_take_is_refused(self, provider: Newer, roam: Deployment) -> None:
        for module in ("locations", "tokens", "cdrs"):
            answer = await roam.contract("POST", "/connections/provider/push", params={"module": module})
            assert answer.status_code == 422
            assert "takes invoicereconciliation" in answer.text
