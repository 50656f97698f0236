"""The bad road: each trouble does what it is called, and is written down; without one everything passes as it is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from deploy.chaos.evidence import FaultLog
from deploy.chaos.plan import Mishap, Trouble, Weather
from deploy.chaos.proxy import FaultProxy
from deploy.embedded.ports import LOOPBACK, free_port

ANSWER = b'{"status_code":1000,"data":[1,2,3]}'


@dataclass
class Site:
    """What is behind the road: it keeps what arrives whole, and counts what does not."""

    port: int = field(default_factory=free_port)
    arrived: list[bytes] = field(default_factory=list)
    broken: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(li.split(b":")[1]) for li in head.lower().split(b"\r\n") if b"content-length" in li), 0)
            self.arrived.append(await reader.readexactly(length))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
            await writer.drain()
        except asyncio.IncompleteReadError:
            self.broken += 1
        finally:
            writer.close()


class Script(Weather):
    """These troubles, one after the other, and then none."""

    def __init__(self, *troubles: Trouble) -> None:
        super().__init__(0)
        object.__setattr__(self, "left", list(troubles))

    def at(self, direction: str, number: int) -> Mishap | None:
        left: list[Trouble] = getattr(self, "left")  # noqa: B009  the dataclass is frozen
        return Mishap(left.pop(0), 0.2) if left else None


@dataclass
class Road:
    site: Site
    proxy: FaultProxy
    faults: FaultLog
    http: httpx.AsyncClient

    async def post(self, body: bytes = b"a body") -> httpx.Response:
        return await self.http.post(f"{self.proxy.url}/ocpi/cdrs?token=hidden", content=body)


@asynccontextmanager
async def road(*troubles: Trouble) -> AsyncIterator[Road]:
    site, faults = Site(), FaultLog()
    server = await asyncio.start_server(site.serve, LOOPBACK, site.port)
    proxy = FaultProxy("cpo→emsp", free_port(), site.port, Script(*troubles), faults)
    async with proxy, httpx.AsyncClient(trust_env=False, timeout=10) as http:
        yield Road(site, proxy, faults, http)
    server.close()


async def test_in_good_weather_everything_passes_as_it_is() -> None:
    async with road() as way:
        for body in (b"", b"one", b"x" * 100_000):
            answer = await way.post(body)
            assert (answer.status_code, answer.content) == (200, ANSWER)
        assert way.site.arrived == [b"", b"one", b"x" * 100_000]
        assert len(way.faults) == 0


@pytest.mark.parametrize(
    ("trouble", "arrives"),
    [
        (Trouble.CUT_BEFORE_REQUEST, 0),
        (Trouble.CUT_IN_REQUEST, 0),
        (Trouble.CUT_AFTER_REQUEST, 1),
        (Trouble.CUT_IN_ANSWER, 1),
    ],
)
async def test_a_cut_leaves_the_caller_without_an_answer(trouble: Trouble, arrives: int) -> None:
    async with road(trouble) as way:
        with pytest.raises(httpx.TransportError):
            await way.post()
        await _soon(lambda: len(way.site.arrived) == arrives and way.site.broken == (trouble is Trouble.CUT_IN_REQUEST))
        assert (await way.post()).status_code == 200


async def test_a_cut_after_the_answer_ends_the_connection_and_nothing_else() -> None:
    async with road(Trouble.CUT_AFTER_ANSWER) as way:
        assert (await way.post()).content == ANSWER
        assert (await way.post()).content == ANSWER
        assert len(way.site.arrived) == 2


@pytest.mark.parametrize(
    ("trouble", "status", "arrives"),
    [
        (Trouble.TOO_MANY, 429, 0),
        (Trouble.TOO_MANY_WAIT, 429, 0),
        (Trouble.FAILED, 500, 0),
        (Trouble.UNAVAILABLE, 503, 0),
        (Trouble.FAILED_AFTER, 500, 1),
        (Trouble.BAD_GATEWAY_AFTER, 502, 1),
        (Trouble.GARBAGE, 200, 1),
        (Trouble.TRUNCATED, 200, 1),
    ],
)
async def test_another_answer_comes_than_the_one_that_was_given(trouble: Trouble, status: int, arrives: int) -> None:
    async with road(trouble) as way:
        answer = await way.post()
        assert answer.status_code == status
        assert answer.content != ANSWER
        assert ("retry-after" in answer.headers) == (trouble is Trouble.TOO_MANY_WAIT)
        assert len(way.site.arrived) == arrives


async def test_what_is_doubled_arrives_twice_and_is_answered_once() -> None:
    async with road(Trouble.TWICE) as way:
        assert (await way.post()).content == ANSWER
        assert way.site.arrived == [b"a body", b"a body"]


async def test_a_repeat_comes_after_what_was_sent_later() -> None:
    async with road(Trouble.AGAIN_LATER) as way:
        await way.post(b"first")
        await way.post(b"second")
        await _soon(lambda: way.site.arrived == [b"first", b"second", b"first"])


async def test_a_request_is_overtaken_by_the_next_one() -> None:
    async with road(Trouble.OVERTAKEN) as way:
        slow = asyncio.create_task(way.post(b"first"))
        await _soon(lambda: len(way.faults) == 1)
        await way.post(b"second")
        assert (await slow).content == ANSWER
        assert way.site.arrived == [b"second", b"first"]


@pytest.mark.parametrize("trouble", [Trouble.SLOW_REQUEST, Trouble.SLOW_ANSWER])
async def test_a_delay_takes_its_time(trouble: Trouble) -> None:
    async with road(trouble) as way:
        began = asyncio.get_running_loop().time()
        assert (await way.post()).content == ANSWER
        assert asyncio.get_running_loop().time() - began >= 0.2


async def test_a_fault_is_written_down_without_what_is_secret_in_the_request() -> None:
    async with road(Trouble.FAILED) as way:
        await way.post(b"secret")
        (fault,) = way.faults
        assert (fault.number, fault.kind, fault.target) == (1, Trouble.FAILED, "cpo→emsp")
        assert fault.detail == "1: POST /ocpi/cdrs"


async def test_afterwards_it_is_calm() -> None:
    async with road(Trouble.FAILED) as way:
        way.proxy.calm()
        assert (await way.post()).content == ANSWER
        assert len(way.faults) == 0


async def test_a_site_that_is_down_answers_nobody() -> None:
    faults = FaultLog()
    proxy = FaultProxy("cpo→emsp", free_port(), free_port(), Script(), faults)
    async with proxy, httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.TransportError):
            await http.get(proxy.url)


async def _soon(holds: Callable[[], bool]) -> None:
    async def wait(look: Callable[[], Awaitable[None]]) -> None:
        while not holds():
            await look()

    await asyncio.wait_for(wait(lambda: asyncio.sleep(0.01)), 5)
