"""Lists in pages over HTTP: stable while data changes, true totals, links that lead on, clear refusals."""

import re
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical.location import Location
from canonical.store import Store
from canonical.tariff import Tariff
from canonical.token import Token, TokenType, Whitelist
from tests.api.partner import ADAPTER, NOW, PUBLIC_URL, US, Partner
from tests.store.samples import at, location, of, tariff

LOCATIONS, TARIFFS, TOKENS = "/sender/locations", "/sender/tariffs", "/sender/tokens"


async def put(store: Store, *values: Location | Tariff) -> None:
    async with store.transaction() as unit:
        for value in values:
            await (unit.locations if isinstance(value, Location) else unit.tariffs).put(value)


async def get(partner: Partner, path: str, **query: object) -> httpx.Response:
    answer = await partner.request("GET", path, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200
    return answer


def ids(answer: httpx.Response) -> list[str]:
    assert answer.json()["status_code"] == 1000
    return [item["id"] for item in answer.json()["data"]]


def next_of(answer: httpx.Response) -> dict[str, str] | None:
    """The query of the link to the next page; its base has to be the configured public URL."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    found = re.fullmatch(r'<([^>]+)>; rel="next"', link)
    assert found is not None
    assert found[1].startswith(f"{PUBLIC_URL}/ocpi/{ADAPTER.version}/sender/")
    return dict(parse_qsl(urlsplit(found[1]).query))


async def crawled(partner: Partner, path: str, **query: object) -> list[str]:
    seen: list[str] = []
    following: dict[str, object] | None = dict(query)
    while following is not None:
        answer = await get(partner, path, **following)
        seen += ids(answer)
        following = next_of(answer)
    return seen


async def test_links_lead_through_the_whole_list_and_end(provider: Partner) -> None:
    names = [f"L{number}" for number in range(6)]
    await put(provider.deployment.store, *(location(name) for name in names))
    for limit in (1, 2, 3, 4, 6, 7):
        assert await crawled(provider, LOCATIONS, limit=limit) == names
    last = await get(provider, LOCATIONS, limit=3, offset=3)
    assert (last.headers["X-Total-Count"], last.headers["X-Limit"]) == ("6", "100")
    assert "Link" not in last.headers


async def test_nothing_that_stays_is_skipped_or_doubled_while_others_come_and_go(provider: Partner) -> None:
    store = provider.deployment.store
    await put(store, *(tariff(f"T{number}") for number in range(6)))
    first = await get(provider, TARIFFS, limit=2)
    async with store.transaction() as unit:
        await unit.tariffs.remove(of("T0"))
        await unit.tariffs.put(tariff("T3", updated=5))
        await unit.tariffs.put(tariff("NEW"))
    assert ids(first) == ["T0", "T1"]
    assert await crawled(provider, TARIFFS, **next_of(first)) == ["T2", "T3", "T4", "T5", "NEW"]


async def test_a_partner_that_counts_for_itself_gets_the_page_at_its_offset(provider: Partner) -> None:
    await put(provider.deployment.store, *(location(f"L{number}") for number in range(9)))
    first = await get(provider, LOCATIONS, limit=3)
    link = next_of(first)
    assert link is not None
    assert ids(await get(provider, LOCATIONS, limit=3, offset=6)) == ["L6", "L7", "L8"]
    # With a key that it took from a link and an offset of its own, the offset is what it asked for.
    assert ids(await get(provider, LOCATIONS, **(link | {"offset": "6"}))) == ["L6", "L7", "L8"]
    assert ids(await get(provider, LOCATIONS, offset=99)) == []
    only_key = {name: value for name, value in link.items() if name != "offset"}
    assert ids(await get(provider, LOCATIONS, **only_key)) == ["L3", "L4", "L5"]


async def test_filters_go_along_as_they_were_given_and_the_total_is_theirs(provider: Partner) -> None:
    await put(provider.deployment.store, *(location(f"L{number}", updated=number) for number in range(8)))
    since, until = at(2).isoformat(), at(7).isoformat()
    first = await get(provider, LOCATIONS, date_from=since, date_to=until, limit=2)
    assert (ids(first), first.headers["X-Total-Count"]) == (["L2", "L3"], "5")
    link = next_of(first)
    assert link is not None
    assert (link["date_from"], link["date_to"], link["limit"]) == (since, until, "2")
    assert await crawled(provider, LOCATIONS, **link) == ["L4", "L5", "L6"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "٣"}, "offset"),
        ({"offset": "9" * 40}, "offset"),
        ({"date_from": "yesterday"}, "date_from"),
        ({"date_from": "2026-13-01T00:00:00Z"}, "date_from"),
        ({"date_to": "0"}, "date_to"),
        ({"date_from": "2026-03-02T00:00:00Z", "date_to": "2026-03-01T00:00:00Z"}, "date_to"),
        ({"after": "5"}, "after"),
        ({"after": "5-x"}, "after"),
        ({"after": "1;DROP TABLE location"}, "after"),
    ],
)
async def test_a_wrong_parameter_is_refused_by_name(provider: Partner, query: dict[str, str], named: str) -> None:
    answer = await get(provider, LOCATIONS, **query)
    assert answer.json()["status_code"] == 2001
    assert answer.json()["status_message"].startswith(f"{named}: ")
    assert "Link" not in answer.headers


async def test_a_limit_above_ours_is_ours_and_each_module_has_its_own(provider: Partner, operator: Partner) -> None:
    token = Token(
        owner=US,
        uid="A",
        type=TokenType.RFID,
        contract_id="C",
        issuer="us",
        valid=True,
        whitelist=Whitelist.ALWAYS,
        last_updated=NOW,
    )
    async with operator.deployment.store.transaction() as unit:
        for number in range(101):
            await unit.tokens.put(token.model_copy(update={"uid": f"A{number}"}))
            await unit.locations.put(location(f"L{number}"))
    tokens = await get(operator, TOKENS, limit=5000)
    assert (len(tokens.json()["data"]), tokens.headers["X-Limit"]) == (101, "1000")
    locations = await get(provider, LOCATIONS, limit=5000)
    assert (len(ids(locations)), locations.headers["X-Limit"], locations.headers["X-Total-Count"]) == (
        100,
        "100",
        "101",
    )
    assert next_of(locations)["limit"] == "100"


async def test_a_change_is_on_the_next_page_that_is_asked_for(provider: Partner) -> None:
    store = provider.deployment.store
    await put(store, location("L1", name="before"))
    for name in ("one", "two", "three"):
        await put(store, location("L1", name=name, updated=1))
        listed = await get(provider, LOCATIONS)
        single = await get(provider, f"{LOCATIONS}/L1")
        assert [item["name"] for item in (*listed.json()["data"], single.json()["data"])] == [name, name]


async def test_an_object_without_words_is_left_out_counted_and_one_case(provider: Partner) -> None:
    store = provider.deployment.store
    # A location without a time zone, which this version wants to know.
    await put(store, location("L1"), location("L2").model_copy(update={"time_zone": None}), location("L3"))
    for _ in range(2):
        answer = await get(provider, LOCATIONS)
        assert (ids(answer), answer.headers["X-Total-Count"]) == (["L1", "L3"], "3")
        assert await crawled(provider, LOCATIONS, limit=1) == ["L1", "L3"]
    async with store.transaction() as unit:
        (case,) = await unit.cases.list()
    assert (case.kind, case.subject) == ("object-unwritable", "DE*RCO/L2")
    assert [finding.where for finding in case.findings] == ["time_zone"]


async def test_a_list_of_sessions_needs_a_beginning(provider: Partner) -> None:
    answer = await provider.request("GET", "/sender/sessions", params={"date_from": "2020-01-01T00:00:00Z"})
    assert (answer.json()["data"], answer.headers["X-Total-Count"]) == ([], "0")
    missing = await provider.request("GET", "/sender/sessions")
    assert missing.json()["status_message"].startswith("date_from: ")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.sampled_from(["add", "remove", "touch"]), st.integers(0, 11)), max_size=12),
    limit=st.integers(1, 4),
)
async def test_whoever_follows_links_sees_what_stays_exactly_once(
    provider: Partner, steps: list[tuple[str, int]], limit: int
) -> None:
    """Between two pages somebody adds, removes or changes something; the crawl begins with twelve tariffs."""
    store = provider.deployment.store
    async with store.transaction() as unit:
        for old in await unit.tariffs.all():
            await unit.tariffs.remove(old.object_id)
        for number in range(12):
            await unit.tariffs.put(tariff(f"T{number}"))
    stays, seen, added = {f"T{number}" for number in range(12)}, [], 0
    following: dict[str, str] | None = {"limit": str(limit)}
    while following is not None:
        answer = await get(provider, TARIFFS, **following)
        seen += ids(answer)
        following = next_of(answer)
        if steps:
            what, number = steps.pop()
            async with store.transaction() as unit:
                if what == "add":
                    added += 1
                    await unit.tariffs.put(tariff(f"N{added}"))
                elif what == "remove":
                    await unit.tariffs.remove(of(f"T{number}"))
                    stays.discard(f"T{number}")
                elif f"T{number}" in stays:
                    await unit.tariffs.put(tariff(f"T{number}", updated=len(steps) + 1))
    assert len(seen) == len(set(seen))
    assert stays <= set(seen)
