"""A version that nobody has written yet: a value in the registry is all that the edge needs."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest_asyncio

from adapters import discovery
from adapters.contract import Endpoint, Interface, Module, Operation
from adapters.ocpi.adapter import OcpiAdapter
from adapters.partners.standard import STANDARD
from adapters.registry import VERSIONS, Registry
from adapters.transport.http import PartnerHttp
from canonical.location import Location
from canonical.partner import LinkState, Side
from canonical.store import AccessPurpose
from canonical.vault import Vault
from tests.conformance import objects
from tests.conformance.rows import REGISTRY
from tests.conformance.site import Site, connection, site

NUMBER = "9.9.9"
KNOWN = next(version for version in VERSIONS if version.number == "2.2.1")
NEW = replace(
    KNOWN,
    number=NUMBER,
    endpoints=(
        *KNOWN.endpoints,
        Endpoint(Module.LOCATIONS, Interface.SENDER, "GET", "/the/whole/of/{location_id}", Operation.GET_LOCATION),
    ),
)


def _with_new(http: PartnerHttp) -> Registry:
    return Registry((STANDARD, OcpiAdapter(version, STANDARD, http)) for version in (*VERSIONS, NEW))


@pytest_asyncio.fixture
async def operator(database_url: str, vault: Vault) -> AsyncIterator[Site]:
    async with site(objects.OPERATOR, Side.CPO, database_url, vault, registered=_with_new) as built:
        yield built


async def test_the_edge_serves_a_version_by_its_table_alone(operator: Site) -> None:
    """Listed as the highest, described, and served: the row that is new in it too."""
    adapter = operator.services.registry.adapters()[0]
    about = connection("p", operator.party, Side.CPO, objects.PROVIDER, adapter, LinkState.CONNECTED)
    authorization = adapter.encode_token(await operator.knows(about, AccessPurpose.ACCESS))
    location = objects.location("LOC/1")
    async with operator.store.transaction() as unit:
        await unit.locations.put(location)
    offered = await discovery.offered_versions(operator.http, operator.services.versions_url, [authorization])
    assert [o.version for o in offered] == [NUMBER, *(a.version for a in REGISTRY.adapters())]
    assert operator.services.registry.choose([o.version for o in offered]).version == NUMBER
    details = await discovery.details(operator.http, offered[0].url, [authorization])
    (url,) = (e.url for e in details.endpoints if (e.module, e.interface) == ("locations", "SENDER"))
    assert (details.version, f"/{NUMBER}/" in url) == (NUMBER, True)
    async with httpx.AsyncClient(headers={"Authorization": authorization}) as http:
        answer = await http.get(f"{url}the/whole/of/LOC%2F1")
        nothing = await http.get(f"{url}the/whole/of/NONE")
        other_method = await http.put(f"{url}the/whole/of/LOC%2F1", json={})
    assert adapter.read(Location, _data(answer)).value.id == location.id
    assert nothing.status_code == 404
    assert (other_method.status_code, other_method.headers["Allow"]) == (405, "GET")


def _data(answer: httpx.Response) -> bytes:
    return json.dumps(answer.json()["data"]).encode()
