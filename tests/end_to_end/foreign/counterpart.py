"""The least that the foreign partner needs on the other end of a handshake, in place of Roamwork.

It lets the partner be examined by itself: what it says over the wire, and nothing of ours in between.
"""

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request

from tests.end_to_end.foreign.documents import Document
from tests.end_to_end.foreign.partner import Partner

TOKEN_B = "counterpart-token-b"


@dataclass(frozen=True)
class Call:
    """One request from the partner."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Counterpart:
    """A registered (or not yet registered) caller of the partner, and what the partner sent to it."""

    url: str
    partner: Partner
    http: httpx.Client
    calls: list[Call] = field(default_factory=list)
    token: str = ""

    def register(self) -> httpx.Response:
        """The handshake as OCPI (credentials, registration) has it; keeps token C."""
        self.token = self.partner.token_a
        endpoints = self.endpoints()
        answer = self.call("POST", endpoints["credentials"], self.credentials())
        if answer.status_code == httpx.codes.OK and answer.json()["status_code"] == 1000:
            self.token = answer.json()["data"]["token"]
        return answer

    def endpoints(self) -> dict[str, str]:
        base64_only = authorization(self.token)  # at its versions URL, whatever the version
        versions = self.http.get(self.partner.versions_url, headers=base64_only).json()["data"]
        details = self.call("GET", versions[0]["url"]).json()["data"]
        return {endpoint["identifier"]: endpoint["url"] for endpoint in details["endpoints"]}

    def credentials(self) -> Document:
        party = {"party_id": "RCO", "country_code": "DE", "business_details": {"name": "Counterpart"}}
        role = {"role": self.partner.side.other.value, **party}
        said = party if self.partner.version == "2.1.1" else {"roles": [role]}
        return {"token": TOKEN_B, "url": f"{self.url}/versions", **said}

    def call(self, method: str, url: str, body: Document | None = None) -> httpx.Response:
        headers = authorization(self.token, self.partner.version)
        return self.http.request(method, url, headers=headers, json=body)


def authorization(token: str, version: str = "2.2.1") -> dict[str, str]:
    """OCPI 2.2.1 (transport, authorization header): the token in Base64. In 2.1.1 it goes as it is."""
    if version == "2.1.1":
        return {"Authorization": f"Token {token}"}
    return {"Authorization": f"Token {base64.b64encode(token.encode()).decode()}"}


@contextmanager
def running_counterpart(partner: Partner) -> Iterator[Counterpart]:
    """Serve the counterpart's versions on the loopback interface, and whatever the partner pushes to it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        httpx.Client(timeout=10, trust_env=False, verify=False) as http,  # noqa: S501  all of it is plain HTTP
    ):
        counterpart = Counterpart(f"http://127.0.0.1:{listener.getsockname()[1]}", partner, http)
        server = uvicorn.Server(uvicorn.Config(_app(counterpart), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield counterpart
        finally:
            server.should_exit = True
            thread.join()


def _app(counterpart: Counterpart) -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "PUT", "POST"])
    async def answer(path: str, request: Request) -> Document:
        counterpart.calls.append(
            Call(
                request.method,
                request.url.path,
                request.url.query,
                dict(request.headers),
                await request.body(),
            )
        )
        return {
            "data": _data(counterpart.url, path),
            "status_code": 1000,
            "timestamp": "2026-03-01T00:00:00Z",
        }

    return app


def _data(url: str, path: str) -> Any:
    if path == "versions":
        return [{"version": "2.1.1", "url": f"{url}/2.1.1"}, {"version": "2.2.1", "url": f"{url}/2.2.1"}]
    if path in ("2.1.1", "2.2.1"):
        modules = ("locations", "tariffs", "tokens", "sessions", "cdrs")
        endpoints = [{"identifier": m, "url": f"{url}/{path}/{m}"} for m in modules]
        roles = {} if path == "2.1.1" else {"role": "RECEIVER"}
        return {"version": path, "endpoints": [endpoint | roles for endpoint in endpoints]}
    return {}
