"""Whom we speak to through a hub, and what its own refusals mean to us."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.testing import ActivityEnvironment

from activities.attendance import AT_ONCE
from activities.billing import CdrRef
from activities.delivery import DeliveryActivities
from activities.handshake import HandshakeActivities
from activities.partner_feed import FeedActivities
from activities.partner_link import calls_to
from activities.resources import Resources
from adapters.contract import Interface, Module, PartnerError, PartnerRejected, PartnerUnavailable
from adapters.transport.http import PartnerHttp
from api.contract import admission
from api.contract.admission import TokenName
from canonical.identity import BusinessRole, PartyId, Role
from canonical.location import Location
from canonical.partner import ClientStatus, Connection, Endpoint, HubClient, LinkState, Side
from canonical.store import OutboxAction, Store
from canonical.token import TokenType
from tests.adapters.transport.partner import Partner, Seen, enveloped, running_partner
from tests.api.partner import ADAPTER, deployment
from tests.api.recorder import Recorder
from tests.store import samples
from tests.store.samples import CPO, EMSP, T0
from tests.workflows.test_activities import LOCAL, resources

HUB = PartyId.parse("DE*HUB")
FROM, TO = (("ocpi-from-country-code", "ocpi-from-party-id"), ("ocpi-to-country-code", "ocpi-to-party-id"))


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[Partner]:
    async with running_partner() as running:
        yield running


@pytest_asyncio.fixture
async def made(store: Store, hub: Partner) -> AsyncIterator[Resources]:
    """What activities have, with a connection to a hub behind which there is one provider."""
    served = (
        (Module.CDRS, Interface.RECEIVER),
        (Module.LOCATIONS, Interface.RECEIVER),
        (Module.LOCATIONS, Interface.SENDER),
        (Module.SESSIONS, Interface.RECEIVER),
        (Module.TOKENS, Interface.SENDER),
        (Module.CREDENTIALS, Interface.SENDER),
    )
    connection = Connection(
        id="hub",
        name="hub",
        our_sides=(Side.CPO, Side.EMSP),
        our_party=CPO,
        state=LinkState.CONNECTED,
        partner_roles=(BusinessRole(party=HUB, role=Role.HUB, business_name="Hub"),),
        adapter=ADAPTER.key,
        version=ADAPTER.version,
        endpoints=tuple(
            Endpoint(module=module, interface=part, url=hub.url(f"/{part}/{module}".lower())) for module, part in served
        ),
        hub=HUB,
    )
    provider = HubClient(party=EMSP, role=Role.EMSP, status=ClientStatus.CONNECTED, last_updated=T0)
    async with PartnerHttp(LOCAL) as http:
        async with store.transaction() as work:
            await work.connections.add(connection)
            await work.access.keep_outbound("hub", SecretStr("token-of-the-hub"), request_key="test")
            await work.hub_clients.put(provider, source="hub")
        yield resources(store, http)


def parties(seen: Seen) -> tuple[str | None, str | None]:
    """From whom, and to whom; None where nobody is named."""
    found = ["*".join(seen.headers.get(name, "") for name in names) for names in (FROM, TO)]
    return tuple(None if party == "*" else party for party in found)  # type: ignore[return-value]


async def test_a_cdr_goes_to_the_provider_whose_driver_it_was(store: Store, made: Resources, hub: Partner) -> None:
    hub.answers["POST", "/receiver/cdrs"] = enveloped(http=201, headers={"Location": hub.url("/cdrs/1")})
    async with store.transaction() as work:
        await work.cdrs.add(samples.dossier(), connection_id="hub", ours=True, evidence_id=None)
    ref = CdrRef(samples.cdr().object_id.key, "hub")
    await ActivityEnvironment().run(DeliveryActivities(made, Recorder(store)).send_cdr, ref)
    assert parties(hub.last) == (CPO.key, EMSP.key)


async def test_a_session_goes_to_a_provider_and_a_location_to_everybody(
    store: Store, made: Resources, hub: Partner
) -> None:
    location, session = samples.location(), samples.session()
    for module, name in (("locations", location.id), ("sessions", session.id)):
        path = f"/receiver/{module}/{CPO.country_code}/{CPO.party_id}/{name}"
        hub.answers["PUT", path] = enveloped()
    async with store.transaction() as work:
        await work.locations.put(location)
        await work.sessions.put(session)
        for module, each in ((Module.LOCATIONS, location), (Module.SESSIONS, session)):
            await work.outbox.add("hub", module, each.object_id.key, OutboxAction.PUT)
    assert await ActivityEnvironment().run(FeedActivities(made, AT_ONCE).drain, "hub") == 0
    assert {seen.path.split("/")[2]: parties(seen) for seen in hub.seen} == {
        "locations": (CPO.key, HUB.key),
        "sessions": (CPO.key, EMSP.key),
    }


@pytest.mark.parametrize("status", [ClientStatus.OFFLINE, ClientStatus.PLANNED])
async def test_who_cannot_be_reached_is_told_nothing_and_reads_it_when_it_is_back(
    store: Store, made: Resources, hub: Partner, status: ClientStatus
) -> None:
    session = samples.session()
    path = f"/receiver/sessions/{CPO.country_code}/{CPO.party_id}/{session.id}"
    hub.answers["PUT", path] = enveloped()
    away = HubClient(party=EMSP, role=Role.EMSP, status=status, last_updated=T0)
    for client in (away, away.model_copy(update={"status": ClientStatus.CONNECTED})):
        async with store.transaction() as work:
            await work.hub_clients.put(client, source="hub")
            await work.sessions.put(session)
            await work.outbox.add("hub", Module.SESSIONS, session.object_id.key, OutboxAction.PUT)
        assert await ActivityEnvironment().run(FeedActivities(made, AT_ONCE).drain, "hub") == 0
        assert bool(hub.seen) is (client is not away)
    assert [seen.path for seen in hub.seen] == [path]


async def test_everything_is_asked_of_the_hub_itself(store: Store, made: Resources, hub: Partner) -> None:
    hub.answers["GET", "/sender/locations"] = enveloped([])
    async with store.transaction() as work:
        connection = await work.connections.get("hub")
    calls = await calls_to(store, made.registry, connection, our_side=Side.EMSP)
    await calls.get_page(Location)
    assert parties(hub.last) == (CPO.key, HUB.key)


@pytest.mark.parametrize(("issuer", "to"), [(EMSP, EMSP.key), (None, None)])
async def test_an_issuer_is_asked_by_name_or_found_by_the_hub(
    store: Store, made: Resources, hub: Partner, issuer: PartyId | None, to: str | None
) -> None:
    path = "/sender/tokens/04A1/authorize"
    hub.answers["POST", path] = enveloped({"allowed": "ALLOWED", "token": _token()})
    async with deployment(store, party=CPO) as us:
        services = replace(us.services, registry=made.registry)
        name = TokenName("04A1", TokenType.RFID, issuer)
        async with store.transaction() as work:
            (connection,) = await admission.issuers(work, name)
        said = await admission.ask(services, connection, name, None)
        assert said is not None
        assert parties(hub.last) == (CPO.key, to)
        async with store.transaction() as work:
            assert await admission.issuers(work, TokenName("04A1", TokenType.RFID, PartyId.parse("XX*XXX"))) == ()


async def test_a_token_that_came_through_a_hub_is_found_in_one_look(store: Store, made: Resources) -> None:
    token = samples.token()
    async with store.transaction() as work:
        await work.tokens.put(token, source="hub")
        name = TokenName(token.uid, token.type, None)
        found = await admission.find(work, name)
        assert found is not None
        assert (found.connection.id, found.token.owner.key) == ("hub", EMSP.key)
        assert await admission.find(work, replace(name, issuer=PartyId.parse("XX*XXX"))) is None


async def test_the_hub_itself_is_not_routed_to(store: Store, made: Resources, hub: Partner) -> None:
    async with store.transaction() as work:
        connection = await work.connections.get("hub")
    calls = await calls_to(store, made.registry, connection)
    with pytest.raises(PartnerError):
        await calls.get_credentials()
    assert parties(hub.last) == (None, None)


async def test_whom_a_hub_reaches_is_asked_anew(store: Store, made: Resources, hub: Partner) -> None:
    roles = [_role("DE*HUB", "HUB"), _role("FR*NEW", "CPO"), _role(CPO.key, "CPO")]
    theirs = {"token": "another-token", "url": hub.url("/versions"), "roles": roles}
    hub.answers["GET", "/sender/credentials"] = enveloped(theirs)
    await ActivityEnvironment().run(HandshakeActivities(made).refresh_roles, "hub")
    new = PartyId.parse("FR*NEW")
    async with store.transaction() as work:
        connection = await work.connections.get("hub")
        assert [role.party.key for role in connection.partner_roles] == ["DE*HUB", "FR*NEW"]
        assert await work.hub_clients.speakers(connection, (new, EMSP), Side.EMSP) == {"FR*NEW"}
        assert (await work.access.outbound("hub")).get_secret_value() == "token-of-the-hub"


@pytest.mark.parametrize("http", [200, 404, 500])
@pytest.mark.parametrize(
    ("code", "meant"),
    [
        (4000, PartnerUnavailable),
        (4001, PartnerRejected),
        (4002, PartnerUnavailable),
        (4003, PartnerUnavailable),
    ],
)
async def test_what_a_hub_says_of_the_receiver(
    store: Store, made: Resources, hub: Partner, http: int, code: int, meant: type[PartnerError]
) -> None:
    hub.answers["POST", "/receiver/cdrs"] = enveloped(http=http, status_code=code, message="a word of the hub")
    async with store.transaction() as work:
        connection = await work.connections.get("hub")
    calls = await calls_to(store, made.registry, connection, our_side=Side.CPO, addressee=EMSP)
    with pytest.raises(meant) as failed:
        await calls.post_cdr(samples.cdr())
    assert type(failed.value) is meant
    assert (failed.value.http_status, failed.value.ocpi_status) == (http, code)


def _token() -> dict[str, object]:
    return {
        "country_code": EMSP.country_code,
        "party_id": EMSP.party_id,
        "uid": "04A1",
        "type": "RFID",
        "contract_id": "C1",
        "issuer": "Rem",
        "valid": True,
        "whitelist": "NEVER",
        "last_updated": "2026-03-01T10:00:00Z",
    }


def _role(party: str, role: str) -> dict[str, object]:
    country, code = party.split("*")
    return {"role": role, "country_code": country, "party_id": code, "business_details": {"name": party}}
