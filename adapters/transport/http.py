"""The one HTTP client through which partners are called.

It knows addresses, limits, message ids and evidence. It does not know what an answer means: that is
`adapters.transport.envelope`.
"""

import asyncio
import logging
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx
import tenacity

from adapters.contract import (
    Exchange,
    Module,
    PartnerError,
    PartnerProtocolError,
    PartnerRejected,
    PartnerUnavailable,
    Witness,
)
from adapters.transport import envelope
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.body import BodyRefusedError, read_body
from adapters.transport.envelope import Answer
from adapters.transport.pinned_transport import PinnedTransport, Resolver, system_resolver
from adapters.transport.redaction import Redaction

for _library in ("httpx", "httpcore"):
    # They log whole URLs, in which tokens of drivers stand, and at DEBUG also the headers of answers.
    logging.getLogger(_library).setLevel(logging.WARNING)

REQUEST_ID, CORRELATION_ID = "X-Request-ID", "X-Correlation-ID"

CONNECT_TIMEOUT_S = 5.0

_STALE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""What it looks like when the partner closed a kept-alive connection just before we used it again."""


def _now() -> datetime:
    return datetime.now(UTC)


class PartnerHttp:
    """Calls partners. One for a process, used by all connections; close it with `aclose` or `async with`.

    `timeout_s` is the time for one request from name resolution to the last byte of the answer.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        timeout_s: float = 30.0,
        max_body_bytes: int = 32 * 1024 * 1024,
        clock: Callable[[], datetime] = _now,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._timeout_s = timeout_s
        self._max_body_bytes = max_body_bytes
        self._clock = clock
        self._client = httpx.AsyncClient(
            transport=PinnedTransport(policy, resolver, tls or httpx.create_ssl_context()),
            # How long a whole request may take is watched in `_answer`; one dead address must not use it up.
            timeout=httpx.Timeout(None, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "User-Agent": "Roamwork",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            },
        )

    @property
    def policy(self) -> AddressPolicy:
        return self._policy

    async def aclose(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        authorization: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        module: Module,
        witness: Witness | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Make one request and return the answer, whatever its status.

        `authorization` is the whole value of the header. `witness` sees the exchange also when no answer
        came. Raises UnsafeUrl, PartnerUnavailable when there is no answer, PartnerProtocolError when it is
        beyond limits.
        """
        request = self._request(method, url, authorization, headers or {}, body)
        redaction = Redaction.of(authorization)
        exchange = Exchange(
            module=module,
            method=method,
            url=redaction.text(str(request.url)),
            request_headers=redaction.headers(request.headers),
            request_body=redaction.body(body or b"", module),
            status=None,
            response_headers={},
            response_body=b"",
            started_at=self._clock(),
            duration_s=0.0,
        )
        started = time.perf_counter()
        try:
            answer = await self._answer(request, module, redaction, timeout_s or self._timeout_s)
        except PartnerError as error:
            if witness is not None:
                await witness(replace(exchange, status=error.http_status, duration_s=time.perf_counter() - started))
            raise
        if witness is not None:
            await witness(
                replace(
                    exchange,
                    status=answer.status,
                    response_headers=redaction.headers(answer.headers),
                    response_body=redaction.body(answer.body, module),
                    duration_s=time.perf_counter() - started,
                )
            )
        return answer

    def _request(
        self, method: str, url: str, authorization: str, headers: Mapping[str, str], body: bytes | None
    ) -> httpx.Request:
        checked = self._policy.check_url(url)
        if not (authorization.isascii() and authorization.isprintable()):
            # Told without the value: the errors of the layers below would print it.
            raise PartnerRejected("the token holds characters that no HTTP header can carry")
        sent = {CORRELATION_ID: str(uuid.uuid4()), **headers}
        sent |= {REQUEST_ID: str(uuid.uuid4()), "Authorization": authorization}
        if body is not None:
            sent["Content-Type"] = "application/json"
        return self._client.build_request(method, checked, headers=sent, content=body)

    async def _answer(self, request: httpx.Request, module: Module, redaction: Redaction, timeout_s: float) -> Answer:
        host = request.url.host
        try:
            async with asyncio.timeout(timeout_s):
                response, body = await self._exchanged(request, module)
        except (TimeoutError, httpx.TimeoutException):
            raise PartnerUnavailable(f"{host} did not answer within {timeout_s:g} s") from None
        except httpx.LocalProtocolError:
            # Its text quotes the offending header, which may be the token.
            raise PartnerRejected(f"the request to {host} cannot be sent as HTTP") from None
        except httpx.HTTPError as error:
            reason = redaction.text(str(error))[:200]
            raise PartnerUnavailable(f"no answer from {host}: {reason or type(error).__name__}") from None
        found = envelope.parse(body)
        if found is not None and found.status_message is not None:
            found = replace(found, status_message=redaction.text(found.status_message))
        return Answer(
            url=str(request.url),
            status=response.status_code,
            headers=response.headers,
            body=body,
            envelope=found,
            received_at=self._clock(),
        )

    async def _exchanged(self, request: httpx.Request, module: Module) -> tuple[httpx.Response, bytes]:
        """Send, and once more at once if a kept-alive connection turned out to be dead.

        Only what may be executed twice is sent twice; a rotation of tokens may not, although it is a PUT.
        """
        repeatable = request.method == "GET" or (
            request.method in ("PUT", "DELETE") and module is not Module.CREDENTIALS
        )
        async for attempt in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(2 if repeatable else 1),
            retry=tenacity.retry_if_exception_type(_STALE),
            wait=tenacity.wait_random(0, 0.05),
            reraise=True,
        ):
            with attempt:
                return await self._sent(request)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _sent(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        response = await self._client.send(request, stream=True)
        try:
            return response, await read_body(response, self._max_body_bytes)
        except BodyRefusedError as error:
            raise PartnerProtocolError(str(error), http_status=response.status_code) from None
        finally:
            await response.aclose()
