"""Bytes to a port and back: a client that sends whatever it is given, and reads the answer only."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def exchange(port: int, request: bytes, within_s: float) -> Answer:
    """The answer to one request. Raises TimeoutError, and ConnectionError when there is none."""
    async with asyncio.timeout(within_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            sending = asyncio.create_task(_send(writer, request))
            answer = await _read(reader)
            sending.cancel()
            return answer
        finally:
            writer.close()


async def _send(writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    try:
        await writer.drain()
    except ConnectionError:
        return  # an answer may come, and the connection end, before everything was sent


async def _read(reader: asyncio.StreamReader) -> Answer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the connection was closed without an answer") from error
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length")
    body = await reader.readexactly(int(length)) if length is not None and int(length) else b""
    return Answer(int(first.split(" ")[1]), headers, body)
