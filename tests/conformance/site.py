"""An operator and a provider of ours: two deployments, each with its own database, on ports of this machine."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast

from pydantic import SecretStr
from temporalio.testing import ActivityEnvironment

from activities.handshake import Exchange, HandshakeActivities
from activities.resources import Resources, SettlementTerms, Us
from adapters import discovery
from adapters.contract import Adapter, Link, PartnerCalls
from adapters.registry import Registry, build_registry
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.http import PartnerHttp
from api.app import create
from api.services import Services
from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import Connection, LinkState, Side
from canonical.store import AccessPurpose, Store
from canonical.vault import Vault
from deploy.composition import now
from settlement.pricing.policy import DEFAULT_POLICY
from tests.api.recorder import Recorder
from tests.conformance import objects
from tests.conformance.observed import Log
from tests.conformance.serving import address, listener, serving
from workflows.contract import RegistrationFailed

T = TypeVar("T")
API_KEY = "key-of-the-charging-backend"
LOCAL = AddressPolicy(allow_http=True, allow_private=True)


@dataclass
class Answering(Recorder):
    """Signals that are written down; a registration is answered by the steps of the handshake, without Temporal."""

    resources: Resources | None = None

    async def register(self, connection_id: str) -> None:
        self._note("register", connection_id)
        assert self.resources is not None
        exchange = Exchange(connection_id, f"registration-{len(self.told)}")
        answer = await ActivityEnvironment().run(HandshakeActivities(self.resources).answer_registration, exchange)
        if not answer.accepted:
            raise RegistrationFailed(answer.ocpi_status, answer.message)


@dataclass(frozen=True)
class Site:
    """One deployment of ours, as a partner reaches it: at its address."""

    services: Services
    signals: Answering
    http: PartnerHttp

    @property
    def store(self) -> Store:
        return self.services.store

    @property
    def party(self) -> PartyId:
        return self.services.our_party

    async def knows(self, connection: Connection, purpose: AccessPurpose) -> str:
        """Keeps a connection, and issues the token that the partner calls us with."""
        async with self.store.transaction() as unit:
            await unit.connections.add(connection)
            issued = await unit.access.issue(connection.id, purpose, "conformance")
        return issued.get_secret_value()


@asynccontextmanager
async def site(
    party: PartyId,
    side: Side,
    database_url: str,
    vault: Vault,
    log: Log | None = None,
    registered: Callable[[PartnerHttp], Registry] = build_registry,
) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        store = await Store.connect(database_url, vault, pool_size=5)
        stack.push_async_callback(store.close)
        http = await stack.enter_async_context(PartnerHttp(LOCAL))
        opened = stack.enter_context(listener())
        registry, name, sides = registered(http), f"{side.value} of the tests", frozenset({side})
        signals = Answering(store)
        services = Services(
            store=store,
            signals=signals,
            registry=registry,
            our_party=party,
            business_name=name,
            sides=sides,
            public_url=address(opened),
            contract_keys=(SecretStr(API_KEY),),
            clock=now,
        )
        signals.resources = Resources(
            store=store,
            registry=registry,
            http=http,
            us=Us(party, name, sides, services.public_url),
            policy=DEFAULT_POLICY,
            terms=cast("SettlementTerms", None),
            clock=now,
        )
        app = create(services)
        await stack.enter_async_context(serving(log.serving(app) if log else app, opened))
        yield Site(services, signals, http)


@dataclass(frozen=True)
class World:
    """An operator and a provider that are connected in one version. `seen` is what the running test has used."""

    adapter: Adapter
    operator: Site
    provider: Site
    log: Log
    links: dict[str, Link] = field(default_factory=dict)
    """How each reaches the other, by party."""

    AT_OPERATOR = "provider"
    AT_PROVIDER = "operator"
    """Ids of the connection on each side: the name of the other one."""

    @property
    def version(self) -> str:
        return self.adapter.version

    @property
    def by_operator(self) -> PartnerCalls:
        """What the operator asks of the provider."""
        return self.calls(self.operator)

    @property
    def by_provider(self) -> PartnerCalls:
        """What the provider asks of the operator."""
        return self.calls(self.provider)

    def link(self, caller: Site) -> Link:
        return self.links[caller.party.key]

    def calls(self, caller: Site, link: Link | None = None) -> PartnerCalls:
        adapter = caller.services.registry.by_key(self.adapter.key)
        return adapter.calls(link or self.link(caller), self.log.witness)


def connection(
    id_: str, us: PartyId, our_side: Side, partner: PartyId, adapter: Adapter | None, state: LinkState
) -> Connection:
    role = BusinessRole(party=partner, role=Role(our_side.other.value), business_name=partner.key)
    return Connection(
        id=id_,
        name=id_,
        our_sides=(our_side,),
        our_party=us,
        state=state,
        partner_roles=(role,) if adapter is not None else (),
        version=adapter.version if adapter is not None else None,
        adapter=adapter.key if adapter is not None else None,
    )


@asynccontextmanager
async def world(version: str, databases: Callable[[], Awaitable[str]], vault: Vault, log: Log) -> AsyncIterator[World]:
    """The two, connected: each has read what the other offers."""
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(site(objects.OPERATOR, Side.CPO, await databases(), vault, log))
        provider = await stack.enter_async_context(site(objects.PROVIDER, Side.EMSP, await databases(), vault, log))
        adapter = build_registry(None).choose([version])
        built = World(adapter, operator, provider, log)
        sides = ((operator, Side.CPO, provider, World.AT_OPERATOR), (provider, Side.EMSP, operator, World.AT_PROVIDER))
        for us, our_side, them, id_ in sides:
            about = connection(id_, us.party, our_side, them.party, adapter, LinkState.CONNECTED)
            token = await us.knows(about, AccessPurpose.ACCESS)
            built.links[them.party.key] = Link(
                connection_id=World.AT_PROVIDER if them is provider else World.AT_OPERATOR,
                token=token,
                endpoints=(),
                our_party=them.party,
                partner_party=us.party,
                partner_sides=(our_side,),
            )
        for us, _, them, id_ in sides:
            link = built.link(us)
            url = f"{them.services.versions_url.removesuffix('versions')}{version}"
            token = adapter.encode_token(link.token)
            details = await discovery.details(us.http, url, [token], partner_sides=link.partner_sides)
            built.links[us.party.key] = Link(**{**vars(link), "endpoints": details.endpoints})
            async with us.store.transaction() as unit:
                held = await unit.connections.get(id_)
                await unit.connections.save(held.model_copy(update={"endpoints": details.endpoints}))
                await unit.access.keep_outbound(id_, SecretStr(link.token), request_key="conformance")
        yield built


def speaking(registry: Registry, *wanted: object) -> list[str]:
    """Versions that have an endpoint with all of these: operation, interface, module."""
    return [
        adapter.version
        for adapter in registry.adapters()
        if any(all(w in (e.operation, e.interface, e.module) for w in wanted) for e in adapter.endpoints)
    ]
