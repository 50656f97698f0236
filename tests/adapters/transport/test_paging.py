import httpx
import pytest

from adapters.transport import paging
from adapters.transport.envelope import Answer
from adapters.transport.paging import Following
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


def codes(following: Following) -> list[str]:
    return [finding.code for finding in following.findings]


class TestFollowing:
    def test_the_link_is_followed_as_it_stands(self) -> None:
        cursor = f"{ENDPOINT}?cursor=a%2Fb"
        assert paging.following(answer(link=f'<{cursor}>; rel="next"'), ENDPOINT, 2) == Following(cursor)

    def test_a_relative_link(self) -> None:
        assert paging.following(answer(link='<?offset=2&limit=2>; rel="next"'), ENDPOINT, 2) == Following(SECOND)

    def test_no_link_is_the_end(self) -> None:
        assert paging.following(answer(), ENDPOINT, 2) == Following(None)

    @pytest.mark.parametrize("target", ["https://evil.example/", "http://partner.example/ocpi"])
    def test_a_link_to_elsewhere_ends_the_list_and_says_so(self, target: str) -> None:
        following = paging.following(answer(link=f'<{target}>; rel="next"'), ENDPOINT, 2)
        assert following.url is None
        assert codes(following) == ["crawl.link_elsewhere"]

    @pytest.mark.parametrize(("total", "url"), [("5", SECOND), ("2", None)])
    def test_a_count_replaces_a_link_to_elsewhere(self, total: str, url: str | None) -> None:
        elsewhere = answer(link='<https://evil.example/?offset=9>; rel="next"', x_total_count=total)
        following = paging.following(elsewhere, ENDPOINT, 2)
        assert following.url == url
        assert codes(following) == ["tolerance.next_link_elsewhere"]

    def test_no_count_replaces_a_link_to_elsewhere_after_a_cursor(self) -> None:
        cursor = answer(f"{ENDPOINT}?cursor=x", link='<https://evil.example/>; rel="next"', x_total_count="50")
        following = paging.following(cursor, ENDPOINT, 2)
        assert following.url is None
        assert codes(following) == ["crawl.link_elsewhere"]

    @pytest.mark.parametrize(("total", "url"), [("5", SECOND), ("2", None), ("", None)])
    def test_a_link_to_itself_is_not_followed(self, total: str, url: str | None) -> None:
        following = paging.following(answer(link=f'<{FIRST}>; rel="next"', x_total_count=total), ENDPOINT, 2)
        assert following.url == url
        assert codes(following) == ["crawl.link_to_itself"]

    def test_a_count_that_says_more_replaces_a_missing_link(self) -> None:
        following = paging.following(answer(x_total_count="5"), ENDPOINT, 2)
        assert following.url == SECOND
        assert codes(following) == ["crawl.link_missing"]

    def test_a_limit_of_zero_is_named(self) -> None:
        following = paging.following(answer(link=f'<{SECOND}>; rel="next"', x_limit="0"), ENDPOINT, 2)
        assert following.url == SECOND
        assert codes(following) == ["crawl.limit_zero"]

    def test_an_empty_page_before_the_total_is_reached(self) -> None:
        following = paging.following(answer(x_total_count="50"), ENDPOINT, 0)
        assert following.url is None
        assert codes(following) == ["crawl.ended_early"]

    @pytest.mark.parametrize(
        ("url", "total", "count"),
        [
            (FIRST, "2", 2),
            (SECOND, "4", 2),
            (FIRST, "many", 2),
            (FIRST, "-1", 2),
            (f"{ENDPOINT}?cursor=x", "50", 2),
        ],
    )
    def test_a_count_is_only_a_hint(self, url: str, total: str, count: int) -> None:
        assert paging.following(answer(url, x_total_count=total), ENDPOINT, count) == Following(None)
