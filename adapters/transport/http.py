"""The one HTTP client through which partners are called.

It knows addresses, limits, message ids and evidence. It does not know what an answer means: that is
`adapters.transport.envelope`.
"""

import asyncio
import logging
import ssl
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx
import tenacity
from opentelemetry import metrics

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
from adapters.transport.limiter import Limiter, Pace
from adapters.transport.pinned_transport import PinnedTransport, Resolver, system_resolver
from adapters.transport.redaction import Redaction

for _library in ("httpx", "httpcore"):
    # They log whole URLs, in which tokens of drivers stand, and at DEBUG also the headers of answers.
    logging.getLogger(_library).setLevel(logging.WARNING)

_LOG = logging.getLogger("roamwork.partner")
_CALLS = metrics.get_meter("roamwork.adapters").create_histogram(
    "roam.partner.call.duration",
    unit="s",
    description="Requests to partners, from name resolution to the last byte of the answer",
    explicit_bucket_boundaries_advisory=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

REQUEST_ID, CORRELATION_ID = "X-Request-ID", "X-Correlation-ID"

CONNECT_TIMEOUT_S = 5.0

SHORT_PAUSE_S = 2.0
"""A pause that a partner asks for is sat out on the spot when it is no longer than this; else the caller decides."""

_LINES_MAX = 500
"""Partners to whom connections are kept: an idle one is forgotten when there are more."""

_STALE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""What it looks like when the partner closed a kept-alive connection just before we used it again."""


_ACCEPTED = {"User-Agent": "Roamwork", "Accept": "application/json", "Accept-Encoding": "gzip"}


class _AskedToWaitError(Exception):
    """The partner did nothing and named a moment to wait."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Line:
    """What one partner has to itself: connections and pace. A slow partner uses up nobody else's."""

    client: httpx.AsyncClient
    limiter: Limiter
    in_use: int = 0


@dataclass(frozen=True)
class _Errand:
    """One request, and what goes with it. The body is told without its secrets, and the token not at all."""

    request: httpx.Request
    body: bytes = field(repr=False)
    authorization: str = field(repr=False)
    module: Module
    witness: Witness | None
    timeout_s: float
    partner: str | None


class PartnerHttp:
    """Calls partners. One for a process, used by all connections; close it with `aclose` or `async with`.

    `timeout_s` is the time for one request from name resolution to the last byte of the answer; waiting for a turn
    at the partner's pace is not part of it.
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
        pace: Pace | None = None,
    ) -> None:
        self._policy = policy
        self._timeout_s = timeout_s
        self._max_body_bytes = max_body_bytes
        self._clock = clock
        self._resolver = resolver
        self._tls = tls or httpx.create_ssl_context()
        self._pace = pace or Pace()
        self._lines: OrderedDict[str, _Line] = OrderedDict()

    def _opened(self) -> _Line:
        client = httpx.AsyncClient(
            transport=PinnedTransport(self._policy, self._resolver, self._tls, max_connections=self._pace.at_once),
            # How long a whole request may take is watched in `_answer`; one dead address must not use it up.
            timeout=httpx.Timeout(None, connect=min(self._timeout_s, CONNECT_TIMEOUT_S)),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
        return _Line(client, Limiter(self._pace, time.monotonic))

    async def _line(self, partner: str) -> _Line:
        """The line to a partner; the one that was idle longest is closed when there are too many."""
        line = self._lines.get(partner)
        if line is None:
            line = self._lines[partner] = self._opened()
        self._lines.move_to_end(partner)
        line.in_use += 1
        if len(self._lines) > _LINES_MAX:
            idle = next((name for name, other in self._lines.items() if not other.in_use), None)
            if idle is not None:
                await self._lines.pop(idle).client.aclose()
        return line

    @property
    def policy(self) -> AddressPolicy:
        return self._policy

    async def aclose(self) -> None:
        while self._lines:
            await self._lines.popitem()[1].client.aclose()

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
        partner: str | None = None,
    ) -> Answer:
        """Make one request and return the answer, whatever its status.

        `authorization` is the whole value of the header. `witness` sees the exchange also when no answer
        came. `partner` is whose connections and pace are used; without a name, those of the address.
        A partner that asks for a short pause is asked once more after it, for it has not done anything.
        Raises UnsafeUrl, PartnerUnavailable when there is no answer or the partner must not be called yet,
        PartnerProtocolError when the answer is beyond limits.
        """
        request = self._request(method, url, authorization, headers or {}, body)
        errand = _Errand(request, body or b"", authorization, module, witness, timeout_s or self._timeout_s, partner)
        line = await self._line(partner or f"{request.url.scheme}://{request.url.netloc.decode()}")
        try:
            return await self._in_turn(line, errand)
        finally:
            line.in_use -= 1

    async def _in_turn(self, line: _Line, errand: _Errand) -> Answer:
        """At the partner's pace; once more after a pause of a moment that the partner asked for."""
        async for attempt in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(2),
            retry=tenacity.retry_if_exception_type(_AskedToWaitError),
        ):
            with attempt:
                async with line.limiter.turn():
                    answer = await self._witnessed(line, errand)
                asked = envelope.pause_asked_for(answer)
                if asked is None:
                    line.limiter.answered()
                    return answer
                pause_s = line.limiter.pause(asked.seconds)
                first = attempt.retry_state.attempt_number == 1
                if not (first and asked.unexecuted and asked.seconds is not None and pause_s <= SHORT_PAUSE_S):
                    return answer
                errand.request.headers[REQUEST_ID] = str(uuid.uuid4())
                raise _AskedToWaitError
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _witnessed(self, line: _Line, errand: _Errand) -> Answer:
        """One exchange, shown to the witness however it ends."""
        request, module, witness = errand.request, errand.module, errand.witness
        redaction = Redaction.of(errand.authorization)
        exchange = Exchange(
            module=module,
            method=request.method,
            url=redaction.text(str(request.url)),
            request_headers=redaction.headers(request.headers),
            request_body=redaction.body(errand.body, module),
            status=None,
            response_headers={},
            response_body=b"",
            started_at=self._clock(),
            duration_s=0.0,
        )
        started = time.perf_counter()
        try:
            answer = await self._answer(line.client, request, module, redaction, errand.timeout_s)
        except PartnerError as error:
            _told(errand, error.http_status, time.perf_counter() - started)
            if witness is not None:
                await witness(replace(exchange, status=error.http_status, duration_s=time.perf_counter() - started))
            raise
        _told(errand, answer.status, time.perf_counter() - started)
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
        return httpx.Request(method, checked, headers={**_ACCEPTED, **sent}, content=body)

    async def _answer(
        self, client: httpx.AsyncClient, request: httpx.Request, module: Module, redaction: Redaction, timeout_s: float
    ) -> Answer:
        host = request.url.host
        try:
            async with asyncio.timeout(timeout_s):
                response, body = await self._exchanged(client, request, module)
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

    async def _exchanged(
        self, client: httpx.AsyncClient, request: httpx.Request, module: Module
    ) -> tuple[httpx.Response, bytes]:
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
                return await self._sent(client, request)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _sent(self, client: httpx.AsyncClient, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        response = await client.send(request, stream=True)
        try:
            return response, await read_body(response, self._max_body_bytes)
        except BodyRefusedError as error:
            raise PartnerProtocolError(str(error), http_status=response.status_code) from None
        finally:
            await response.aclose()


def _told(errand: _Errand, status: int | None, duration_s: float) -> None:
    """Measure and log one exchange: to whom, about which module, with what outcome; what it said stays out of it."""
    request, partner = errand.request, errand.partner or "unknown"
    outcome = "none" if status is None else f"{status // 100}xx"
    _CALLS.record(
        duration_s,
        {"connection": partner, "module": errand.module.value, "method": request.method, "outcome": outcome},
    )
    _LOG.info(
        "%s %s -> %s in %.3f s",
        request.method,
        errand.module,
        status or "no answer",
        duration_s,
        extra={
            "connection_id": partner,
            "request_id": request.headers[REQUEST_ID],
            "correlation_id": request.headers[CORRELATION_ID],
        },
    )
