"""The bytes of what moves money, kept as they came and as they were answered."""

import json
import re
from collections.abc import Mapping
from typing import Final

from adapters.contract import Operation
from api.ocpi.call import Answer, Call
from canonical.store import Direction, EvidenceRecord

_ALWAYS: Final = frozenset(
    {
        Operation.POST_CDR,
        Operation.PUT_TARIFF,
        Operation.DELETE_TARIFF,
        Operation.AUTHORIZE,
        Operation.REGISTER,
        Operation.UPDATE_CREDENTIALS,
        Operation.UNREGISTER,
    }
)
_SECRET: Final = frozenset({Operation.REGISTER, Operation.UPDATE_CREDENTIALS})
_TOKEN: Final = re.compile(rb'("token"\s*:\s*)"(?:[^"\\]|\\.)*"')
_HEADERS: Final = re.compile(r"content-type|date|user-agent|x-(request|correlation)-id|ocpi-.+|location")


def is_kept(call: Call, answer: Answer) -> bool:
    return answer.keep or call.endpoint.operation in _ALWAYS


def record_of(call: Call, *, answer: bytes, status: int | None, object_key: str | None) -> EvidenceRecord:
    """The exchange as evidence: no secret header, and credentials without their tokens."""
    secret = call.endpoint.operation in _SECRET
    return EvidenceRecord(
        direction=Direction.IN,
        connection_id=call.connection.id,
        module=call.endpoint.module.value,
        method=call.endpoint.method,
        url_or_path=call.path,
        status=status,
        headers=_harmless(call.headers),
        body=_redacted(call.body) if secret else call.body,
        answer=_redacted(answer) if secret else answer,
        adapter=call.adapter.key,
        object_key=object_key,
        at=call.services.clock(),
    )


async def keep(call: Call, answer: Answer, content: bytes) -> None:
    """Keep a finished exchange."""
    record = record_of(call, answer=content, status=answer.http_status, object_key=answer.object_key)
    async with call.services.store.transaction() as unit:
        await unit.evidence.add(record)


def _harmless(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if _HEADERS.fullmatch(name.lower())}


def _redacted(body: bytes) -> bytes:
    """Credentials without tokens. What is not JSON is not kept: a secret could be anywhere in it."""
    try:
        json.loads(body)
    except ValueError:
        return b""
    return _TOKEN.sub(rb'\1"[redacted]"', body)
