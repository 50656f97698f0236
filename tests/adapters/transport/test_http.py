"""One request to a partner: what goes out, what may come back, what is kept of it."""

import asyncio
import base64
import gzip
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from adapters.contract import (
    Exchange,
    Module,
    PartnerError,
    PartnerProtocolError,
    PartnerRejected,
    PartnerUnavailable,
    UnsafeUrl,
)
from adapters.transport import envelope
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.envelope import Answer
from adapters.transport.http import PartnerHttp
from tests.adapters.transport.conftest import LOCAL, NOON
from tests.adapters.transport.partner import Partner, enveloped

SECRET = "tok-en_that-nobody-may-see"
ENCODED = base64.b64encode(SECRET.encode()).decode()


async def ask(http: PartnerHttp, url: str, method: str = "GET", **options: object) -> Answer:
    options = {"authorization": f"Token {ENCODED}", "module": Module.LOCATIONS, **options}
    return await http.request(method, url, **options)


class Witnessed:
    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    async def __call__(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


class TestRequest:
    async def test_headers_of_every_request(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["PUT", "/x"] = enveloped()
        await ask(http, partner.url("/x"), "PUT", body=b'{"a":1}', headers={"OCPI-to-party-id": "ABC"})
        sent = partner.last.headers
        assert sent["authorization"] == f"Token {ENCODED}"
        assert sent["content-type"] == "application/json"
        assert sent["ocpi-to-party-id"] == "ABC"
        assert len(sent["x-request-id"]) == 36
        assert len(sent["x-correlation-id"]) == 36
        assert partner.last.body == b'{"a":1}'

    async def test_message_ids(self, http: PartnerHttp, partner: Partner) -> None:
        for _ in range(2):
            await ask(http, partner.url("/x"), headers={"X-Correlation-ID": "story", "X-Request-ID": "mine"})
        first, second = (seen.headers for seen in partner.seen)
        assert first["x-correlation-id"] == second["x-correlation-id"] == "story"
        assert len({first["x-request-id"], second["x-request-id"], "mine"}) == 3

    async def test_quoted_segments_arrive_as_they_were_written(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["GET", "/l/DE%2AABC%2F1%20%23"] = enveloped()
        answer = await ask(http, partner.url("/l/DE%2AABC%2F1%20%23"))
        assert answer.status == 200

    async def test_any_status_is_an_answer(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["GET", "/x"] = enveloped({"id": 1}, status_code=2003, http=404, message="unknown")
        answer = await ask(http, partner.url("/x"))
        assert (answer.status, answer.received_at) == (404, NOON)
        assert answer.envelope is not None
        assert (answer.envelope.status_code, answer.envelope.data) == (2003, b'{"id": 1}')

    async def test_cookies_are_forgotten(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["GET", "/x"] = enveloped(headers={"Set-Cookie": "session=1"})
        await ask(http, partner.url("/x"))
        await ask(http, partner.url("/x"))
        assert "cookie" not in partner.last.headers

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_redirects_are_not_followed(self, http: PartnerHttp, partner: Partner, status: int) -> None:
        partner.answers["GET", "/x"] = Response(status_code=status, headers={"Location": partner.url("/y")})
        answer = await ask(http, partner.url("/x"))
        assert [seen.path for seen in partner.seen] == ["/x"]
        with pytest.raises(PartnerProtocolError, match="redirects are not followed"):
            envelope.success(answer)

    async def test_environment_proxies_are_not_used(self, partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
        async with PartnerHttp(LOCAL) as http:
            assert (await ask(http, partner.url("/x"))).status == 404


class TestLimits:
    async def test_body_too_large(self, http: PartnerHttp, partner: Partner) -> None:
        sent = 0

        async def endless(request: Request) -> Response:
            async def chunks() -> AsyncIterator[bytes]:
                nonlocal sent
                while sent < 50_000_000:
                    sent += 10_000
                    yield b"x" * 10_000

            return StreamingResponse(chunks())

        partner.answers["GET", "/x"] = endless
        with pytest.raises(PartnerProtocolError, match="larger than 100000"):
            await ask(http, partner.url("/x"))
        assert sent < 50_000_000

    async def test_packed_body(self, http: PartnerHttp, partner: Partner) -> None:
        packed = gzip.compress(b'{"status_code": 1000, "data": []}')
        partner.answers["GET", "/x"] = Response(packed, headers={"Content-Encoding": "gzip"})
        answer = await ask(http, partner.url("/x"))
        assert envelope.success(answer).data == b"[]"

    async def test_packed_body_too_large(self, http: PartnerHttp, partner: Partner) -> None:
        bomb = gzip.compress(b"0" * 20_000_000)
        assert len(bomb) < 100_000
        partner.answers["GET", "/x"] = Response(bomb, headers={"Content-Encoding": "gzip"})
        with pytest.raises(PartnerProtocolError, match="larger than 100000"):
            await ask(http, partner.url("/x"))

    @pytest.mark.parametrize(("encoding", "why"), [("br", "not asked for"), ("gzip", "not gzip")])
    async def test_other_packing(self, http: PartnerHttp, partner: Partner, encoding: str, why: str) -> None:
        partner.answers["GET", "/x"] = Response(b"text", headers={"Content-Encoding": encoding})
        with pytest.raises(PartnerProtocolError, match=why) as refused:
            await ask(http, partner.url("/x"))
        assert refused.value.http_status == 200

    async def test_a_slow_partner(self, http: PartnerHttp, partner: Partner) -> None:
        async def slow(request: Request) -> Response:
            await asyncio.sleep(1)
            return enveloped()

        partner.answers["GET", "/x"] = slow
        with pytest.raises(PartnerUnavailable, match=r"within 0\.1 s"):
            await ask(http, partner.url("/x"), timeout_s=0.1)

    async def test_a_partner_that_drips(self, http: PartnerHttp, partner: Partner) -> None:
        async def dripping(request: Request) -> Response:
            async def drops() -> AsyncIterator[bytes]:
                for _ in range(600):
                    yield b" "
                    await asyncio.sleep(0.05)

            return StreamingResponse(drops())

        partner.answers["GET", "/x"] = dripping
        with pytest.raises(PartnerUnavailable, match=r"within 0\.2 s"):
            await ask(http, partner.url("/x"), timeout_s=0.2)

    async def test_nobody_there(self, http: PartnerHttp) -> None:
        with pytest.raises(PartnerUnavailable, match=r"127\.0\.0\.1"):
            await ask(http, "http://127.0.0.1:1025/x")

    async def test_production_refuses_a_local_partner(self, partner: Partner) -> None:
        witnessed = Witnessed()
        async with PartnerHttp(AddressPolicy()) as http:
            with pytest.raises(UnsafeUrl):
                await ask(http, partner.url("/x"), witness=witnessed)
        assert partner.seen == []
        assert witnessed.exchanges == []


class TestStaleConnections:
    """A kept-alive connection that the partner closed is no reason to fail, nor to do anything twice."""

    @asynccontextmanager
    async def closing_partner(self) -> AsyncIterator[tuple[str, list[str]]]:
        """Answers the first request of each connection, and hangs up on the second without a word."""
        received: list[str] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for request in range(2):
                head = await reader.readuntil(b"\r\n\r\n")
                received.append(head.decode().split(" ")[0])
                if request == 0:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b'{"status_code":1000}')
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x", received
        finally:
            server.close()

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    async def test_once_more_what_may_be_repeated(self, http: PartnerHttp, method: str) -> None:
        async with self.closing_partner() as (url, received):
            await ask(http, url, "GET")
            assert (await ask(http, url, method)).status == 200
            assert received == ["GET", method, method]

    @pytest.mark.parametrize(
        ("method", "module"),
        [
            ("POST", Module.CDRS),
            ("PATCH", Module.SESSIONS),
            ("PUT", Module.CREDENTIALS),
            ("DELETE", Module.CREDENTIALS),
        ],
    )
    async def test_never_what_may_not(self, http: PartnerHttp, method: str, module: Module) -> None:
        async with self.closing_partner() as (url, received):
            await ask(http, url, "GET")
            with pytest.raises(PartnerUnavailable):
                await ask(http, url, method, module=module)
            assert received == ["GET", method]


class TestEvidence:
    async def test_bytes_of_both_sides(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["POST", "/x"] = enveloped(http=201, headers={"Location": "/x/1"})
        witnessed = Witnessed()
        answer = await ask(http, partner.url("/x"), "POST", body=b'{"total": 1.10}', witness=witnessed)
        (exchange,) = witnessed.exchanges
        assert (exchange.module, exchange.method, exchange.url) == (
            Module.LOCATIONS,
            "POST",
            partner.url("/x"),
        )
        assert (exchange.status, exchange.started_at) == (201, NOON)
        assert exchange.request_body == b'{"total": 1.10}'
        assert exchange.response_body == answer.body
        assert exchange.response_headers["location"] == "/x/1"
        assert exchange.request_headers["x-request-id"] == partner.last.headers["x-request-id"]
        assert exchange.duration_s > 0

    async def test_an_exchange_without_an_answer(self, http: PartnerHttp) -> None:
        witnessed = Witnessed()
        with pytest.raises(PartnerUnavailable):
            await ask(http, "http://127.0.0.1:1025/x", "PUT", body=b"{}", witness=witnessed)
        (exchange,) = witnessed.exchanges
        assert (exchange.status, exchange.request_body, exchange.response_body) == (None, b"{}", b"")

    async def test_tokens_of_a_handshake_are_masked(self, http: PartnerHttp, partner: Partner) -> None:
        theirs, ours = "the-token-that-they-gave", "the-token-that-we-gave"
        partner.answers["POST", "/c"] = enveloped({"token": theirs, "url": "https://partner.example"})
        witnessed = Witnessed()
        answer = await ask(
            http,
            partner.url("/c"),
            "POST",
            module=Module.CREDENTIALS,
            body=f'{{"token": "{ours}", "url": "https://we.example"}}'.encode(),
            witness=witnessed,
        )
        assert theirs.encode() in envelope.success(answer).data
        assert ours.encode() in partner.last.body
        (exchange,) = witnessed.exchanges
        assert theirs not in repr(exchange)
        assert ours not in repr(exchange)
        assert "https://partner.example" in exchange.response_body.decode()

    async def test_unreadable_handshake_is_not_kept(self, http: PartnerHttp, partner: Partner) -> None:
        partner.answers["GET", "/c"] = Response(b'{"token": "the-token-that-they-gave"')
        witnessed = Witnessed()
        await ask(http, partner.url("/c"), module=Module.CREDENTIALS, witness=witnessed)
        assert b"they-gave" not in witnessed.exchanges[0].response_body


class TestSecrecy:
    """The token is in no error, no repr, no log and no evidence, even if the partner repeats it to us."""

    async def test_echoed_token(self, http: PartnerHttp, partner: Partner, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        witnessed = Witnessed()
        for spelling in (SECRET, ENCODED):
            partner.answers["GET", "/x"] = enveloped(
                http=401, status_code=2001, message=f"who is {spelling}?", headers={"X-Echo": spelling}
            )
            answer = await ask(http, partner.url("/x"), witness=witnessed)
            with pytest.raises(PartnerRejected, match="who is") as refused:
                envelope.success(answer)
            assert_silent(repr(answer), *told(refused.value))
        assert_silent(repr(witnessed.exchanges), caplog.text)

    async def test_errors_of_the_network(self, http: PartnerHttp, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with pytest.raises(PartnerError) as refused:
            await ask(http, "http://127.0.0.1:1025/x")
        assert_silent(caplog.text, *told(refused.value))

    @pytest.mark.parametrize("broken", [f"Token {SECRET}\r\nX: y", f"Token {SECRET}é", f"Token {SECRET}\n"])
    async def test_tokens_that_no_header_can_carry(self, http: PartnerHttp, partner: Partner, broken: str) -> None:
        with pytest.raises(PartnerRejected) as refused:
            await ask(http, partner.url("/x"), authorization=broken)
        assert partner.seen == []
        assert_silent(*told(refused.value))


def told(error: BaseException) -> list[str]:
    return ["".join(traceback.format_exception(error)), repr(error), str(error.__dict__)]


def assert_silent(*texts: str) -> None:
    for text in texts:
        assert SECRET not in text
        assert ENCODED not in text
