"""A partner for tests: a real HTTP server on a free port of this machine, whose answers a test writes down."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Awaitable[Response]]


def enveloped(
    data: object = None,
    *,
    status_code: int = 1000,
    message: str | None = None,
    http: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    body = {"status_code": status_code, "timestamp": "2026-03-01T09:00:00Z"}
    if data is not None:
        body["data"] = data
    if message is not None:
        body["status_message"] = message
    return Response(json.dumps(body), http, headers=headers, media_type="application/json")


@dataclass
class Seen:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


@dataclass
class Partner:
    """`answers[method, path]` is a response, a list of responses in turn, or a coroutine function."""

    base: str
    answers: dict[tuple[str, str], Response | list[Response] | Handler] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    async def __call__(self, scope, receive, send) -> None:
        request = Request(scope, receive)
        path = scope["raw_path"].decode()
        self.seen.append(
            Seen(
                request.method,
                path,
                scope["query_string"].decode(),
                dict(request.headers),
                await request.body(),
            )
        )
        answer = self.answers.get((request.method, path), enveloped(http=404, status_code=2000))
        if isinstance(answer, list):
            answer = answer.pop(0)
        elif not isinstance(answer, Response):
            answer = await answer(request)
        await answer(scope, receive, send)

    def url(self, path: str) -> str:
        return f"{self.base}{path}"

    @property
    def last(self) -> Seen:
        return self.seen[-1]


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C belongs to the test run."""
        yield


@asynccontextmanager
async def running_partner() -> AsyncIterator[Partner]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        partner = Partner(f"http://127.0.0.1:{listener.getsockname()[1]}")
        server = _Server(uvicorn.Config(partner, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        try:
            yield partner
        finally:
            server.should_exit = True
            server.force_exit = True
            await serving
