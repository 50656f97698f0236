"""A partner at the edge, and a deployment for it to talk to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from pydantic import SecretStr

from adapters.registry import build_registry
from api.app import create
from api.services import Services
from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import Connection, Endpoint, LinkState, Side
from canonical.store import AccessPurpose, Store
from tests.api.recorder import Recorder

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
PUBLIC_URL = "https://roam.example/base"
API_KEY = "key-of-the-charging-backend"
US = PartyId(country_code="DE", party_id="RCO")
ADAPTER = build_registry(None).by_key("ocpi-2.2.1/standard")


_OFFERED = {
    Side.EMSP: Endpoint(module="tokens", interface="SENDER", url="https://partner.example/ocpi/tokens"),
    Side.CPO: Endpoint(module="locations", interface="SENDER", url="https://partner.example/ocpi/locations"),
}
"""The list that a partner on each side lets us pull."""


@dataclass
class Deployment:
    """One deployment under test, with its ear and its store."""

    services: Services
    signals: Recorder
    http: httpx.AsyncClient

    @property
    def store(self) -> Store:
        return self.services.store

    async def contract(self, method: str, path: str, **more: object) -> httpx.Response:
        """A request to the contract API with the right key."""
        headers = {"Authorization": f"Bearer {API_KEY}", **more.pop("headers", {})}
        return await self.http.request(method, f"/contract/v1{path}", headers=headers, **more)


@asynccontextmanager
async def deployment(
    store: Store, *, sides: frozenset[Side] = frozenset(Side), party: PartyId = US
) -> AsyncIterator[Deployment]:
    signals = Recorder(store)
    services = Services(
        store=store,
        signals=signals,
        registry=build_registry(None),
        our_party=party,
        business_name="Roam Co",
        sides=sides,
        public_url=PUBLIC_URL,
        contract_keys=(SecretStr("another-key"), SecretStr(API_KEY)),
        clock=lambda: NOW,
    )
    transport = httpx.ASGITransport(create(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        yield Deployment(services, signals, http)


@dataclass
class Partner:
    """A connected partner that calls us with its token, and by default with routing headers."""

    deployment: Deployment
    connection: Connection
    token: str = field(repr=False)
    party: PartyId

    async def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: object
    ) -> httpx.Response:
        sent = {
            "Authorization": ADAPTER.encode_token(self.token),
            "OCPI-from-country-code": self.party.country_code,
            "OCPI-from-party-id": self.party.party_id,
            "OCPI-to-country-code": US.country_code,
            "OCPI-to-party-id": US.party_id,
            "X-Request-ID": "request-1",
            "X-Correlation-ID": "correlation-1",
            **(headers or {}),
        }
        return await self.deployment.http.request(
            method, f"/ocpi/2.2.1{path}", headers={n: v for n, v in sent.items() if v}, **more
        )


async def connect(
    deployment: Deployment,
    our_side: Side,
    parties: tuple[str, ...],
    *,
    connection_id: str = "partner",
    state: LinkState = LinkState.CONNECTED,
) -> Partner:
    """A partner that plays the other side for these parties (`NL*TNM`)."""
    roles = tuple(
        BusinessRole(party=PartyId.parse(party), role=Role(our_side.other.value), business_name=party)
        for party in parties
    )
    connection = Connection(
        id=connection_id,
        name=connection_id,
        our_sides=(our_side,),
        our_party=deployment.services.our_party,
        state=state,
        partner_roles=roles,
        version="2.2.1",
        adapter=ADAPTER.key,
        endpoints=(_OFFERED[our_side.other],),
        connected_at=NOW,
    )
    async with deployment.store.transaction() as unit:
        await unit.connections.add(connection)
        token = await unit.access.issue(connection_id, AccessPurpose.ACCESS, "test")
    return Partner(deployment, connection, token.get_secret_value(), roles[0].party)
