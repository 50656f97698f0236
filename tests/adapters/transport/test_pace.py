"""How hard a partner is called: real requests to a real server, with a pace that the test can see."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime

import pytest
from starlette.requests import Request
from starlette.responses import Response

from adapters.contract import Module, PartnerUnavailable
from adapters.transport.envelope import Answer
from adapters.transport.http import PartnerHttp
from adapters.transport.limiter import Limiter, Pace
from tests.adapters.transport.conftest import LOCAL, NOON
from tests.adapters.transport.partner import Partner, enveloped, running_partner


@pytest.fixture
async def other() -> AsyncIterator[Partner]:
    async with running_partner() as running:
        yield running


async def ask(http: PartnerHttp, url: str, partner: str | None = None, method: str = "GET") -> Answer:
    return await http.request(
        method, url, authorization="Token c2VjcmV0LXRva2Vu", module=Module.LOCATIONS, partner=partner
    )


class Crowd:
    """An endpoint that holds its callers until it is opened, and counts how many stand before it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.inside = 0
        self.most = 0
        self.changed = asyncio.Condition()

    async def __call__(self, _: Request) -> Response:
        async with self.changed:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.changed.notify_all()
        await self.open.wait()
        self.inside -= 1
        return enveloped()

    async def holds(self, count: int) -> None:
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: self.inside >= count), 10)


async def test_no_more_requests_at_once_than_the_pace_says(partner: Partner) -> None:
    crowd = Crowd()
    partner.answers["GET", "/x"] = crowd
    async with PartnerHttp(LOCAL, pace=Pace(at_once=3, per_second=1000)) as http:
        asked = [asyncio.create_task(ask(http, partner.url("/x"))) for _ in range(9)]
        await crowd.holds(3)
        crowd.open.set()
        assert [answer.status for answer in await asyncio.gather(*asked)] == [200] * 9
    assert crowd.most == 3


async def test_a_partner_that_does_not_answer_holds_up_nobody_else(partner: Partner, other: Partner) -> None:
    crowd = Crowd()
    partner.answers["GET", "/x"] = crowd
    other.answers["GET", "/x"] = enveloped()
    async with PartnerHttp(LOCAL, timeout_s=30, pace=Pace(at_once=2, per_second=1000)) as http:
        stuck = [asyncio.create_task(ask(http, partner.url("/x"), "dead")) for _ in range(10)]
        await crowd.holds(2)
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(ask(http, other.url("/x"), "alive") for _ in range(20)))
        assert {answer.status for answer in answers} == {200}
        assert not any(task.done() for task in stuck)
        crowd.open.set()
        await asyncio.gather(*stuck)


async def test_two_partners_on_one_host_have_a_pace_each(partner: Partner) -> None:
    crowd = Crowd()
    partner.answers["GET", "/slow"] = crowd
    partner.answers["GET", "/x"] = enveloped()
    async with PartnerHttp(LOCAL, pace=Pace(at_once=1, per_second=1000)) as http:
        slow = asyncio.create_task(ask(http, partner.url("/slow"), "one"))
        await crowd.holds(1)
        assert (await asyncio.wait_for(ask(http, partner.url("/x"), "two"), 5)).status == 200
        crowd.open.set()
        await slow


async def test_requests_begin_no_faster_than_the_pace_says(partner: Partner) -> None:
    partner.answers["GET", "/x"] = enveloped()
    async with PartnerHttp(LOCAL, pace=Pace(at_once=50, per_second=20)) as http:
        began = time.monotonic()
        await asyncio.gather(*(ask(http, partner.url("/x")) for _ in range(26)))
        assert time.monotonic() - began >= 0.25  # 20 at once, and 6 more at 20 a second


@pytest.mark.parametrize("http_status", [429, 503])
async def test_a_long_pause_is_told_and_the_partner_is_left_alone(partner: Partner, http_status: int) -> None:
    partner.answers["GET", "/x"] = enveloped(http=http_status, headers={"Retry-After": "120"})
    async with PartnerHttp(LOCAL) as http:
        assert (await ask(http, partner.url("/x"))).status == http_status
        with pytest.raises(PartnerUnavailable, match="pause") as refused:
            await ask(http, partner.url("/other"))
    assert refused.value.retry_after_s == pytest.approx(120, abs=2)
    assert len(partner.seen) == 1


async def test_a_pause_until_a_date(partner: Partner) -> None:
    later = format_datetime(NOON + timedelta(minutes=10), usegmt=True)
    partner.answers["GET", "/x"] = enveloped(http=429, headers={"Retry-After": later})
    async with PartnerHttp(LOCAL, clock=lambda: NOON) as http:
        await ask(http, partner.url("/x"))
        with pytest.raises(PartnerUnavailable) as refused:
            await ask(http, partner.url("/x"))
    assert refused.value.retry_after_s == pytest.approx(600, abs=2)


async def test_a_pause_of_one_partner_is_not_one_of_another(partner: Partner, other: Partner) -> None:
    partner.answers["GET", "/x"] = enveloped(http=429, headers={"Retry-After": "120"})
    other.answers["GET", "/x"] = enveloped()
    async with PartnerHttp(LOCAL) as http:
        await ask(http, partner.url("/x"), "one")
        assert (await ask(http, other.url("/x"), "two")).status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_pause_of_a_second_is_sat_out_and_the_request_made_again(partner: Partner, method: str) -> None:
    partner.answers[method, "/x"] = [enveloped(http=429, headers={"Retry-After": "1"}), enveloped()]
    async with PartnerHttp(LOCAL) as http:
        began = time.monotonic()
        assert (await ask(http, partner.url("/x"), method=method)).status == 200
    assert time.monotonic() - began >= 0.9
    first, second = (seen.headers["x-request-id"] for seen in partner.seen)
    assert first != second


async def test_it_is_made_again_once_and_no_more(partner: Partner) -> None:
    again = enveloped(http=429, headers={"Retry-After": "0"})
    partner.answers["GET", "/x"] = [again, again, enveloped()]
    async with PartnerHttp(LOCAL) as http:
        assert (await ask(http, partner.url("/x"))).status == 429
    assert len(partner.seen) == 2


async def test_a_503_may_have_been_executed_and_is_not_made_again(partner: Partner) -> None:
    partner.answers["POST", "/x"] = enveloped(http=503, headers={"Retry-After": "0"})
    async with PartnerHttp(LOCAL) as http:
        assert (await ask(http, partner.url("/x"), method="POST")).status == 503
    assert len(partner.seen) == 1


async def test_a_429_without_a_time_makes_pauses_that_grow() -> None:
    now = 0.0
    limiter = Limiter(Pace(), lambda: now, patience_s=0.0)
    pauses = [limiter.pause(None) for _ in range(8)]
    assert 0.5 <= pauses[0] <= 1.0
    assert all(30 <= pause <= 60 for pause in pauses[6:])
    limiter.answered()
    assert limiter.pause(None) <= 1.0


async def test_a_turn_that_does_not_come_soon_is_told() -> None:
    limiter = Limiter(Pace(at_once=1), time.monotonic, patience_s=0.05)
    async with limiter.turn():
        with pytest.raises(PartnerUnavailable, match="under way"):
            async with limiter.turn():
                pass
    async with limiter.turn():  # the turn that was not taken is free again
        pass
