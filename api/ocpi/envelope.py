"""The envelope of every answer (OCPI 2.2.1 transport, response format)."""

import json
import logging
from datetime import datetime

from starlette.responses import Response

from api.errors import is_ours, to_ocpi
from api.ocpi.call import Answer

_LOG = logging.getLogger("roamwork.api.ocpi")


def wrap(answer: Answer, at: datetime) -> bytes:
    """The answer's bytes. The data goes in untouched: no number is parsed and printed again."""
    data = answer.data
    tail = (
        f'"status_code":{answer.status_code},"status_message":{json.dumps(answer.message, ensure_ascii=False)},'
        f'"timestamp":"{at:%Y-%m-%dT%H:%M:%SZ}"}}'
    ).encode()
    if data is None:
        return b"{" + tail
    if isinstance(data, tuple):
        # Put together once: a page is some hundred kilobytes.
        return b"".join((b'{"data":[', b",".join(data) if len(data) > 1 else b"".join(data), b"],", tail))
    return b"".join((b'{"data":', data, b",", tail))


def refusal(error: Exception) -> Answer:
    """The answer to a request that failed. A fault of ours is logged with its trace and told without it."""
    fault = to_ocpi(error)
    if is_ours(error):
        _LOG.error("a partner's request failed", exc_info=error)
    elif fault.http_status >= 500:
        _LOG.warning("a partner's request could not be answered now: %s", error)
    return Answer(
        http_status=fault.http_status,
        status_code=fault.status_code,
        message=fault.message[:1000],
        headers=fault.headers,
    )


def respond(answer: Answer, content: bytes, headers: dict[str, str]) -> Response:
    return Response(
        content,
        status_code=answer.http_status,
        headers={**headers, **answer.headers},
        media_type="application/json",
    )
