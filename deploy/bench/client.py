"""The load of one round, in a process of its own: takes its job on standard input and prints what it saw.

As little client as is possible, so that it takes little of the processors that the server needs: requests are
bytes made beforehand, and of an answer only the status and the length are read.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pydantic import BaseModel

from deploy.event_loop import new_loop

PATIENCE_S = 30.0
_LINE_LIMIT = 16 * 1024 * 1024


class Job(BaseModel):
    """`requests` is a file of requests, each behind its length. `rate` None: as fast as answers come."""

    port: int
    requests: str
    first: int = 0
    connections: int
    seconds: float
    rate: float | None = None
    repeat: bool = True
    """False: the requests run out, and then the round is over."""


class Seen(BaseModel):
    """`took_ms` in the order in which answers came; `refused` are answers that are not 2xx. `cpu_s` is the client's.

    `overslept_ms`: with a rate, by how much the client itself woke too late for a request. It is in `took_ms` as well,
    and says how much of that is the machine's doing.
    """

    took_ms: list[float]
    overslept_ms: list[float]
    seconds: float
    cpu_s: float
    refused: int
    bytes: int
    next: int


def write_requests(path: Path, requests: list[bytes]) -> None:
    path.write_bytes(b"".join(len(request).to_bytes(4, "big") + request for request in requests))


def read_requests(path: Path) -> list[bytes]:
    content, position, found = path.read_bytes(), 0, []
    while position < len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        found.append(content[position + 4 : position + 4 + length])
        position += 4 + length
    return found


class _Round:
    def __init__(self, job: Job, requests: list[bytes]) -> None:
        self._job = job
        self._requests = requests
        self._numbers: Iterator[int] = count(job.first)
        self._next = job.first
        self.took_ms: list[float] = []
        self.overslept_ms: list[float] = []
        self.refused = 0
        self.size = 0

    async def run(self) -> Seen:
        began, cpu = time.perf_counter(), time.process_time()
        end = began + self._job.seconds
        async with asyncio.timeout(self._job.seconds + PATIENCE_S):
            await asyncio.gather(*(self._worker(i, began, end) for i in range(self._job.connections)))
        seconds = time.perf_counter() - began
        return Seen(
            took_ms=self.took_ms,
            overslept_ms=self.overslept_ms,
            seconds=seconds,
            cpu_s=time.process_time() - cpu,
            refused=self.refused,
            bytes=self.size,
            next=self._next,
        )

    async def _worker(self, place: int, began: float, end: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._job.port, limit=_LINE_LIMIT)
        rate = self._job.rate
        due = began + (place / rate if rate else 0.0)
        while time.perf_counter() < end:
            if rate:
                if due >= end:
                    break
                early = due - time.perf_counter()
                await asyncio.sleep(max(0.0, early))
                if early > 0:
                    self.overslept_ms.append((time.perf_counter() - due) * 1000)
            number = next(self._numbers)
            if not self._job.repeat and number >= len(self._requests):
                break
            self._next = max(self._next, number + 1)
            # With a rate, time counts from when the request was due: a server that lags does not look quick.
            started = max(due, began) if rate else time.perf_counter()
            writer.write(self._requests[number % len(self._requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            self.took_ms.append((time.perf_counter() - started) * 1000)
            self.refused += not head.startswith(b"HTTP/1.1 2")
            self.size += length
            if rate:
                due += self._job.connections / rate
        writer.close()


def main() -> None:
    job = Job.model_validate_json(sys.stdin.buffer.read())
    with asyncio.Runner(loop_factory=new_loop) as runner:
        seen = runner.run(_Round(job, read_requests(Path(job.requests))).run())
    sys.stdout.write(seen.model_dump_json())


if __name__ == "__main__":
    main()
