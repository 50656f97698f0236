"""The bad road between two sites: every request of one direction passes here, and some fare badly.

It works on the bytes of HTTP/1.1 messages: a connection can be cut anywhere in them. What the weather says about a
request is written into the log of faults when it happens.
"""

import asyncio
import contextlib
import re
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Self

from deploy.chaos.evidence import FaultLog
from deploy.chaos.plan import Mishap, Trouble, Weather
from deploy.embedded.ports import LOOPBACK

_PATIENCE_S: Final = 40.0
_OVERTAKEN_WITHIN_S: Final = 1.5
_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
_WITHOUT_BODY: Final = (b"204", b"304")
_NO_MESSAGE = (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError, TimeoutError)


@dataclass(frozen=True)
class Message:
    """A request or an answer, as its bytes came. They hold tokens: they are in no repr."""

    head: bytes = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def bytes(self) -> bytes:
        return self.head + self.body

    @property
    def what(self) -> str:
        """Method and path of a request, status of an answer; no query, no header."""
        return self.head.split(b"\r\n", 1)[0].split(b"?", 1)[0].decode(errors="replace").removesuffix(" HTTP/1.1")


class FaultProxy:
    """A reverse proxy on the loopback address, for one direction. `calm()` makes it a good one."""

    def __init__(self, direction: str, port: int, destination_port: int, weather: Weather, faults: FaultLog) -> None:
        self.direction = direction
        self.url = f"http://{LOOPBACK}:{port}"
        self.passed = 0
        """Requests that came by."""
        self._port = port
        self._destination_port = destination_port
        self._weather: Weather | None = weather
        self._faults = faults
        self._numbers = count(1)
        self._held: list[asyncio.Event] = []
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self._port)
        return self

    async def __aexit__(self, *raised: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def calm(self) -> None:
        """Let everything pass from now on. What is to be repeated later still is."""
        self._weather = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  the server runs this as one
        self._open.add(task)
        try:
            while (request := await _read(reader, answer=False)) is not None and await self._carry(request, writer):
                self.passed += 1
        except (*_NO_MESSAGE, asyncio.CancelledError):
            pass  # a side is gone, or we are: nobody is left to be told
        finally:
            self._open.discard(task)
            writer.close()

    async def _carry(self, request: Message, back: asyncio.StreamWriter) -> bool:
        """Bring a request there and its answer back. False when the connection ends with it."""
        number = next(self._numbers)
        mishap = self._weather.at(self.direction, number) if self._weather else None
        if mishap is None:
            return await self._answer(back, await self._bring(request))
        self._faults.add(mishap.trouble, self.direction, f"{number}: {request.what}")
        return await self._trouble(mishap, request, back)

    async def _trouble(self, mishap: Mishap, request: Message, back: asyncio.StreamWriter) -> bool:
        match mishap.trouble:
            case Trouble.CUT_BEFORE_REQUEST:
                return False
            case Trouble.CUT_IN_REQUEST:
                await self._begin(request)
                return False
            case Trouble.CUT_AFTER_REQUEST:
                await self._bring(request)
                return False
            case Trouble.CUT_IN_ANSWER:
                found = await self._bring(request)
                if found is not None:
                    back.write(found.bytes[: max(1, len(found.bytes) * 2 // 3)])
                    await back.drain()
                return False
            case Trouble.CUT_AFTER_ANSWER:
                await self._answer(back, await self._bring(request))
                return False
            case Trouble.SLOW_REQUEST:
                await asyncio.sleep(mishap.seconds)
                return await self._answer(back, await self._bring(request))
            case Trouble.SLOW_ANSWER:
                found = await self._bring(request)
                await asyncio.sleep(mishap.seconds)
                return await self._answer(back, found)
            case Trouble.TWICE:
                await self._bring(request)
                return await self._answer(back, await self._bring(request))
            case Trouble.AGAIN_LATER:
                found = await self._bring(request)
                self._later(request, mishap.seconds * 3)
                return await self._answer(back, found)
            case Trouble.OVERTAKEN:
                await self._let_pass()
                return await self._answer(back, await self._bring(request))
            case Trouble.TOO_MANY:
                return await self._answer(back, _made("429 Too Many Requests"))
            case Trouble.TOO_MANY_WAIT:
                wait = f"Retry-After: {round(mishap.seconds)}"
                return await self._answer(back, _made("429 Too Many Requests", wait))
            case Trouble.FAILED:
                return await self._answer(back, _made("500 Internal Server Error"))
            case Trouble.UNAVAILABLE:
                return await self._answer(back, _made("503 Service Unavailable"))
            case Trouble.FAILED_AFTER:
                await self._bring(request)
                return await self._answer(back, _made("500 Internal Server Error"))
            case Trouble.BAD_GATEWAY_AFTER:
                await self._bring(request)
                return await self._answer(back, _made("502 Bad Gateway", body=b"<html>bad gateway</html>"))
            case Trouble.GARBAGE:
                await self._bring(request)
                return await self._answer(back, _made("200 OK", body=b"\x00\xff{]garbage"))
            case Trouble.TRUNCATED:
                found = await self._bring(request)
                body = b'{"status_code":1000,"data":' if found is None else found.body[: len(found.body) // 2]
                return await self._answer(back, _made("200 OK", body=body))

    async def _bring(self, request: Message) -> Message | None:
        """The answer of the site; None when it does not give one, for it is down, or goes down over it."""
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(_PATIENCE_S):
                reader, writer = await asyncio.open_connection(LOOPBACK, self._destination_port)
                writer.write(request.bytes)
                await writer.drain()
                return await _read(reader, answer=True, to=request)
        except _NO_MESSAGE:
            return None
        finally:
            if writer is not None:
                writer.close()
            for held in self._held:
                held.set()

    async def _begin(self, request: Message) -> None:
        """Send the first part of a request, and then no more."""
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, self._destination_port)
            part = len(request.bytes) * 2 // 3 if not request.body else len(request.head) + len(request.body) // 2
            writer.write(request.bytes[:part])
            await writer.drain()
            writer.close()

    def _later(self, request: Message, seconds: float) -> None:
        async def again() -> None:
            await asyncio.sleep(seconds)
            await self._bring(request)

        task = asyncio.create_task(again())
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _let_pass(self) -> None:
        """Wait until another request has been answered, for a while."""
        overtaken = asyncio.Event()
        self._held.append(overtaken)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(overtaken.wait(), _OVERTAKEN_WITHIN_S)
        self._held.remove(overtaken)

    async def _answer(self, back: asyncio.StreamWriter, answer: Message | None) -> bool:
        """Without an answer the connection ends: that is what it looks like when the site itself has gone."""
        if answer is None:
            return False
        back.write(answer.bytes)
        await back.drain()
        return True


def _made(status: str, *headers: str, body: bytes = b"") -> Message:
    """An answer of ours."""
    lines = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers)
    return Message("\r\n".join(lines).encode() + _END_OF_HEAD, body)


async def _read(reader: asyncio.StreamReader, *, answer: bool, to: Message | None = None) -> Message | None:
    """One message with its body as it stands on the wire; None at the end of a connection."""
    try:
        head = await reader.readuntil(_END_OF_HEAD)
    except asyncio.IncompleteReadError as ended:
        if ended.partial:
            raise
        return None
    if answer and (head.split(b" ", 2)[1] in _WITHOUT_BODY or (to is not None and to.head.startswith(b"HEAD "))):
        return Message(head, b"")
    if _CHUNKED.search(head):
        return Message(head, await _chunks(reader))
    length = _LENGTH.search(head)
    if length is not None:
        return Message(head, await reader.readexactly(int(length[1])))
    return Message(head, await reader.read() if answer else b"")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body without trailers, its sizes and line ends included."""
    found = b""
    while True:
        size = await reader.readline()
        chunk = await reader.readexactly(int(size.split(b";")[0], 16) + 2)
        found += size + chunk
        if len(chunk) == 2:
            return found
