from datetime import UTC, datetime

import httpx
import pytest

from adapters.contract import (
    PartnerError,
    PartnerNotFound,
    PartnerProtocolError,
    PartnerRejected,
    PartnerUnauthorized,
    PartnerUnavailable,
)
from adapters.transport import envelope
from adapters.transport.envelope import Answer

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def answer(http: int, body: bytes = b"", **headers: str) -> Answer:
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer("https://partner.example/x", http, named, body, envelope.parse(body), NOON)


def code(ocpi: int | None) -> bytes:
    return b"" if ocpi is None else b'{"status_code": %d, "status_message": "because"}' % ocpi


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"status_code":1000,"data":[1.10],"timestamp":"2026-03-01T09:00:00Z"}', b"[1.10]"),
        (b'{"status_code":1000}', None),
        (b'{"status_code":1000,"data":null,"status_message":null}', None),
        (b'\xef\xbb\xbf {"data":{"a" : NaN},"status_code":"1000"} \n', b'{"a" : NaN}'),
        (b'{"status_code":1999,"data":{},"more":[{"x":"}"}]}', b"{}"),
    ],
)
def test_success(body: bytes, data: bytes | None) -> None:
    for http in (200, 201, 202, 299):
        assert envelope.success(answer(http, body)).data == data


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"data":[]}',
        b'{"status_code":1000',
        b'{"status_code":1000}}',
        b'{"status_code":1000,}',
        b'{"status_code":1000,"status_code":2000}',
        b'{"status_code":1000.5}',
        b'{"status_code":99}',
        b'{"status_code":200}',
        b'{"status_code":true}',
        b"{status_code:1000}",
        b"\xff\xfe",
        b'{"status_code":1000,"data":' + b"[" * 100_000,
    ],
)
def test_no_envelope(body: bytes) -> None:
    with pytest.raises(PartnerProtocolError, match="without an OCPI envelope"):
        envelope.success(answer(200, body))


@pytest.mark.parametrize("http", [200, 201, 202, 204])
def test_nothing_is_enough_for_a_write(http: int) -> None:
    assert envelope.success(answer(http), empty_is_success=True).status_code == 1000
    with pytest.raises(PartnerProtocolError):
        envelope.success(answer(http))
    with pytest.raises(PartnerProtocolError):
        envelope.success(answer(http, b"<html>"), empty_is_success=True)


@pytest.mark.parametrize(
    ("http", "ocpi", "kind"),
    [
        (200, 2000, PartnerRejected),
        (200, 2001, PartnerRejected),
        (200, 2003, PartnerNotFound),
        (200, 2004, PartnerNotFound),
        (200, 2999, PartnerRejected),
        (200, 3000, PartnerRejected),
        (200, 3001, PartnerRejected),
        (200, 4001, PartnerRejected),
        (200, 4002, PartnerUnavailable),
        (200, 4003, PartnerUnavailable),
        (200, 5000, PartnerProtocolError),
        (204, None, PartnerProtocolError),
        (302, None, PartnerProtocolError),
        (304, 1000, PartnerProtocolError),
        (400, None, PartnerRejected),
        (400, 1000, PartnerRejected),
        (400, 2003, PartnerNotFound),
        (401, None, PartnerUnauthorized),
        (401, 2003, PartnerUnauthorized),
        (403, None, PartnerRejected),
        (404, None, PartnerNotFound),
        (404, 1000, PartnerNotFound),
        (404, 2001, PartnerNotFound),
        (405, None, PartnerRejected),
        (408, None, PartnerUnavailable),
        (429, None, PartnerUnavailable),
        (429, 2000, PartnerUnavailable),
        (500, None, PartnerUnavailable),
        (500, 1000, PartnerUnavailable),
        (500, 2001, PartnerRejected),
        (500, 2004, PartnerNotFound),
        (500, 3000, PartnerUnavailable),
        (503, None, PartnerUnavailable),
    ],
)
def test_failure(http: int, ocpi: int | None, kind: type[PartnerError]) -> None:
    with pytest.raises(kind) as refused:
        envelope.success(answer(http, code(ocpi)))
    assert type(refused.value) is kind
    assert (refused.value.http_status, refused.value.ocpi_status) == (http, ocpi)
    assert f"HTTP {http}" in str(refused.value)
    assert ("because" in str(refused.value)) is (ocpi is not None)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("99999999999999999999", envelope.RETRY_AFTER_MAX_S),
        ("Sun, 01 Mar 2099 12:00:00 GMT", envelope.RETRY_AFTER_MAX_S),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    for http in (429, 503):
        assert envelope.failure(answer(http, retry_after=header)).retry_after_s == seconds
    assert envelope.failure(answer(400, retry_after=header)).retry_after_s is None


def test_a_message_is_cut_and_made_printable() -> None:
    body = b'{"status_code":2000,"status_message":"line\\nbreak\\u0000 ' + b"x" * 5000 + b'"}'
    message = str(envelope.failure(answer(200, body)))
    assert "line break  xxx" in message
    assert len(message) < 300
