import httpx
import pytest

from adapters.contract import Page, PartnerProtocolError, UnsafeUrl
from adapters.transport import paging
from adapters.transport.envelope import Answer
from adapters.transport.paging import Following
from canonical.location import Location
from tests.adapters.transport.conftest import NOON

ENDPOINT = "https://partner.example/ocpi/2.2.1/locations"
FIRST = f"{ENDPOINT}?offset=0&limit=2"
SECOND = f"{ENDPOINT}?offset=2&limit=2"


def answer(url: str = FIRST, **headers: str) -> Answer:
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(url, 200, named, b"", None, NOON)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://a/1>; rel="next"', "https://a/1"),
        ("<https://a/1>; rel='next'", "https://a/1"),
        ("<https://a/1>;rel=next", "https://a/1"),
        ("<https://a/1> ; title=x ; REL = NEXT", "https://a/1"),
        ('<https://a/0>; rel="prev", <https://a/2>; rel="next"', "https://a/2"),
        ('<https://a/2>; rel="next", <https://a/9>; rel="last"', "https://a/2"),
        ('<https://a/1?x=1,2;3>; rel="next"', "https://a/1?x=1,2;3"),
        ('<https://a/1>; rel="last next"', "https://a/1"),
        ('< https://a/1 >; rel="next"', "https://a/1"),
        ('<https://a/1>; rel="prev"', None),
        ('<https://a/1>; rel="nextish"', None),
        ("https://a/1; rel=next", None),
        ("", None),
    ],
)
def test_link_header(header: str, target: str | None) -> None:
    assert paging.link_to_next(header) == target


class TestFollowing:
    def test_the_link_is_followed_as_it_stands(self) -> None:
        cursor = f"{ENDPOINT}?cursor=a%2Fb"
        assert paging.following(answer(link=f'<{cursor}>; rel="next"'), ENDPOINT, 2) == Following(cursor)

    def test_a_relative_link(self) -> None:
        assert paging.following(answer(link='<?offset=2&limit=2>; rel="next"'), ENDPOINT, 2) == Following(SECOND)

    def test_no_link_is_the_end(self) -> None:
        assert paging.following(answer(), ENDPOINT, 2) == Following(None)

    @pytest.mark.parametrize("target", ["https://evil.example/", "http://partner.example/ocpi"])
    def test_a_link_to_elsewhere(self, target: str) -> None:
        with pytest.raises(UnsafeUrl):
            paging.following(answer(link=f'<{target}>; rel="next"'), ENDPOINT, 2)

    @pytest.mark.parametrize(("total", "url"), [("5", SECOND), ("2", None)])
    def test_a_count_replaces_a_link_to_elsewhere(self, total: str, url: str | None) -> None:
        elsewhere = answer(link='<https://evil.example/?offset=9>; rel="next"', x_total_count=total)
        following = paging.following(elsewhere, ENDPOINT, 2)
        assert following.url == url
        assert [finding.code for finding in following.findings] == ["tolerance.next_link_elsewhere"]

    def test_no_count_replaces_a_link_to_elsewhere_after_a_cursor(self) -> None:
        cursor = answer(f"{ENDPOINT}?cursor=x", link='<https://evil.example/>; rel="next"', x_total_count="50")
        with pytest.raises(UnsafeUrl):
            paging.following(cursor, ENDPOINT, 2)

    def test_a_link_to_itself(self) -> None:
        with pytest.raises(PartnerProtocolError, match="same page"):
            paging.following(answer(link=f'<{FIRST}>; rel="next"'), ENDPOINT, 2)

    def test_a_count_that_says_more_replaces_a_missing_link(self) -> None:
        assert paging.following(answer(x_total_count="5"), ENDPOINT, 2) == Following(SECOND)

    @pytest.mark.parametrize(
        ("url", "total", "count"),
        [
            (FIRST, "2", 2),
            (SECOND, "4", 2),
            (FIRST, "50", 0),
            (FIRST, "many", 2),
            (FIRST, "-1", 2),
            (f"{ENDPOINT}?cursor=x", "50", 2),
        ],
    )
    def test_a_count_is_only_a_hint(self, url: str, total: str, count: int) -> None:
        assert paging.following(answer(url, x_total_count=total), ENDPOINT, count) == Following(None)


class Crawled:
    """A partner's list as a map from URL to next URL; the first page has no URL."""

    def __init__(self, links: dict[str | None, str | None]) -> None:
        self.links = links

    async def get_page(self, kind, *, since=None, until=None, url=None, limit=None) -> Page[Location]:
        return Page(items=(), next_url=self.links[url])


class TestPages:
    async def test_until_there_is_no_next(self) -> None:
        calls = Crawled({None: "b", "b": "c", "c": None})
        assert [page.next_url async for page in paging.pages(calls, Location)] == ["b", "c", None]

    async def test_a_circle(self) -> None:
        with pytest.raises(PartnerProtocolError, match="circle"):
            [page async for page in paging.pages(Crawled({None: "b", "b": "c", "c": "b"}), Location)]

    async def test_no_end(self) -> None:
        class Endless:
            async def get_page(self, kind, *, url=None, **_: object) -> Page[Location]:
                return Page(items=(), next_url=f"{url}x")

        with pytest.raises(PartnerProtocolError, match="more than 20 pages"):
            [page async for page in paging.pages(Endless(), Location, pages_max=20)]
