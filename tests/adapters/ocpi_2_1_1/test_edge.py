"""A partner that speaks 2.1.1 at our edge: raw tokens, no routing headers, tokens by their uid, undated changes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from canonical.command import Command, CommandRecord, CommandState
from canonical.identity import BusinessRole, ObjectId, PartyId, Role
from canonical.location import EvseStatus
from canonical.partner import Connection, Endpoint, LinkState, Side
from canonical.store import AccessPurpose, Store
from canonical.token import Token
from tests.adapters.ocpi_2_1_1 import objects as wire
from tests.adapters.ocpi_2_1_1.objects import body, standard
from tests.api.partner import NOW, US, Deployment, deployment

CPO, EMSP = PartyId.parse("NL*OLD"), PartyId.parse("FR*OLD")


@dataclass(frozen=True)
class OldPartner:
    """Calls us with nothing but its token."""

    deployment: Deployment
    connection: Connection
    token: str

    async def request(self, method: str, path: str, document: Any = None) -> httpx.Response:
        headers = {"Authorization": standard.encode_token(self.token)}
        content = body(document) if document is not None else None
        return await self.deployment.http.request(method, f"/ocpi/2.1.1{path}", headers=headers, content=content)

    async def done(self, method: str, path: str, document: Any = None) -> Any:
        answer = await self.request(method, path, document)
        assert (answer.is_success, answer.json()["status_code"]) == (True, 1000), answer.text
        return answer.json().get("data")


async def connect(built: Deployment, our_side: Side, party: PartyId) -> OldPartner:
    role = BusinessRole(party=party, role=Role(our_side.other.value), business_name="Old")
    connection = Connection(
        id=f"old-{our_side.other.value.lower()}",
        name="Old",
        our_sides=(our_side,),
        our_party=US,
        state=LinkState.CONNECTED,
        partner_roles=(role,),
        version="2.1.1",
        adapter=standard.key,
        endpoints=(Endpoint(module="credentials", interface="SENDER", url="https://old.example/credentials"),),
        connected_at=NOW,
    )
    async with built.store.transaction() as unit:
        await unit.connections.add(connection)
        token = await unit.access.issue(connection.id, AccessPurpose.ACCESS, "test")
    return OldPartner(built, connection, token.get_secret_value())


@pytest_asyncio.fixture
async def roam(store: Store) -> AsyncIterator[Deployment]:
    async with deployment(store) as built:
        yield built


@pytest_asyncio.fixture
async def operator(roam: Deployment) -> OldPartner:
    return await connect(roam, Side.EMSP, CPO)


@pytest_asyncio.fixture
async def provider(roam: Deployment) -> OldPartner:
    return await connect(roam, Side.CPO, EMSP)


async def test_details_name_modules_and_no_parts(operator: OldPartner) -> None:
    details = await operator.done("GET", "")
    assert details["version"] == "2.1.1"
    assert all(set(endpoint) == {"identifier", "url"} for endpoint in details["endpoints"])
    identifiers = [endpoint["identifier"] for endpoint in details["endpoints"]]
    assert sorted(identifiers) == ["cdrs", "credentials", "locations", "sessions", "tariffs", "tokens"]


async def test_a_place_of_the_operator_lives_by_undated_changes(operator: OldPartner) -> None:
    await operator.done("PUT", "/receiver/locations/NL/OLD/L1", wire.location())
    await operator.done("PATCH", "/receiver/locations/NL/OLD/L1/E1", {"status": "CHARGING"})
    await operator.done("PATCH", "/receiver/locations/NL/OLD/L1/E1/1", {"tariff_id": "T2"})
    await operator.done("PATCH", "/receiver/locations/NL/OLD/L1/E1", {"status": "BLOCKED"})
    async with operator.deployment.store.transaction() as unit:
        held = await unit.locations.get(ObjectId(owner=CPO, id="L1"), source=operator.connection.id)
    assert held is not None
    assert held.evses[0].status is EvseStatus.BLOCKED
    assert held.evses[0].connectors[0].tariff_ids == ("T2",)
    assert await operator.done("GET", "/receiver/locations/NL/OLD/L1/E1/1") == wire.connector(tariff_id="T2")


async def test_a_tariff_is_patched(operator: OldPartner) -> None:
    unknown = await operator.request("PATCH", "/receiver/tariffs/NL/OLD/T1", {"currency": "EUR"})
    assert unknown.status_code == 404
    await operator.done("PUT", "/receiver/tariffs/NL/OLD/T1", wire.tariff())
    elements = [{"price_components": [{"type": "TIME", "price": 2.5, "step_size": 300}]}]
    await operator.done("PATCH", "/receiver/tariffs/NL/OLD/T1", {"elements": elements})
    assert await operator.done("GET", "/receiver/tariffs/NL/OLD/T1") == wire.tariff(elements=elements)
    other = await operator.request("PATCH", "/receiver/tariffs/NL/OLD/T1", {"id": "T2"})
    assert other.json()["status_code"] == 2001


async def test_a_token_is_named_by_its_uid(provider: OldPartner) -> None:
    await provider.done("PUT", "/receiver/tokens/FR/OLD/04AB", wire.token(type="OTHER"))
    assert await provider.done("GET", "/receiver/tokens/FR/OLD/04AB") == wire.token(type="OTHER")
    await provider.done("PATCH", "/receiver/tokens/FR/OLD/04AB?token_type=OTHER", {"valid": False})
    await provider.done("PATCH", "/receiver/tokens/FR/OLD/04ab", {"visual_number": "7"})
    expected = wire.token(type="OTHER", valid=False, visual_number="7")
    assert await provider.done("GET", "/receiver/tokens/FR/OLD/04AB?type=RFID") == expected
    foreign = await provider.request("PUT", "/receiver/tokens/FR/XXX/04AB", wire.token())
    assert foreign.status_code == 404


@pytest.mark.parametrize("asked", ["", "?type=OTHER", "?token_type=OTHER", "?type=APP_USER"])
async def test_an_app_is_authorised_by_its_uid(operator: OldPartner, asked: str) -> None:
    """Told as OTHER in this version, asked for as that or as nothing, and an app all the same."""
    token = wire.held(Token, wire.token()).model_dump() | {"owner": US, "type": "APP_USER"}
    async with operator.deployment.store.transaction() as unit:
        await unit.tokens.put(Token.model_validate(token))
    data = await operator.done("POST", f"/sender/tokens/04AB/authorize{asked}", {"location_id": "L1"})
    assert data == {"allowed": "ALLOWED", "location": {"location_id": "L1"}}
    assert (await operator.request("POST", "/sender/tokens/0BAD/authorize")).status_code == 404


async def test_of_two_tokens_with_one_uid_none_is_guessed(operator: OldPartner) -> None:
    token = wire.held(Token, wire.token()).model_dump() | {"owner": US}
    async with operator.deployment.store.transaction() as unit:
        for kind in ("APP_USER", "OTHER"):
            await unit.tokens.put(Token.model_validate(token | {"type": kind}))
    assert (await operator.request("POST", "/sender/tokens/04AB/authorize")).status_code == 404
    assert (await operator.request("POST", "/sender/tokens/04AB/authorize?type=OTHER")).status_code == 200


async def test_a_cdr_finds_its_session(operator: OldPartner) -> None:
    """It names none: same contract, same EVSE, begun within two minutes."""
    near, far = "2026-03-01T09:01:30Z", "2026-03-01T11:00:00Z"
    await operator.done("PUT", "/receiver/sessions/NL/OLD/S1", wire.session())
    await operator.done("PUT", "/receiver/sessions/NL/OLD/S2", wire.session(id="S2", start_datetime=far))
    await operator.done("PUT", "/receiver/sessions/NL/OLD/S3", wire.session(id="S3", auth_id="SOMEBODY-ELSE"))
    await operator.done("POST", "/receiver/cdrs", wire.cdr(start_date_time=near, auth_id="nl-msp-c1-1"))
    later = wire.cdr(id="C2", start_date_time="2026-03-02T09:00:00Z", stop_date_time="2026-03-02T10:00:00Z")
    await operator.done("POST", "/receiver/cdrs", later)
    async with operator.deployment.store.transaction() as unit:
        found = await unit.cdrs.by_session("S1", connection_id=operator.connection.id, ours=False)
        other = await unit.cdrs.get(ObjectId(owner=CPO, id="C2"), connection_id=operator.connection.id, ours=False)
    assert [stored.dossier.cdr.id for stored in found] == ["C1"]
    assert found[0].dossier.cdr.session_id is None
    assert other is not None
    assert other.dossier.handles.session_id is None
    received = operator.deployment.signals.of("cdr_received")
    assert [told[1] for told in received] == ["S1", None]


async def test_of_two_sessions_that_fit_none_is_guessed(operator: OldPartner) -> None:
    for session in ("S1", "S2"):
        await operator.done("PUT", f"/receiver/sessions/NL/OLD/{session}", wire.session(id=session))
    await operator.done("POST", "/receiver/cdrs", wire.cdr())
    async with operator.deployment.store.transaction() as unit:
        stored = await unit.cdrs.get(ObjectId(owner=CPO, id="C1"), connection_id=operator.connection.id, ours=False)
    assert stored is not None
    assert stored.dossier.handles.session_id is None


async def order(operator: OldPartner, name: str, given_at: str = "2026-03-01T08:59:00Z", **changes: Any) -> None:
    """Our START_SESSION at the operator's charge point."""
    command = {"kind": "START_SESSION", "token": wire.held(Token, wire.token()), "location_id": "L1"} | changes
    record = CommandRecord(
        id=name,
        connection_id=operator.connection.id,
        party=CPO,
        ours=True,
        command=Command.model_validate(command),
        state=CommandState.ACCEPTED,
        given_at=datetime.fromisoformat(given_at),
        due_at=NOW,
    )
    async with operator.deployment.store.transaction() as unit:
        await unit.commands.add(record)


