"""A deployment of ours on a port, and everybody who sends it bad messages."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import asyncpg
from pydantic import SecretStr
from starlette.types import ASGIApp

from activities.resources import Resources, SettlementTerms, Us
from adapters.registry import build_registry
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.http import PartnerHttp
from api.app import create
from api.services import Services
from canonical.identity import PartyId
from canonical.location import Location
from canonical.partner import Endpoint, LinkState, Side
from canonical.session import Session
from canonical.store import AccessPurpose, Store
from canonical.tariff import Tariff
from canonical.token import Token
from canonical.vault import Vault
from deploy.composition import now
from settlement.pricing.policy import DEFAULT_POLICY
from tests.bad_input.message import Message, document
from tests.bad_input.wire import Answer, exchange
from tests.conformance.serving import address, listener, serving
from tests.conformance.site import Answering, connection

API_KEY = "key-of-the-charging-backend-of-these-tests"
US = PartyId.parse("DE*RCO")
WITHIN_S = 3.0
"""How long any answer may take; the machine that runs the tests may be busy with others."""

CHANGED_BY_REFUSALS = frozenset({"evidence", "driver_key", "driver_name"})
"""Tables that any refused message may add to: every exchange about money is kept, refusals included, and sealed under
the key of the driver whom it names.

Others are named beside the message: a CDR that cannot be read is put before a person (`review_case`, with its `event`),
and what a partner that registers has posted is kept before it is called back (`connection`, `outbound_token`).
"""


@dataclass
class Target:
    services: Services
    port: int
    database: asyncpg.Connection
    authorizations: dict[str, str]
    secrets: tuple[str, ...]
    known: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    """Every table as it was when it was last looked at."""

    async def send(self, request: bytes) -> Answer:
        return await exchange(self.port, request, WITHIN_S)

    async def changed(self) -> set[str]:
        """Tables that are not as they were when this was asked before, of those that a refusal has to leave alone."""
        names = await self.database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        chosen = [name for (name,) in names if name not in CHANGED_BY_REFUSALS]
        rows = await self.database.fetch(" UNION ALL ".join(map(_whole, chosen)))
        known, self.known = self.known, {name: (count, text) for name, count, text in rows}
        return {name for name in self.known if self.known[name] != known.get(name)}


def _whole(table: str) -> str:
    return f"SELECT '{table}', count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM \"{table}\" t"  # noqa: S608


@asynccontextmanager
async def target(database_url: str, vault: Vault) -> AsyncIterator[Target]:
    async with AsyncExitStack() as stack:
        store = await Store.connect(database_url, vault, pool_size=5)
        stack.push_async_callback(store.close)
        opened = stack.enter_context(listener())
        # As in production: what a partner gives us to call, is not called when it leads nowhere public.
        policy = AddressPolicy()
        http = await stack.enter_async_context(PartnerHttp(policy))
        registry, signals = build_registry(http), Answering(store)
        signals.resources = Resources(
            store=store,
            registry=registry,
            http=http,
            us=Us(US, "Roam Co", frozenset(Side), address(opened)),
            policy=DEFAULT_POLICY,
            terms=cast("SettlementTerms", None),
            clock=now,
        )
        services = Services(
            store=store,
            signals=signals,
            registry=registry,
            our_party=US,
            business_name="Roam Co",
            sides=frozenset(Side),
            public_url=address(opened),
            contract_keys=(SecretStr(API_KEY),),
            clock=now,
            guard_url=policy.check_url,
        )
        app: ASGIApp = create(services)
        await stack.enter_async_context(serving(app, opened))
        tokens = await _people(services)
        await _objects(services)
        async with store.transaction() as unit:
            _, reader = await unit.api_keys.create("reader of the catalogue", ["catalogue:read"])
        tokens["reader"] = (f"Bearer {reader.get_secret_value()}", reader.get_secret_value())
        secrets = (API_KEY, *(token for _, token in tokens.values()))
        authorizations = {who: header for who, (header, _) in tokens.items()} | {"backend": f"Bearer {API_KEY}"}
        database = await asyncpg.connect(database_url)
        stack.push_async_callback(database.close)
        built = Target(services, opened.getsockname()[1], database, authorizations, secrets)
        await _used(built)
        await built.changed()
        yield built


_OFFERED = (Endpoint(module="commands", interface="SENDER", url="https://partner.example/ocpi/commands"),)
"""Where results of commands may go."""

_PEOPLE = (
    # who, our side, their party, version, profile, state, purpose
    ("operator", Side.EMSP, "BE*BEC", "2.2.1", "standard", LinkState.CONNECTED, AccessPurpose.ACCESS),
    ("provider", Side.CPO, "DE*MOB", "2.2.1", "standard", LinkState.CONNECTED, AccessPurpose.ACCESS),
    ("strict", Side.EMSP, "BE*STR", "2.2.1", "strict", LinkState.CONNECTED, AccessPurpose.ACCESS),
    ("old", Side.EMSP, "FR*OLD", "2.1.1", "standard", LinkState.CONNECTED, AccessPurpose.ACCESS),
    ("new", Side.EMSP, "FR*NWR", "2.3.0", "standard", LinkState.CONNECTED, AccessPurpose.ACCESS),
    ("hub", Side.EMSP, "AT*HUB", "2.2.1", "standard", LinkState.CONNECTED, AccessPurpose.ACCESS),
    ("suspended", Side.EMSP, "FR*SUS", "2.2.1", "standard", LinkState.SUSPENDED, AccessPurpose.ACCESS),
    ("gone", Side.EMSP, "FR*GON", "2.2.1", "standard", LinkState.UNREGISTERED, AccessPurpose.ACCESS),
    ("invited", Side.EMSP, "FR*NEW", None, None, LinkState.PLANNED, AccessPurpose.REGISTRATION),
)


async def _people(services: Services) -> dict[str, tuple[str, str]]:
    """The Authorization header and the token of each."""
    found = {}
    for who, our_side, party, version, profile, state, purpose in _PEOPLE:
        adapter = services.registry.by_key(f"ocpi-{version}/{profile}") if version else None
        about = connection(who, US, our_side, PartyId.parse(party), adapter, state)
        about = about.model_copy(
            update={"endpoints": _OFFERED, "hub": about.partner_roles[0].party if who == "hub" else None}
        )
        async with services.store.transaction() as unit:
            await unit.connections.add(about)
            token = (await unit.access.issue(who, purpose, "of these tests")).get_secret_value()
        found[who] = ((adapter or services.registry.by_key("ocpi-2.2.1/standard")).encode_token(token), token)
    return found


async def _objects(services: Services) -> None:
    """What the messages are about: one valid object of each kind, as they came from their owners."""
    adapter = services.registry.by_key("ocpi-2.2.1/standard")

    def read(kind, name: str):
        return adapter.read(kind, _bytes(name)).value

    async with services.store.transaction() as unit:
        await unit.locations.put(read(Location, "location"), source="operator")
        await unit.tariffs.put(read(Tariff, "tariff"), source="operator")
        await unit.sessions.put(read(Session, "session"), source="operator")
        await unit.tokens.put(read(Token, "token"), source="provider")
        await unit.tokens.put(read(Token, "our_token"))
        await unit.locations.put(read(Location, "our_location"))


def _bytes(name: str) -> bytes:
    return json.dumps(document(name)).encode()


async def _used(built: Target) -> None:
    """Everybody has called before: the first use of a token is noted, and is no change by a bad message."""
    order = Message(
        "",
        (200, None, ""),
        send="PUT /contract/v1/tariffs/T9",
        headers={"Idempotency-Key": "used before"},
        body={"of": "our_tariff_canonical"},
    )
    assert (await built.send(order.bytes(built.authorizations["backend"]))).status == 200
    for authorization in built.authorizations.values():
        for path in ("/ocpi/2.2.1/sender/credentials", "/ocpi/versions", "/contract/v1/locations"):
            request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
            await built.send(request.encode())
