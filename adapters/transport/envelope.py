"""The OCPI envelope, and what an answer means: success, or which PartnerError.

Every answer is read for its envelope before its HTTP status is judged, because partners put business answers
("unknown location") under any status (OCPI 2.2.1 transport, Response format; status codes).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from adapters.contract import (
    PartnerError,
    PartnerNotFound,
    PartnerProtocolError,
    PartnerRejected,
    PartnerUnauthorized,
    PartnerUnavailable,
)
from adapters.transport import json_slices

RETRY_AFTER_MAX_S = 86_400.0
"""A partner may ask us to wait for a day, not for years."""

_MESSAGE_LENGTH_MAX = 200
_UNKNOWN_LOCATION, _UNKNOWN_TOKEN = 2003, 2004
_HUB_RECEIVER_UNKNOWN = 4001
_TOO_MANY_REQUESTS, _OUT_OF_SERVICE = 429, 503
_NO_SUCCESS_YET = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Envelope:
    """`{data, status_code, status_message, timestamp}`.

    `data` is as the partner wrote it; None is absent or null.
    """

    status_code: int
    status_message: str | None = None
    timestamp: str | None = None
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Answer:
    """A partner's answer to one request, whatever its status.

    `headers` are looked up without regard to case.
    """

    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    envelope: Envelope | None
    received_at: datetime


@dataclass(frozen=True)
class PauseAsked:
    """A partner wants to be left alone for `seconds`; None: it does not say for how long.

    `unexecuted`: the request was turned away, so that it can be sent again whatever it is.
    """

    seconds: float | None
    unexecuted: bool


def pause_asked_for(answer: Answer) -> PauseAsked | None:
    """A 429, or a 503 that says when to come back (RFC 9110 10.2.3, RFC 6585 4)."""
    seconds = _retry_after_s(answer)
    if answer.status == _TOO_MANY_REQUESTS:
        return PauseAsked(seconds, unexecuted=True)
    if answer.status == _OUT_OF_SERVICE and seconds is not None:
        return PauseAsked(seconds, unexecuted=False)
    return None


def parse(body: bytes) -> Envelope | None:
    """The envelope in a body, or None when there is none.

    A missing timestamp or data is no reason to refuse.
    """
    try:
        raw = json_slices.members(json_slices.text_of(body))
    except json_slices.NotJsonError:
        return None
    fields = dict(raw)
    code = _whole_number(fields.get("status_code"))
    if code is None or len(fields) != len(raw):
        return None
    data = fields.get("data", "null")
    return Envelope(
        status_code=code,
        status_message=_string(fields.get("status_message")),
        timestamp=_string(fields.get("timestamp")),
        data=None if data == "null" else data.encode(),
    )


def success(answer: Answer, *, empty_is_success: bool = False) -> Envelope:
    """The envelope of an answer that says yes: HTTP 2xx and an OCPI status of 1000 to 1999.

    With `empty_is_success` (PUT, PATCH, DELETE) a 2xx without a body counts as 1000. Raises a PartnerError
    otherwise.
    """
    if 200 <= answer.status < 300:
        if answer.envelope is not None and 1000 <= answer.envelope.status_code < 2000:
            return answer.envelope
        if empty_is_success and not answer.body.strip():
            return Envelope(status_code=1000)
    raise failure(answer)


def failure(answer: Answer) -> PartnerError:
    """The error that an answer without success stands for, by the definitions in `adapters.contract`."""
    kind = _failure_kind(answer.status, answer.envelope)
    return kind(
        _told(answer),
        http_status=answer.status,
        ocpi_status=answer.envelope.status_code if answer.envelope else None,
        retry_after_s=_retry_after_s(answer) if kind is PartnerUnavailable else None,
    )


def _failure_kind(status: int, envelope: Envelope | None) -> type[PartnerError]:
    code = envelope.status_code if envelope else None
    if status == 401:
        return PartnerUnauthorized
    if status in _NO_SUCCESS_YET:
        return PartnerUnavailable
    if code is not None and 4000 <= code < 5000:
        # A hub's word, under any HTTP status. Only "receiver unknown" is final; 4002 leaves open what was executed.
        return PartnerRejected if code == _HUB_RECEIVER_UNKNOWN else PartnerUnavailable
    if code in (_UNKNOWN_LOCATION, _UNKNOWN_TOKEN):
        return PartnerNotFound
    if status == 404:
        return PartnerNotFound
    if code is not None and 2000 <= code < 3000:
        # Also under HTTP 5xx: the partner has understood, and it names our request as the reason.
        return PartnerRejected
    if status >= 500:
        return PartnerUnavailable
    if 400 <= status < 500:
        return PartnerRejected
    if 200 <= status < 300 and code is not None and 3000 <= code < 4000:
        return PartnerRejected
    return PartnerProtocolError


def _told(answer: Answer) -> str:
    said = f"HTTP {answer.status}"
    if answer.envelope is None:
        if 300 <= answer.status < 400:
            return f"{said}: redirects are not followed; the partner's endpoint has another address"
        return f"{said} without an OCPI envelope"
    said = f"{said}, OCPI {answer.envelope.status_code}"
    message = answer.envelope.status_message
    return f"{said}: {message}" if message else said


def _retry_after_s(answer: Answer) -> float | None:
    """Seconds to wait by the Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    value = answer.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value[:10]), RETRY_AFTER_MAX_S)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - answer.received_at).total_seconds(), 0.0), RETRY_AFTER_MAX_S)


def _whole_number(raw: str | None) -> int | None:
    """OCPI status codes have four digits; partners are met that quote them."""
    digits = (raw or "").strip('"')
    return int(digits) if len(digits) == 4 and digits.isascii() and digits.isdigit() else None


def _string(raw: str | None) -> str | None:
    if raw is None or not raw.startswith('"'):
        return None
    text = "".join(c if c.isprintable() else " " for c in str(json.loads(raw, strict=False)))
    return text[:_MESSAGE_LENGTH_MAX]
