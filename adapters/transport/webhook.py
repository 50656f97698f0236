"""Sending to an address of the operator's own systems: guarded like a partner's, since a person typed it in.

The address is checked when it is written and again where its name leads; there is no redirect, no proxy and no
cookie, and of the answer only the status counts.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from adapters.contract import PartnerUnavailable
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.pinned_transport import PinnedTransport, system_resolver

TIMEOUT_S = 20.0
"""From name resolution to the status of the answer: what takes longer belongs into the receiver's own queue."""


@dataclass(frozen=True)
class Received:
    """What the receiver said. `retry_after_s` is when it wants to be asked again, where it says so in seconds."""

    status: int
    retry_after_s: int | None


class WebhookHttp:
    """A client for one run of deliveries to one receiver."""

    def __init__(self, policy: AddressPolicy, client: httpx.AsyncClient) -> None:
        self._policy = policy
        self._client = client

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Received:
        """Raises UnsafeUrl, and PartnerUnavailable when there is no answer in time."""
        checked = self._policy.check_url(url)
        sent = {"Content-Type": "application/json", "User-Agent": "Roamwork", **headers}
        request = self._client.build_request("POST", checked, content=body, headers=sent)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self._client.send(request, stream=True)
                await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise PartnerUnavailable(f"{checked.host} did not answer within {TIMEOUT_S:g} s") from None
        except httpx.HTTPError as error:
            raise PartnerUnavailable(f"no answer from {checked.host}: {type(error).__name__}") from None
        asked = response.headers.get("retry-after", "")
        seconds = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
        return Received(response.status_code, seconds)


@asynccontextmanager
async def webhook_http(policy: AddressPolicy) -> AsyncIterator[WebhookHttp]:
    """A client with connections of its own, so that a slow receiver uses up nobody else's."""
    client = httpx.AsyncClient(
        transport=PinnedTransport(policy, system_resolver, _tls(), max_connections=1),
        timeout=httpx.Timeout(None),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )
    async with client:
        yield WebhookHttp(policy, client)


@cache
def _tls() -> ssl.SSLContext:
    """Loading the certificates of the authorities takes longer than most deliveries."""
    return httpx.create_ssl_context()
