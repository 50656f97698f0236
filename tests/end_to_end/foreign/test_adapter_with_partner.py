"""Our adapters and the foreign partner, with no deployment around them: every call that we make, in both versions."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import pytest
import pytest_asyncio

from adapters import discovery
from adapters.contract import (
    Adapter,
    Credentials,
    Link,
    Parties,
    PartnerCalls,
    PartnerNotFound,
    PartnerRejected,
)
from adapters.registry import build_registry
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.http import PartnerHttp
from canonical.cdr import Cdr
from canonical.identity import BusinessRole, PartyId, Role
from canonical.location import EvseStatus, Location
from canonical.model import CanonicalModel, fold
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Allowed, LocationReference, Token, TokenType
from tests.end_to_end.foreign import documents
from tests.end_to_end.foreign.counterpart import TOKEN_B, Counterpart, running_counterpart
from tests.end_to_end.foreign.documents import Document
from tests.end_to_end.foreign.partner import Partner

pytestmark = pytest.mark.parametrize("version", ["2.1.1", "2.2.1"])

T = TypeVar("T", bound=CanonicalModel)

OURS = {"country_code": "DE", "party_id": "RCO"}
OUR_PARTY = PartyId(**OURS)
PARTIES = Parties(cpo=OUR_PARTY, emsp=PartyId(country_code="NL", party_id="FRN"))


@pytest.fixture
def counterpart(foreign_emsp: Partner) -> Iterator[Counterpart]:
    """Serves our versions for the partner's call-back; the adapter does the registering."""
    with running_counterpart(foreign_emsp) as answering:
        yield answering


@pytest_asyncio.fixture
async def http() -> AsyncIterator[PartnerHttp]:
    async with PartnerHttp(AddressPolicy(allow_http=True, allow_private=True)) as http:
        yield http


@pytest.fixture
def adapter(http: PartnerHttp, version: str) -> Adapter:
    return build_registry(http).choose([version], "py-ocpi")


@pytest_asyncio.fixture
async def link(http: PartnerHttp, adapter: Adapter, foreign_emsp: Partner) -> Link:
    """The partner as token A shows it."""
    tokens = [adapter.encode_token(foreign_emsp.token_a, spelling) for spelling in adapter.token_spellings]
    (offered,) = await discovery.offered_versions(http, foreign_emsp.versions_url, tokens)
    found = await discovery.details(http, offered.url, tokens, partner_sides=[foreign_emsp.side])
    assert found.version == adapter.version
    return Link("foreign", foreign_emsp.token_a, found.endpoints, OUR_PARTY, None, partner_sides=(foreign_emsp.side,))


@pytest_asyncio.fixture
async def calls(adapter: Adapter, link: Link, counterpart: Counterpart) -> PartnerCalls:
    """Registered, with the token that the partner issued."""
    theirs = await adapter.calls(link).register(_ours(counterpart))
    (role,) = theirs.roles
    return adapter.calls(replace(link, token=theirs.token, partner_party=role.party))


async def test_handshake(adapter: Adapter, link: Link, counterpart: Counterpart) -> None:
    theirs = await adapter.calls(link).register(_ours(counterpart))
    (role,) = theirs.roles

    assert (role.party.key, role.role) == (counterpart.partner.party.key, Role.EMSP)
    assert theirs.versions_url == counterpart.partner.versions_url
    assert [call.path for call in counterpart.calls] == ["/versions", f"/{adapter.version}"]


async def test_second_registration_is_rejected(calls: PartnerCalls, counterpart: Counterpart) -> None:
    with pytest.raises(PartnerRejected) as refusal:
        await calls.register(_ours(counterpart))

    assert refusal.value.http_status == 405


async def test_tokens_on_one_page(calls: PartnerCalls, foreign_emsp: Partner) -> None:
    foreign_emsp.hold("tokens", _card("04AA01"))
    page = await calls.get_page(Token, limit=10)

    assert page.next_url is None
    assert [read.value.owner.key for read in page.items] == [foreign_emsp.party.key]
    assert not page.unreadable


async def test_tokens_on_several_pages(calls: PartnerCalls, foreign_emsp: Partner) -> None:
    """The partner's links lead nowhere; its total and `offset` are right."""
    for uid in ("04AA01", "04AA02", "04AA03"):
        foreign_emsp.hold("tokens", _card(uid))
    pages = [await calls.get_page(Token, limit=2)]
    while pages[-1].next_url:
        pages.append(await calls.get_page(Token, limit=2, url=pages[-1].next_url))

    assert [fold(read.value.uid) for page in pages for read in page.items] == ["04AA01", "04AA02", "04AA03"]
    assert [[finding.code for finding in page.findings] for page in pages] == [["tolerance.next_link_elsewhere"], []]


async def test_authorisation(calls: PartnerCalls, foreign_emsp: Partner, version: str) -> None:
    foreign_emsp.hold("tokens", _card("04AA01"))
    said = await calls.authorize("04AA01", TokenType.RFID, LocationReference(location_id="LOC1"))

    assert said.value.allowed is Allowed.ALLOWED
    assert said.value.authorization_reference == ("auth-04aa01" if version != "2.1.1" else None)
    with pytest.raises(PartnerNotFound):
        await calls.authorize("0000", TokenType.RFID, None)


