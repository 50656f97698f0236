"""A partner for registrations: it listens on a port of its own, speaks any version, and calls us with what it was told.

It is not ours: it answers what a test writes down, and calls with a plain HTTP client.
"""

import itertools
from dataclasses import dataclass, field

import httpx
from starlette.requests import Request
from starlette.responses import Response

from adapters.contract import Adapter, Credentials
from adapters.registry import build_registry
from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import Endpoint, Side
from tests.adapters.transport.partner import Partner, Seen, enveloped

REGISTRY = build_registry(None)
VERSIONS = [adapter.version for adapter in REGISTRY.adapters()]
"""Of this release, the highest first."""

_numbers = itertools.count(1)


def adapter_of(version: str) -> Adapter:
    return REGISTRY.choose([version])


def role(party: str, kind: Role = Role.EMSP) -> BusinessRole:
    return BusinessRole(party=PartyId.parse(party), role=kind, business_name=f"Company {party}")


@dataclass
class Peer:
    """`token` is what it calls us with; `heard` are the tokens by which it was told to be called."""

    partner: Partner
    ours: str
    version: str
    token: str = field(default="", repr=False)
    roles: tuple[BusinessRole, ...] = ()
    posted: list[Credentials] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    def offers(self, *versions: str, endpoints: tuple[tuple[str, str], ...] | None = None) -> None:
        """Versions and their details, with credentials and what a provider has unless it is said otherwise."""
        listed = [{"version": v, "url": self.partner.url(f"/{v}")} for v in versions]
        self.partner.answers["GET", "/versions"] = enveloped(listed)
        for version in versions:
            own = (("credentials", "SENDER"), ("tokens", "SENDER")) if endpoints is None else endpoints
            details = [
                Endpoint(module=module, interface=part, url=self.partner.url(f"/{version}/{part.lower()}/{module}"))
                for module, part in own
            ]
            self.partner.answers["GET", f"/{version}"] = data_of(adapter_of(version).write_version_details(details))
            self.partner.answers["GET", f"/{version}/sender/tokens"] = enveloped([])

    def takes_registrations(self) -> None:
        """It answers POST, PUT and GET of credentials with a new token each, once it has called back with ours."""
        path = f"/{self.version}/sender/credentials"
        self.partner.answers["POST", path] = self.partner.answers["PUT", path] = self._take
        self.partner.answers["DELETE", path] = enveloped()

    def own_credentials(self, token: str) -> Credentials:
        return Credentials(token, self.partner.url("/versions"), self.roles)

    async def call(
        self, method: str, path: str, *, body: bytes | None = None, token: str | None = None
    ) -> httpx.Response:
        """A request to us, in its version's spelling."""
        headers = {
            "Authorization": adapter_of(self.version).encode_token(self.token if token is None else token),
            "X-Request-ID": "request-of-peer",
            "X-Correlation-ID": "correlation-of-peer",
            "Content-Type": "application/json",
        }
        async with httpx.AsyncClient(timeout=30) as http:
            return await http.request(method, f"{self.ours}/ocpi{path}", content=body, headers=headers)

    async def credentials(self, method: str, *, token: str | None = None, version: str | None = None) -> httpx.Response:
        """POST, PUT, GET or DELETE of its credentials at ours. Each body names a new token to call it with."""
        own = None
        if method in ("POST", "PUT"):
            self.answered.append(f"token-of-peer-{next(_numbers)}")
            own = adapter_of(version or self.version).write_credentials(self.own_credentials(self.answered[-1]))
        return await self.call(method, f"/{version or self.version}/sender/credentials", body=own, token=token)

    def calls_with(self, token: str) -> list[Seen]:
        """What it was asked with one of its tokens."""
        header = adapter_of(self.version).encode_token(token)
        return [seen for seen in self.partner.seen if seen.headers.get("authorization") == header]

    async def _take(self, request: Request) -> Response:
        """The callback while our request is open, with the token that it brought: as the protocol asks for."""
        adapter = adapter_of(self.version)
        theirs = adapter.read_credentials(await request.body(), (Side.CPO,))
        self.posted.append(theirs)
        back = await self.call("GET", "/versions", token=theirs.token)
        if back.status_code != 200:
            return enveloped(status_code=3001, message="cannot use your interface")
        self.token = theirs.token
        self.answered.append(f"token-of-peer-{next(_numbers)}")
        return data_of(adapter.write_credentials(self.own_credentials(self.answered[-1])))


def data_of(document: bytes) -> Response:
    body = b'{"status_code": 1000, "timestamp": "2026-03-01T09:00:00Z", "data": ' + document + b"}"
    return Response(body, media_type="application/json")
