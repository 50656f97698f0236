"""Two deployments of ours that do not speak the same versions: the highest that both have is the one they use."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.testing import ActivityEnvironment

from activities.handshake import Exchange, HandshakeActivities
from activities.partner_link import calls_to
from adapters.registry import NoCommonVersion, build_registry
from canonical.location import Location
from canonical.partner import Connection, LinkState, Side
from canonical.store import AccessPurpose
from canonical.token import Token
from canonical.vault import Vault
from deploy.settings import Settings
from tests.conformance import objects
from tests.conformance.site import Site, connection, site
from tests.conftest import Databases

Meet = Callable[[str, str], Awaitable[tuple[Site, Site]]]
AT_OPERATOR, AT_PROVIDER = "provider", "operator"


def offering(versions: str) -> tuple[str, ...]:
    """What a deployment offers with this setting (ROAM_OCPI_VERSIONS)."""
    secret = SecretStr("of these tests " * 4)
    settings = Settings(
        party="DE*RCO",  # type: ignore[arg-type]
        business_name="x",
        public_url="http://localhost",
        database_url=secret,
        secret_key=secret,
        ocpi_versions=versions,  # type: ignore[arg-type]
    )
    return settings.ocpi_versions


@pytest_asyncio.fixture
async def meet(databases: Databases, vault: Vault) -> AsyncIterator[Meet]:
    async with AsyncExitStack() as stack:

        async def met(operators: str, providers: str) -> tuple[Site, Site]:
            """The operator registers with the provider, by the steps of the handshake."""
            operator, provider = [
                await stack.enter_async_context(_site(party, side, offered, await databases.fresh(), vault))
                for party, side, offered in (
                    (objects.OPERATOR, Side.CPO, operators),
                    (objects.PROVIDER, Side.EMSP, providers),
                )
            ]
            await shake_hands(operator, provider)
            return operator, provider

        yield met


@asynccontextmanager
async def _site(party, side: Side, offered: str, database_url: str, vault: Vault) -> AsyncIterator[Site]:
    versions = offering(offered)
    async with site(party, side, database_url, vault, registered=lambda http: build_registry(http, versions)) as built:
        yield built


async def shake_hands(operator: Site, provider: Site) -> None:
    planned = connection(AT_PROVIDER, provider.party, Side.EMSP, operator.party, None, LinkState.PLANNED)
    invitation = await provider.knows(planned, AccessPurpose.REGISTRATION)
    ours = connection(AT_OPERATOR, operator.party, Side.CPO, provider.party, None, LinkState.REGISTERING)
    ours = ours.model_copy(update={"versions_url": provider.services.versions_url})
    async with operator.store.transaction() as unit:
        await unit.connections.add(ours)
        await unit.access.keep_outbound(ours.id, SecretStr(invitation), request_key="invitation")
    assert operator.signals.resources is not None
    steps, run = HandshakeActivities(operator.signals.resources), ActivityEnvironment().run
    await run(steps.discover, ours.id)
    await run(steps.exchange_credentials, Exchange(ours.id, "registration"))
    await run(steps.prove, ours.id)


async def held(of: Site, connection_id: str) -> Connection:
    async with of.store.transaction() as unit:
        return await unit.connections.get(connection_id)


@pytest.mark.parametrize(
    ("operators", "providers", "highest"),
    [
        ("", "", "2.3.0"),
        ("2.1.1", "", "2.1.1"),
        ("", "2.1.1,2.2.1", "2.2.1"),
        ("2.1.1,2.2.1", "2.2.1,2.3.0", "2.2.1"),
        ("2.3.0", "2.1.1,2.3.0", "2.3.0"),
        ("2.1.1,2.3.0", "2.1.1,2.2.1", "2.1.1"),
    ],
)
async def test_the_highest_version_of_both_is_chosen(meet: Meet, operators: str, providers: str, highest: str) -> None:
    """On both sides; and what one puts in its store, the other then reads."""
    operator, provider = await meet(operators, providers)
    theirs, ours = await held(provider, AT_PROVIDER), await held(operator, AT_OPERATOR)
    assert (ours.version, theirs.version) == (highest, highest)
    assert ours.state is LinkState.CONNECTED
    location, token = objects.location(), objects.token()
    async with operator.store.transaction() as unit:
        await unit.locations.put(location)
    async with provider.store.transaction() as unit:
        await unit.tokens.put(token)
    locations = await (await calls_to(provider.store, provider.services.registry, theirs)).get_page(Location)
    tokens = await (await calls_to(operator.store, operator.services.registry, ours)).get_page(Token)
    assert [item.value.id for item in locations.items] == [location.id]
    assert [item.value.uid for item in tokens.items] == [token.uid]


async def test_without_a_common_version_there_is_no_connection(meet: Meet) -> None:
    with pytest.raises(NoCommonVersion, match="the partner offers"):
        await meet("2.1.1", "2.3.0")
