import pytest

from adapters import discovery
from adapters.contract import (
    OfferedVersion,
    PartnerProtocolError,
    PartnerRejected,
    PartnerUnauthorized,
    PartnerUnavailable,
    UnsafeUrl,
)
from adapters.transport.http import PartnerHttp
from canonical.partner import Endpoint, Side
from tests.adapters.transport.partner import Partner, enveloped

ENCODED, RAW = "Token dG9rZW4=", "Token token"


def endpoint(identifier: str, url: str, **more: object) -> dict[str, object]:
    return {"identifier": identifier, "url": url, **more}


class TestOfferedVersions:
    async def test_in_the_partners_order(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["GET", "/versions"] = enveloped(
            [
                {"version": "2.1.1", "url": partner.url("/2.1.1")},
                {"version": "2.2.1", "url": "2.2.1", "more": 1},
                {"version": "9.9-beta", "url": "/9"},
                {"url": "/without-version"},
                None,
            ]
        )
        assert await discovery.offered_versions(http, partner.url("/versions"), [ENCODED]) == (
            OfferedVersion("2.1.1", partner.url("/2.1.1")),
            OfferedVersion("2.2.1", partner.url("/2.2.1")),
            OfferedVersion("9.9-beta", partner.url("/9")),
        )
        sent = partner.last.headers
        assert sent["authorization"] == ENCODED
        assert not [name for name in sent if name.startswith("ocpi-")]

    @pytest.mark.parametrize("refusal", [(401, 2000), (403, 2000), (400, 2001), (200, 2001)])
    async def test_the_other_spelling_of_the_token(
        self, http: PartnerHttp, partner: Partner, refusal: tuple[int, int]
    ) -> None:
        partner.answers["GET", "/versions"] = [
            enveloped(http=refusal[0], status_code=refusal[1]),
            enveloped([{"version": "2.2.1", "url": "/2.2.1"}]),
        ]
        assert len(await discovery.offered_versions(http, partner.url("/versions"), [ENCODED, RAW])) == 1
        assert [seen.headers["authorization"] for seen in partner.seen] == [ENCODED, RAW]

    async def test_no_spelling_is_accepted(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["GET", "/versions"] = [enveloped(http=401), enveloped(status_code=2000)]
        with pytest.raises(PartnerUnauthorized):
            await discovery.offered_versions(http, partner.url("/versions"), [ENCODED, RAW])

    async def test_no_token(self, http: PartnerHttp, partner: Partner) -> None:
        with pytest.raises(PartnerUnauthorized):
            await discovery.offered_versions(http, partner.url("/versions"), [])

    async def test_a_partner_that_is_down_is_asked_once(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["GET", "/versions"] = enveloped(http=503)
        with pytest.raises(PartnerUnavailable):
            await discovery.offered_versions(http, partner.url("/versions"), [ENCODED, RAW])
        assert len(partner.seen) == 1

    async def test_a_url_of_version_details_instead(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["GET", "/2.2.1"] = enveloped({"version": "2.2.1", "endpoints": []})
        versions = await discovery.offered_versions(http, partner.url("/2.2.1"), [ENCODED])
        assert versions == (OfferedVersion("2.2.1", partner.url("/2.2.1")),)

    @pytest.mark.parametrize("data", [None, {}, "text", 7, {"version": "2.2.1", "endpoints": {}}])
    async def test_something_else(self, http: PartnerHttp, partner: Partner, data: object) -> None:
        partner.answers["GET", "/versions"] = enveloped(data)
        with pytest.raises(PartnerProtocolError):
            await discovery.offered_versions(http, partner.url("/versions"), [ENCODED])

    async def test_not_there(self, http: PartnerHttp, partner: Partner) -> None:
        with pytest.raises(PartnerRejected):
            await discovery.offered_versions(http, partner.url("/versions"), [ENCODED])


class TestEndpoints:
    async def found(
        self, http: PartnerHttp, partner: Partner, *listed: object, version: str = "2.2.1"
    ) -> list[tuple[str, str, str]]:
        partner.answers["GET", "/ocpi/v"] = enveloped({"version": version, "endpoints": listed})
        details = await discovery.details(http, partner.url("/ocpi/v"), [ENCODED])
        assert details.version == version
        assert all(isinstance(e, Endpoint) for e in details.endpoints)
        return [(e.module, e.interface, e.url.removeprefix(partner.base)) for e in details.endpoints]

    async def test_the_spelling_of_the_token_that_was_accepted_is_told_but_not_shown(
        self, http: PartnerHttp, partner: Partner
    ) -> None:
        partner.answers["GET", "/v"] = [enveloped(http=401), enveloped({"version": "2.2.1", "endpoints": []})]
        details = await discovery.details(http, partner.url("/v"), [ENCODED, RAW])
        assert details.authorization == RAW
        assert RAW not in repr(details)

    async def test_of_modules_that_we_know(self, http: PartnerHttp, partner: Partner) -> None:
        assert await self.found(
            http,
            partner,
            endpoint("credentials", partner.url("/c"), role="RECEIVER"),
            endpoint("cdrs", "/ocpi/cdrs", role="SENDER"),
            endpoint("CDRs", "cdrs/in", role="receiver"),
            endpoint("cdrs", "/second", role="SENDER"),
            endpoint("bookings", "/b", role="SENDER"),
            endpoint("tokens", "/t", role="BOTH"),
            {"identifier": "tokens"},
            None,
        ) == [
            ("credentials", "SENDER", "/c"),
            ("cdrs", "SENDER", "/ocpi/cdrs"),
            ("cdrs", "RECEIVER", "/ocpi/cdrs/in"),
        ]

    async def test_without_roles(self, http: PartnerHttp, partner: Partner) -> None:
        assert await self.found(
            http,
            partner,
            endpoint("credentials", "/c"),
            endpoint("tokens", "/ocpi/receiver/tokens"),
            endpoint("cdrs", "/ocpi/cdrs", role=None),
            version="2.1.1",
        ) == [
            ("credentials", "SENDER", "/c"),
            ("tokens", "RECEIVER", "/ocpi/receiver/tokens"),
            ("cdrs", "SENDER", "/ocpi/cdrs"),
            ("cdrs", "RECEIVER", "/ocpi/cdrs"),
        ]

    @pytest.mark.parametrize(
        ("side", "found"),
        [
            (Side.CPO, [("tokens", "RECEIVER"), ("cdrs", "SENDER"), ("commands", "RECEIVER")]),
            (Side.EMSP, [("tokens", "SENDER"), ("cdrs", "RECEIVER"), ("commands", "SENDER")]),
        ],
    )
    async def test_without_roles_the_side_of_the_partner_says_what_it_is(
        self, http: PartnerHttp, partner: Partner, side: Side, found: list[tuple[str, str]]
    ) -> None:
        listed = [endpoint(module, f"/{module}") for module in ("tokens", "cdrs", "commands")]
        partner.answers["GET", "/v"] = enveloped({"version": "2.1.1", "endpoints": listed})
        details = await discovery.details(http, partner.url("/v"), [ENCODED], partner_sides=[side])
        assert [(e.module, e.interface) for e in details.endpoints] == found

    async def test_both_sides_in_one_list_are_told_apart_by_their_trees(
        self, http: PartnerHttp, partner: Partner
    ) -> None:
        paths = ("/ocpi/cpo/locations", "/ocpi/emsp/locations", "/ocpi/CPO/tokens", "/ocpi/msp/tokens", "/ocpi/cdrs")
        listed = [endpoint(path.rsplit("/", 1)[1], path) for path in paths]
        partner.answers["GET", "/v"] = enveloped({"version": "2.1.1", "endpoints": listed})
        details = await discovery.details(http, partner.url("/v"), [ENCODED], partner_sides=list(Side))
        assert [(e.module, e.interface, e.url.removeprefix(partner.base)) for e in details.endpoints] == [
            ("locations", "SENDER", "/ocpi/cpo/locations"),
            ("locations", "RECEIVER", "/ocpi/emsp/locations"),
            ("tokens", "RECEIVER", "/ocpi/CPO/tokens"),
            ("tokens", "SENDER", "/ocpi/msp/tokens"),
            ("cdrs", "SENDER", "/ocpi/cdrs"),
            ("cdrs", "RECEIVER", "/ocpi/cdrs"),
        ]

    async def test_odd_urls(self, http: PartnerHttp, partner: Partner) -> None:
        """Blanks around, relative ones, without a host, with a query; and one that is none."""
        assert await self.found(
            http,
            partner,
            endpoint("credentials", f"  {partner.url('/c')} ", role="SENDER"),
            endpoint("cdrs", "../cdrs/", role="SENDER"),
            endpoint("tokens", "?module=tokens", role="SENDER"),
            endpoint("tariffs", "//" + partner.base.split("//")[1] + "/t", role="SENDER"),
            endpoint("sessions", "http://[half", role="SENDER"),
        ) == [
            ("credentials", "SENDER", "/c"),
            ("cdrs", "SENDER", "/cdrs/"),
            ("tokens", "SENDER", "/ocpi/v?module=tokens"),
            ("tariffs", "SENDER", "/t"),
        ]

    @pytest.mark.parametrize("url", ["ftp://partner.example/", "http://169.254.169.254/", "http://u:p@x/"])
    async def test_unsafe(self, http: PartnerHttp, partner: Partner, url: str) -> None:
        with pytest.raises(UnsafeUrl):
            await self.found(http, partner, endpoint("cdrs", url, role="SENDER"))

    async def test_something_else(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["GET", "/ocpi/v"] = enveloped([])
        with pytest.raises(PartnerProtocolError):
            await discovery.details(http, partner.url("/ocpi/v"), [ENCODED])
