"""The parties behind a hub: the hub lists them to us, and tells us when one comes or goes."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import Response

from adapters.contract import Module, Operation, PartnerUnauthorized
from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import ClientStatus, Endpoint, HubClient, LinkState, Side
from canonical.store import AccessPurpose
from tests.conformance import objects
from tests.conformance.rows import over
from tests.conformance.serving import address, listener, serving
from tests.conformance.site import World, connection

HUB = PartyId(country_code="AT", party_id="HUB")
TOKEN = "by-which-we-call-the-hub"


def client(party_id: str, status: ClientStatus = ClientStatus.CONNECTED) -> HubClient:
    party = PartyId(country_code="AT", party_id=party_id)
    return HubClient(party=party, role=Role.CPO, status=status, last_updated=objects.AT)


@dataclass
class Hub:
    """A hub on a port: it serves the list of its clients, and calls us as any partner does."""

    world: World
    base: str
    id: str
    http: httpx.AsyncClient

    async def tell(self, method: str, party: PartyId, body: HubClient | None = None) -> httpx.Response:
        """A request of the hub to our receiver interface."""
        url = f"{self.world.provider.services.public_url}/ocpi/{self.world.version}/receiver/hubclientinfo"
        content = None if body is None else self.world.adapter.write(body)
        return await self.http.request(method, f"{url}/{party.country_code}/{party.party_id}", content=content)


@pytest_asyncio.fixture
async def hub(world: World) -> AsyncIterator[Hub]:
    listed = (client("ONE"), client("TWO", ClientStatus.OFFLINE))

    async def answer(scope, receive, send) -> None:
        request = Request(scope, receive)
        known = request.headers.get("authorization") == world.adapter.encode_token(TOKEN)
        data = f"[{','.join(world.adapter.write(each).decode() for each in listed)}]" if known else "null"
        head = '"status_code":1000' if known else '"status_code":2000'
        body = f'{{"data":{data},{head},"timestamp":"2026-03-02T09:00:00Z"}}'
        headers = {"X-Total-Count": str(len(listed)), "X-Limit": "100"}
        await Response(body, 200 if known else 401, headers)(scope, receive, send)

    with listener() as opened:
        base = f"{address(opened)}/ocpi/{world.version}/sender/hubclientinfo"
        us, state = world.provider.party, LinkState.CONNECTED
        about = connection(objects.fresh("hub-"), us, Side.EMSP, HUB, world.adapter, state)
        role = BusinessRole(party=HUB, role=Role.HUB, business_name="Hub")
        endpoints = (Endpoint(module=Module.HUB_CLIENT_INFO.value, interface="SENDER", url=base),)
        about = about.model_copy(update={"hub": HUB, "partner_roles": (role,), "endpoints": endpoints})
        token = await world.provider.knows(about, AccessPurpose.ACCESS)
        headers = {"Authorization": world.adapter.encode_token(token), "Content-Type": "application/json"}
        async with serving(answer, opened), httpx.AsyncClient(headers=headers) as http:
            yield Hub(world, base, about.id, http)


@over(Operation.PUT_HUB_CLIENT)
async def test_the_clients_of_a_hub_are_read(world: World, hub: Hub) -> None:
    known = world.link(world.provider)
    endpoints = (Endpoint(module=Module.HUB_CLIENT_INFO.value, interface="SENDER", url=hub.base),)
    link = replace(known, connection_id=hub.id, token=TOKEN, endpoints=endpoints, partner_party=HUB)
    page = await world.calls(world.provider, link).get_page(HubClient)
    assert [(item.value.party.party_id, item.value.status) for item in page.items] == [
        ("ONE", ClientStatus.CONNECTED),
        ("TWO", ClientStatus.OFFLINE),
    ]
    with pytest.raises(PartnerUnauthorized):
        await world.calls(world.provider, replace(link, token="another")).get_page(HubClient)


@over(Operation.PUT_HUB_CLIENT)
async def test_a_hub_tells_of_a_client(world: World, hub: Hub) -> None:
    """That it has come, and that it cannot be reached. Somebody who is no hub cannot tell."""
    one = client("ONE")
    first = await hub.tell("PUT", one.party, one)
    gone = one.model_copy(update={"status": ClientStatus.OFFLINE, "last_updated": objects.later(5)})
    await hub.tell("PUT", one.party, gone)
    async with world.provider.store.transaction() as unit:
        known = await unit.hub_clients.get(one.party, source=hub.id)
    assert (first.status_code, known and known.status) == (201, ClientStatus.OFFLINE)
    authorization = {"Authorization": world.adapter.encode_token(world.link(world.operator).token)}
    refused = await hub.http.put(
        f"{world.provider.services.public_url}/ocpi/{world.version}/receiver/hubclientinfo/AT/TWO",
        content=world.adapter.write(client("TWO")),
        headers=authorization,
    )
    assert refused.status_code == 404


@over(Operation.GET_HUB_CLIENT)
async def test_a_hub_reads_back_what_we_know_of_a_client(world: World, hub: Hub) -> None:
    one = client("ONE", ClientStatus.SUSPENDED)
    async with world.provider.store.transaction() as unit:
        await unit.hub_clients.put(one, source=hub.id)
    answer = await hub.tell("GET", one.party)
    read = world.adapter.read(HubClient, json.dumps(answer.json()["data"]).encode()).value
    assert (read.party.key, read.status) == (one.party.key, ClientStatus.SUSPENDED)
    assert (await hub.tell("GET", client("XXX").party)).status_code == 404
