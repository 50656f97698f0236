"""OCPI 2.2.1 as we speak it to a partner: the requests that go out, and what the answers become."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from starlette.responses import Response

from adapters.contract import (
    Adapter,
    Credentials,
    Link,
    PartnerCalls,
    PartnerError,
    PartnerNotFound,
    PartnerProtocolError,
    PartnerRejected,
    PartnerUnauthorized,
    PartnerUnavailable,
    UnsafeUrl,
)
from adapters.registry import build_registry
from adapters.transport.http import PartnerHttp
from canonical.cdr import Cdr
from canonical.identity import BusinessRole, Role
from canonical.invoice_record import InvoiceRecord
from canonical.location import Connector, Evse, EvseStatus, Location
from canonical.model import CanonicalModel
from canonical.partner import Endpoint
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Allowed, LocationReference, Token, TokenType
from tests.adapters.transport import objects
from tests.adapters.transport.objects import THEM, US, ours, theirs
from tests.adapters.transport.partner import Partner, enveloped

SECRET = "the-token-that-we-call-with"
ROUTING = {
    "ocpi-from-country-code": "DE",
    "ocpi-from-party-id": "RCO",
    "ocpi-to-country-code": "NL",
    "ocpi-to-party-id": "MSP",
}
MODULES = ("locations", "tariffs", "tokens", "sessions", "cdrs", "credentials")


@pytest.fixture
def adapter(http: PartnerHttp) -> Adapter:
    return build_registry(http).choose(["2.2.1"])


@pytest.fixture
def calls(adapter: Adapter, partner: Partner) -> PartnerCalls:
    return adapter.calls(link_to(partner))


@pytest.fixture
def read(adapter: Adapter) -> Callable[..., CanonicalModel]:
    def read(kind: type[CanonicalModel], document: dict[str, object], **changed: object) -> CanonicalModel:
        return adapter.read(kind, json.dumps({**document, **changed}).encode()).value

    return read


def link_to(partner: Partner, **changed: object) -> Link:
    endpoints = tuple(
        Endpoint(module=module, interface=interface, url=partner.url(f"/{interface[0].lower()}/{module}"))
        for module in MODULES
        for interface in ("SENDER", "RECEIVER")
    )
    fields = {
        "connection_id": "c",
        "token": SECRET,
        "endpoints": endpoints,
        "our_party": US,
        "partner_party": THEM,
        "correlation_id": "story",
    }
    return Link(**{**fields, **changed})


class TestRouting:
    async def test_functional_modules_say_from_whom_to_whom(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/s/locations"] = enveloped([])
        await calls.get_page(Location)
        assert ROUTING.items() <= partner.last.headers.items()
        assert partner.last.headers["x-correlation-id"] == "story"

    async def test_credentials_do_not(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/s/credentials"] = enveloped(objects.CREDENTIALS)
        await calls.get_credentials()
        assert not ROUTING.keys() & partner.last.headers.keys()

    async def test_a_partner_without_a_party_yet(self, adapter: Adapter, partner: Partner) -> None:
        partner.answers["GET", "/s/locations"] = enveloped([])
        await adapter.calls(link_to(partner, partner_party=None)).get_page(Location)
        assert "ocpi-from-party-id" in partner.last.headers
        assert "ocpi-to-party-id" not in partner.last.headers

    async def test_a_module_that_the_partner_does_not_offer(self, adapter: Adapter, partner: Partner) -> None:
        with pytest.raises(PartnerRejected, match="does not offer cdrs as SENDER"):
            await adapter.calls(link_to(partner, endpoints=())).get_page(Cdr)


class TestGetPage:
    async def test_query(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/s/cdrs"] = enveloped([])
        await calls.get_page(
            Cdr,
            since=datetime(2026, 3, 1, tzinfo=UTC),
            until=datetime(2026, 4, 1, 0, 0, 0, 1500, tzinfo=UTC),
            limit=50,
        )
        assert partner.last.query == (
            "offset=0&date_from=2026-03-01T00%3A00%3A00Z&date_to=2026-04-01T00%3A00%3A00.002Z&limit=50"
        )

    async def test_sessions_are_never_asked_for_without_a_date(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/s/sessions"] = enveloped([])
        await calls.get_page(Session)
        assert partner.last.query == "offset=0&date_from=1970-01-01T00%3A00%3A00Z"

    async def test_a_bad_element_does_not_take_the_page_along(self, calls: PartnerCalls, partner: Partner) -> None:
        good, nan = json.dumps(objects.CDR), '{"id": "C2", "total_energy": NaN}'
        twice = '{"id": "C3", "id": "C4"}'
        body = f'{{"data": [{nan}, {good}, {twice}, 7], "status_code": 1000}}'
        partner.answers["GET", "/s/cdrs"] = Response(body, headers={"X-Total-Count": "4"})
        page = await calls.get_page(Cdr)
        assert [item.value.id for item in page.items] == ["C1"]
        assert [kept.raw.decode() for kept in page.unreadable] == [nan, twice, "7"]
        assert all(kept.findings for kept in page.unreadable)
        assert (page.total, page.next_url) == (4, None)

    async def test_numbers_keep_their_digits(self, calls: PartnerCalls, partner: Partner) -> None:
        exact = json.dumps(objects.CDR).replace("0.45", "0.4500").replace("0.54", "0.1000000000000000055")
        partner.answers["GET", "/s/cdrs"] = Response(f'{{"data": [{exact}], "status_code": 1000}}')
        (item,) = (await calls.get_page(Cdr)).items
        assert str(item.value.total_cost.before_tax) == "0.4500"
        assert item.value.total_cost.after_tax == Decimal("0.1000000000000000055")

    async def test_all_pages(self, calls: PartnerCalls, partner: Partner) -> None:
        location = {**objects.LOCATION, "country_code": "NL", "party_id": "MSP"}
        partner.answers["GET", "/s/locations"] = [
            enveloped([{**location, "id": "1"}], headers={"Link": '<?offset=1>; rel="next"'}),
            enveloped([{**location, "id": "2"}], headers={"X-Total-Count": "3"}),
            enveloped([{**location, "id": "3"}], headers={"X-Total-Count": "3"}),
        ]
        pages = [await calls.get_page(Location)]
        while pages[-1].next_url:
            pages.append(await calls.get_page(Location, url=pages[-1].next_url))
        assert [item.value.id for page in pages for item in page.items] == ["1", "2", "3"]
        assert [seen.query for seen in partner.seen] == ["offset=0", "offset=1", "offset=2"]

    @pytest.mark.parametrize("data", [None, {}, []])
    async def test_ways_to_say_nothing(self, calls: PartnerCalls, partner: Partner, data: object) -> None:
        partner.answers["GET", "/s/tariffs"] = enveloped(data)
        assert (await calls.get_page(Tariff)).items == ()

    @pytest.mark.parametrize("data", ["text", 7, {"id": "1"}])
    async def test_data_that_is_no_list(self, calls: PartnerCalls, partner: Partner, data: object) -> None:
        partner.answers["GET", "/s/tariffs"] = enveloped(data)
        with pytest.raises(PartnerProtocolError, match="not a list"):
            await calls.get_page(Tariff)

    async def test_the_next_page_is_not_elsewhere(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/s/tariffs"] = enveloped([], headers={"Link": '<http://evil.example/>; rel="next"'})
        page = await calls.get_page(Tariff)
        assert page.next_url is None
        assert [finding.code for finding in page.findings] == ["crawl.link_elsewhere"]
        with pytest.raises(UnsafeUrl):
            await calls.get_page(Tariff, url="http://evil.example/")
        assert len(partner.seen) == 1


class TestGet:
    async def test_our_object_at_the_partner(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/r/locations/DE/RCO/LOC%2F1"] = enveloped(objects.LOCATION)
        assert (await calls.get(Location, ours("LOC/1"))).value.id == "LOC/1"

    async def test_the_partners_location(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/s/locations/%2E%2E"] = enveloped(objects.LOCATION)
        await calls.get(Location, theirs(".."))

    async def test_what_cannot_be_asked_for(self, calls: PartnerCalls) -> None:
        with pytest.raises(PartnerRejected, match="no GET"):
            await calls.get(Session, theirs("S1"))

    @pytest.mark.parametrize("name", ["RFID/04 AB", "04 AB"])
    async def test_our_token(self, calls: PartnerCalls, partner: Partner, name: str) -> None:
        partner.answers["GET", "/r/tokens/DE/RCO/04%20AB"] = enveloped(objects.TOKEN)
        assert (await calls.get(Token, ours(name), TokenType.RFID)).value.uid == "04 AB"
        assert partner.last.query == "type=RFID"

    async def test_unknown(self, calls: PartnerCalls) -> None:
        with pytest.raises(PartnerNotFound):
            await calls.get(Tariff, ours("T9"))

    async def test_no_data(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/r/tariffs/DE/RCO/T1"] = enveloped()
        with pytest.raises(PartnerProtocolError, match="no data"):
            await calls.get(Tariff, ours("T1"))

    async def test_unreadable(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/r/tariffs/DE/RCO/T1"] = enveloped({"id": "T1"})
        with pytest.raises(PartnerProtocolError, match="unreadable Tariff"):
            await calls.get(Tariff, ours("T1"))


class TestParts:
    EVSE_AT = "/r/locations/DE/RCO/LOC%2F1/DE%2ARCO%2AE1"
    evse = objects.LOCATION["evses"][0]
    connector = evse["connectors"][0]

    async def test_our_evse_at_the_partner(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", self.EVSE_AT] = enveloped(self.evse)
        evse = (await calls.get_part(Evse, ours("LOC/1"), "DE*RCO*E1")).value
        assert (evse.uid, evse.status) == ("DE*RCO*E1", EvseStatus.AVAILABLE)

    async def test_our_connector_at_the_partner(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", f"{self.EVSE_AT}/1"] = enveloped(self.connector)
        connector = (await calls.get_part(Connector, ours("LOC/1"), "DE*RCO*E1", "1")).value
        assert (connector.id, connector.standard) == ("1", "IEC_62196_T2")

    async def test_the_partners_evse_and_connector(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/s/locations/L1/E1"] = enveloped(self.evse)
        partner.answers["GET", "/s/locations/L1/E1/1"] = enveloped(self.connector)
        assert (await calls.get_part(Evse, theirs("L1"), "E1")).value.uid == "DE*RCO*E1"
        assert (await calls.get_part(Connector, theirs("L1"), "E1", "1")).value.id == "1"

    async def test_a_part_that_the_partner_does_not_have(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["GET", "/s/locations/L1/E9"] = enveloped(http=404, status_code=2003)
        with pytest.raises(PartnerNotFound):
            await calls.get_part(Evse, theirs("L1"), "E9")

    async def test_an_evse_is_put_whole(self, calls: PartnerCalls, partner: Partner, read) -> None:
        partner.answers["PUT", self.EVSE_AT] = enveloped(http=201)
        evse = read(Location, objects.LOCATION).evses[0]
        receipt = await calls.put_part(ours("LOC/1"), evse)
        assert (receipt.http_status, partner.last.json) == (201, self.evse)

    async def test_a_connector_is_put_below_its_evse(self, calls: PartnerCalls, partner: Partner, read) -> None:
        partner.answers["PUT", f"{self.EVSE_AT}/1"] = enveloped()
        connector = read(Location, objects.LOCATION).evses[0].connectors[0]
        await calls.put_part(ours("LOC/1"), connector, "DE*RCO*E1")
        assert partner.last.json == self.connector

    async def test_what_the_partner_holds_is_compared_with_what_we_hold(
        self, calls: PartnerCalls, partner: Partner, read
    ) -> None:
        kept = {**objects.LOCATION, "name": "As it was"}
        partner.answers["GET", "/r/locations/DE/RCO/LOC%2F1"] = enveloped(kept)
        mine = read(Location, objects.LOCATION)
        held = (await calls.get(Location, mine.object_id)).value
        assert held != mine
        assert held.model_copy(update={"name": None}) == mine


RECORD = {
    "country_code": "DE",
    "party_id": "RCO",
    "id": "R1",
    "invoice_id": "DERCO-2026-1",
    "cdrs": ["C1", "C2"],
    "last_updated": objects.AT,
}


class TestInvoiceRecords:
    """OCPI 2.3.0: the issuer of an invoice lists, posts, puts and deletes; the other side gets."""

    @pytest.fixture
    def calls(self, http: PartnerHttp, partner: Partner) -> PartnerCalls:
        endpoints = tuple(
            Endpoint(module="invoicereconciliation", interface=side, url=partner.url(f"/{side[0].lower()}/inv"))
            for side in ("SENDER", "RECEIVER")
        )
        return build_registry(http).choose(["2.3.0"]).calls(link_to(partner, endpoints=endpoints))

    @pytest.fixture
    def record(self, http: PartnerHttp) -> InvoiceRecord:
        return build_registry(http).choose(["2.3.0"]).read(InvoiceRecord, json.dumps(RECORD).encode()).value

    async def test_list(self, calls: PartnerCalls, partner: Partner, record: InvoiceRecord) -> None:
        partner.answers["GET", "/s/inv"] = enveloped([RECORD])
        page = await calls.get_page(InvoiceRecord, limit=10)
        assert [item.value for item in page.items] == [record]

    async def test_get_ours_at_the_partner(self, calls: PartnerCalls, partner: Partner, record: InvoiceRecord) -> None:
        partner.answers["GET", "/r/inv/DE/RCO/R1"] = enveloped(RECORD)
        assert (await calls.get(InvoiceRecord, record.object_id)).value == record

    async def test_put(self, calls: PartnerCalls, partner: Partner, record: InvoiceRecord) -> None:
        partner.answers["PUT", "/r/inv/DE/RCO/R1"] = enveloped()
        await calls.put(record)
        assert partner.last.json == RECORD

    async def test_post(self, calls: PartnerCalls, partner: Partner, record: InvoiceRecord) -> None:
        partner.answers["POST", "/r/inv"] = enveloped(http=201)
        assert (await calls.post_invoice_record(record)).http_status == 201
        assert partner.last.json == RECORD

    async def test_delete(self, calls: PartnerCalls, partner: Partner, record: InvoiceRecord) -> None:
        partner.answers["DELETE", "/r/inv/DE/RCO/R1"] = enveloped()
        assert (await calls.delete_invoice_record(record.object_id)).ocpi_status == 1000


class TestPut:
    @pytest.mark.parametrize(
        ("kind", "document", "path", "query"),
        [
            (Location, objects.LOCATION, "/r/locations/DE/RCO/LOC%2F1", ""),
            (Tariff, objects.TARIFF, "/r/tariffs/DE/RCO/T1", ""),
            (Token, objects.TOKEN, "/r/tokens/DE/RCO/04%20AB", "type=RFID"),
            (Session, objects.SESSION, "/r/sessions/DE/RCO/S1", ""),
        ],
    )
    async def test_at_its_owners_place(
        self, calls: PartnerCalls, partner: Partner, read, kind, document, path: str, query: str
    ) -> None:
        partner.answers["PUT", path] = enveloped(http=201)
        receipt = await calls.put(read(kind, document))
        assert (receipt.http_status, receipt.ocpi_status) == (201, 1000)
        assert (partner.last.query, partner.last.json) == (query, document)

    async def test_an_empty_answer_will_do(self, calls: PartnerCalls, partner: Partner, read) -> None:
        partner.answers["PUT", "/r/tariffs/DE/RCO/T1"] = Response(status_code=204)
        assert (await calls.put(read(Tariff, objects.TARIFF))).http_status == 204

    async def test_a_refusal(self, calls: PartnerCalls, partner: Partner, read) -> None:
        partner.answers["PUT", "/r/tariffs/DE/RCO/T1"] = enveloped(status_code=2001, message="no elements")
        with pytest.raises(PartnerRejected, match="no elements") as refused:
            await calls.put(read(Tariff, objects.TARIFF))
        assert not refused.value.retryable

    async def test_delete_tariff(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["DELETE", "/r/tariffs/DE/RCO/T1"] = enveloped()
        assert (await calls.delete_tariff(ours("T1"))).ocpi_status == 1000


class TestPatch:
    LATER = "2026-03-01T09:30:00Z"

    async def test_token(self, calls: PartnerCalls, partner: Partner, read) -> None:
        partner.answers["PATCH", "/r/tokens/DE/RCO/04%20AB"] = enveloped()
        after = read(Token, objects.TOKEN, valid=False, last_updated=self.LATER)
        await calls.patch(read(Token, objects.TOKEN), after)
        assert partner.last.query == "type=RFID"
        assert partner.last.json == {"valid": False, "last_updated": self.LATER}

    async def test_session(self, calls: PartnerCalls, partner: Partner, read) -> None:
        partner.answers["PATCH", "/r/sessions/DE/RCO/S1"] = enveloped()
        new = {"start_date_time": self.LATER, "dimensions": [{"type": "ENERGY", "volume": 2}]}
        periods = [*objects.SESSION["charging_periods"], new]
        after = read(Session, objects.SESSION, kwh=3.5, charging_periods=periods, last_updated=self.LATER)
        await calls.patch(read(Session, objects.SESSION), after)
        assert partner.last.json == {"kwh": 3.5, "charging_periods": [new], "last_updated": self.LATER}

    async def test_evse(self, calls: PartnerCalls, partner: Partner, read) -> None:
        partner.answers["PATCH", "/r/locations/DE/RCO/LOC%2F1/DE%2ARCO%2AE1"] = enveloped()
        evse = {**objects.LOCATION["evses"][0], "status": "CHARGING", "last_updated": self.LATER}
        after = read(Location, objects.LOCATION, evses=[evse], last_updated=self.LATER)
        await calls.patch(read(Location, objects.LOCATION), after)
        assert partner.last.json == {"status": "CHARGING", "last_updated": self.LATER}

    async def test_tariff_is_put(self, calls: PartnerCalls, partner: Partner, read) -> None:
        partner.answers["PUT", "/r/tariffs/DE/RCO/T1"] = enveloped()
        after = read(Tariff, objects.TARIFF, last_updated=self.LATER)
        await calls.patch(read(Tariff, objects.TARIFF), after)
        assert partner.last.json == {**objects.TARIFF, "last_updated": self.LATER}

    async def test_not_repeated(self, calls: PartnerCalls, partner: Partner, read) -> None:
        partner.answers["PATCH", "/r/tokens/DE/RCO/04%20AB"] = enveloped(http=503, headers={"Retry-After": "3"})
        with pytest.raises(PartnerUnavailable) as refused:
            await calls.patch(read(Token, objects.TOKEN), read(Token, objects.TOKEN, valid=False))
        assert (refused.value.retry_after_s, len(partner.seen)) == (3.0, 1)


class TestPostCdr:
    @pytest.fixture
    def cdr(self, read) -> Cdr:
        return read(Cdr, objects.CDR)

    @pytest.mark.parametrize("location", ["/r/cdrs/77", "cdrs/77", "{base}/r/cdrs/77"])
    async def test_receipt(self, calls: PartnerCalls, partner: Partner, cdr: Cdr, location: str) -> None:
        partner.answers["POST", "/r/cdrs"] = enveloped(
            http=201, headers={"Location": location.format(base=partner.base)}
        )
        partner.answers["GET", "/r/cdrs/77"] = enveloped(objects.CDR)
        receipt = await calls.post_cdr(cdr)
        assert (receipt.http_status, receipt.ocpi_status, receipt.findings) == (201, 1000, ())
        assert receipt.url == partner.url("/r/cdrs/77")
        assert (await calls.get_cdr(receipt.url)).value == cdr

    async def test_location_in_the_body(self, calls: PartnerCalls, partner: Partner, cdr: Cdr) -> None:
        partner.answers["POST", "/r/cdrs"] = enveloped(partner.url("/r/cdrs/77"))
        receipt = await calls.post_cdr(cdr)
        assert receipt.url == partner.url("/r/cdrs/77")
        assert [f.code for f in receipt.findings] == ["tolerance.cdr_location_in_body"]

    @pytest.mark.parametrize(
        ("headers", "code"),
        [
            ({}, "tolerance.cdr_location_missing"),
            ({"Location": "http://evil.example/77"}, "tolerance.cdr_location_unsafe"),
        ],
    )
    async def test_accepted_without_a_usable_address(
        self, calls: PartnerCalls, partner: Partner, cdr: Cdr, headers: dict[str, str], code: str
    ) -> None:
        partner.answers["POST", "/r/cdrs"] = enveloped({}, headers=headers)
        receipt = await calls.post_cdr(cdr)
        assert (receipt.url, [f.code for f in receipt.findings]) == (None, [code])

    async def test_get_cdr_elsewhere(self, calls: PartnerCalls) -> None:
        with pytest.raises(UnsafeUrl):
            await calls.get_cdr("http://evil.example/77")

    async def test_nothing_is_no_receipt(self, calls: PartnerCalls, partner: Partner, cdr: Cdr) -> None:
        partner.answers["POST", "/r/cdrs"] = Response(status_code=201)
        with pytest.raises(PartnerProtocolError):
            await calls.post_cdr(cdr)


class TestAuthorize:
    PATH = "/s/tokens/04%2FAB/authorize"

    async def test_at_a_location(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["POST", self.PATH] = enveloped(
            {"allowed": "ALLOWED", "token": {**objects.TOKEN, "country_code": "NL", "party_id": "MSP"}}
        )
        where = LocationReference(location_id="LOC1", evse_uids=("E1",))
        answer = await calls.authorize("04/AB", TokenType.APP_USER, where)
        assert answer.value.allowed is Allowed.ALLOWED
        assert partner.last.query == "type=APP_USER"
        assert partner.last.json == {"location_id": "LOC1", "evse_uids": ["E1"]}

    async def test_anywhere(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["POST", self.PATH] = enveloped({"allowed": "BLOCKED", "token": objects.TOKEN})
        await calls.authorize("04/AB", TokenType.RFID, None)
        assert (partner.last.body, partner.last.headers["content-length"]) == (b"", "0")

    @pytest.mark.parametrize(
        ("status", "ocpi", "kind"),
        [
            (404, 2004, PartnerNotFound),
            (404, 2000, PartnerNotFound),
            (200, 2004, PartnerNotFound),
            (200, 2001, PartnerNotFound),
            (400, 2001, PartnerNotFound),
            (200, 2002, PartnerRejected),
            (401, 2001, PartnerUnauthorized),
            (500, 3000, PartnerUnavailable),
        ],
    )
    async def test_refusals(
        self, calls: PartnerCalls, partner: Partner, status: int, ocpi: int, kind: type[PartnerError]
    ) -> None:
        partner.answers["POST", self.PATH] = enveloped(http=status, status_code=ocpi)
        with pytest.raises(kind) as refused:
            await calls.authorize("04/AB", TokenType.RFID, None)
        assert type(refused.value) is kind
        assert refused.value.ocpi_status == ocpi


class TestCredentials:
    OURS = Credentials(
        token="the-token-that-we-gave",
        versions_url="https://we.example/ocpi/versions",
        roles=(BusinessRole(party=US, role=Role.CPO, business_name="Roamwork"),),
    )

    @pytest.mark.parametrize(("method", "name"), [("POST", "register"), ("PUT", "update")])
    async def test_exchange(self, calls: PartnerCalls, partner: Partner, method: str, name: str) -> None:
        partner.answers[method, "/s/credentials"] = enveloped(objects.CREDENTIALS)
        given = await getattr(calls, name)(self.OURS)
        assert (given.token, given.roles[0].party) == ("the-token-that-they-gave", THEM)
        assert partner.last.json["token"] == self.OURS.token

    async def test_unregister(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["DELETE", "/s/credentials"] = enveloped()
        await calls.unregister()

    async def test_unreadable_credentials_are_not_quoted(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["POST", "/s/credentials"] = enveloped({"token": ["the-token-that-they-gave"], "url": 7})
        with pytest.raises(PartnerProtocolError, match=r"unreadable credentials: .*token") as refused:
            await calls.register(self.OURS)
        assert "they-gave" not in str(refused.value)
        assert refused.value.__cause__ is None

    async def test_already_registered(self, calls: PartnerCalls, partner: Partner) -> None:
        partner.answers["POST", "/s/credentials"] = enveloped(http=405, status_code=2000)
        with pytest.raises(PartnerRejected) as refused:
            await calls.register(self.OURS)
        assert refused.value.http_status == 405


def test_the_token_is_in_no_repr(calls: PartnerCalls, partner: Partner) -> None:
    assert SECRET not in repr(calls) + repr(link_to(partner)) + repr(TestCredentials.OURS)