async def test_location_and_a_change_of_one_evse(adapter: Adapter, calls: PartnerCalls, foreign_emsp: Partner) -> None:
    before = _canonical(adapter, Location, documents.location("LOC1", **OURS))
    at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    first, *others = before.evses
    changed = first.model_copy(update={"status": EvseStatus.CHARGING, "last_updated": at})
    after = before.model_copy(update={"evses": (changed, *others), "last_updated": at})
    await calls.put(before)
    await calls.patch(before, after)
    (held,) = foreign_emsp.held("locations")
    read_back = await calls.get(Location, before.object_id)

    assert {fold(evse["uid"]): evse["status"] for evse in held["evses"]} == {
        "LOC1-E1": "CHARGING",
        "LOC1-E2": "AVAILABLE",
    }
    assert read_back.value.object_id.key == before.object_id.key


async def test_tariff_and_its_removal(adapter: Adapter, calls: PartnerCalls, foreign_emsp: Partner) -> None:
    tariff = _canonical(adapter, Tariff, documents.tariff("FLAT", **OURS))
    await calls.put(tariff)
    assert [fold(held["id"]) for held in foreign_emsp.held("tariffs")] == ["FLAT"]

    await calls.delete_tariff(tariff.object_id)
    assert foreign_emsp.held("tariffs") == []


async def test_session_and_its_end(adapter: Adapter, calls: PartnerCalls, foreign_emsp: Partner) -> None:
    begun = documents.session("SES1", _card("04AA01"), **OURS)
    before = _canonical(adapter, Session, begun)
    after = _canonical(adapter, Session, documents.completed(begun))
    await calls.put(before)
    await calls.patch(before, after)
    (held,) = foreign_emsp.held("sessions")

    assert (held["status"], held["kwh"]) == ("COMPLETED", 20.123)
    assert held["end_datetime" if adapter.version == "2.1.1" else "end_date_time"] == "2026-03-02T11:00:00Z"
    assert [p["dimensions"][0]["volume"] for p in held["charging_periods"]] == [20.123]


async def test_cdr(adapter: Adapter, calls: PartnerCalls, foreign_emsp: Partner) -> None:
    """The receipt's address leads nowhere: that is noted, and the CDR counts as delivered."""
    begun = documents.session("SES1", _card("04AA01"), **OURS)
    document = documents.cdr("CDR1", begun, of_tariff=documents.tariff("FLAT", **OURS))
    receipt = await calls.post_cdr(_canonical(adapter, Cdr, document))
    (held,) = foreign_emsp.held("cdrs")

    assert (receipt.http_status, receipt.ocpi_status, receipt.url) == (200, 1000, None)
    assert [finding.where for finding in receipt.findings] == ["Location", "status_message"]
    net = document["total_cost"]["excl_vat"]
    assert (held["id"], held["total_cost"]) == ("cdr1", net if adapter.version == "2.1.1" else document["total_cost"])


async def test_cdr_of_the_partner_is_read_in_its_own_spelling(
    adapter: Adapter, calls: PartnerCalls, foreign_emsp: Partner
) -> None:
    """As it is in the partner's books: without `cdr_location.evse_uid`, and in 2.1.1 with another name for the end."""
    begun = documents.session("SES1", _card("04AA01"), **OURS)
    document = documents.cdr("CDR1", begun, of_tariff=documents.tariff("FLAT", **OURS))
    await calls.post_cdr(_canonical(adapter, Cdr, document))
    (held,) = foreign_emsp.held("cdrs")
    read = adapter.read(Cdr, json.dumps(held).encode(), PARTIES)

    tolerated = {finding.code: finding.where for finding in read.findings}
    assert read.value.end == datetime(2026, 3, 2, 11, tzinfo=UTC)
    if adapter.version == "2.1.1":
        assert "stop_date_time" not in held
        assert tolerated["tolerance.end_for_stop"] == "stop_date_time"
    else:
        assert read.value.charge_point.evse_uid == "#NA"
        assert read.value.charge_point.evse_id == "be*frc*e1"
        assert tolerated["tolerance.evse_uid_missing"] == "cdr_location.evse_uid"


def _ours(counterpart: Counterpart) -> Credentials:
    role = BusinessRole(party=OUR_PARTY, role=Role.CPO, business_name="Roamwork")
    return Credentials(token=TOKEN_B, versions_url=f"{counterpart.url}/versions", roles=(role,))


def _card(uid: str) -> Document:
    return documents.token(uid, country_code="NL", party_id="FRN")


def _canonical(adapter: Adapter, kind: type[T], document: Document) -> T:
    module = f"{kind.__name__.lower()}s"
    spoken = documents.in_words_of(adapter.version, module, document)
    return adapter.read(kind, json.dumps(spoken).encode(), PARTIES).value
