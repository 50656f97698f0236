"""A bad network in front of a deployment: it repeats what passes, and can bring it again, late or changed."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response

_HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "content-encoding"}
_HANDSHAKE = ("/credentials", "/versions")


@dataclass(frozen=True)
class Passed:
    """One request as it came by. Its headers hold a token: they are in no repr."""

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def is_about(self, method: str, module: str) -> bool:
        return self.method == method and f"/{module}" in self.path

    def with_path(self, old: str, new: str) -> "Passed":
        assert old in self.path
        return replace(self, path=self.path.replace(old, new))

    def with_header(self, name: str, value: str) -> "Passed":
        assert name in self.headers
        return replace(self, headers=self.headers | {name: value})

    def with_text(self, old: bytes, new: bytes) -> "Passed":
        assert old in self.body
        return replace(self, body=self.body.replace(old, new))


class Network:
    """Every change is delivered twice, and only the second answer goes back: the first one is lost."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.destination = ""
        """Where it leads; known only when the deployment behind it has a port."""
        self.passed: list[Passed] = []

    def seen(self, method: str, module: str) -> list[Passed]:
        """All requests of one kind, in their order."""
        return [request for request in self.passed if request.is_about(method, module)]

    async def bring(self, request: Passed) -> httpx.Response:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            return await http.request(
                request.method,
                f"{self.destination}{request.path}",
                params=request.query,
                content=request.body,
                headers=request.headers,
            )

    async def forward(self, request: Request) -> Response:
        headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
        passing = Passed(request.method, request.url.path, request.url.query, headers, await request.body())
        self.passed.append(passing)
        if passing.method != "GET" and not any(part in passing.path for part in _HANDSHAKE):
            await self.bring(passing)
        answer = await self.bring(passing)
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
        return Response(answer.content, status_code=answer.status_code, headers=kept)


@contextmanager
def bad_network() -> Iterator[Network]:
    """On the loopback interface, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        network = Network(f"http://127.0.0.1:{listener.getsockname()[1]}")
        app: Any = FastAPI(openapi_url=None)
        app.add_api_route("/{path:path}", network.forward, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield network
        finally:
            server.should_exit = True
            thread.join()