async def begun_by(operator: OldPartner) -> dict[str, str | None]:
    async with operator.deployment.store.transaction() as unit:
        page = await unit.commands.page(connection_id=operator.connection.id, limit=9)
    return {record.id: record.session_key for _, record in page}


async def test_a_session_finds_the_order_by_which_it_began(operator: OldPartner) -> None:
    """It carries no reference: same contract, same place, at the same time."""
    await order(operator, "fits", evse_uid="e1")
    await order(operator, "elsewhere", location_id="L2")
    await order(operator, "other EVSE", evse_uid="E2")
    await order(operator, "long ago", "2026-03-01T08:00:00Z")
    await order(operator, "later", "2026-03-01T09:30:00Z")
    await operator.done("PUT", "/receiver/sessions/NL/OLD/S1", wire.session())
    begun = await begun_by(operator)
    assert begun.pop("fits") == "NL*OLD/S1"
    assert set(begun.values()) == {None}


async def test_of_two_orders_that_fit_none_is_guessed(operator: OldPartner) -> None:
    await order(operator, "one")
    await order(operator, "other")
    await operator.done("PUT", "/receiver/sessions/NL/OLD/S1", wire.session())
    assert set((await begun_by(operator)).values()) == {None}


async def test_only_a_known_token_behind_its_scheme_opens_the_door(operator: OldPartner) -> None:
    for header in (f"Bearer {operator.token}", "Token unknown", operator.token):
        answer = await operator.deployment.http.get("/ocpi/2.1.1", headers={"Authorization": header})
        assert answer.status_code == 401
