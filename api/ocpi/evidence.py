"""The bytes of what moves money, kept as they came and as they were answered."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from adapters.build import build
from adapters.contract import Operation
from api.ocpi.call import Answer, Call
from api.ocpi.envelope import wrap
from canonical.store import Direction, Driver, EvidenceRecord

_ALWAYS: Final = frozenset(
    {
        Operation.POST_CDR,
        Operation.PUT_TARIFF,
        Operation.DELETE_TARIFF,
        Operation.PATCH_TARIFF,
        Operation.AUTHORIZE,
        Operation.GET_CREDENTIALS,
        Operation.REGISTER,
        Operation.UPDATE_CREDENTIALS,
        Operation.UNREGISTER,
    }
)
_SECRET: Final = frozenset({Operation.GET_CREDENTIALS, Operation.REGISTER, Operation.UPDATE_CREDENTIALS})
_TOKEN: Final = re.compile(rb'("token"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_MASK: Final = "[redacted]"
_HEADERS: Final = re.compile(r"content-type|date|user-agent|x-(request|correlation)-id|ocpi-.+|location")


def is_kept(call: Call, answer: Answer) -> bool:
    return answer.keep or call.endpoint.operation in _ALWAYS


def record_of(
    call: Call,
    *,
    answer: bytes,
    status: int | None,
    object_key: str | None,
    answer_headers: Mapping[str, str] | None = None,
    driver: Driver | None = None,
) -> EvidenceRecord:
    """The exchange as evidence: no secret header, credentials without their tokens. `driver` is whom it was about."""
    partner = call.requester or call.connection.partner_party(call.our_side)
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
        at=call.arrived_at,
        finished_at=call.services.clock(),
        partner=None if partner is None else str(partner),
        rule_set=build(),
        answer_headers=None if answer_headers is None else _harmless(answer_headers),
        driver=driver or _asked_for(call),
    )


async def keep(call: Call, answer: Answer, content: bytes) -> None:
    """Keep a finished exchange."""
    await call.services.store.keep_evidence(_finished(call, answer, content))


def sealed(call: Call, answer: Answer) -> tuple[Answer, EvidenceRecord]:
    """An answer with the bytes that it has to go out with, and the record of them.

    To be kept in the transaction of what the exchange is about.
    """
    content = wrap(answer, call.services.clock())
    return replace(answer, content=content), _finished(call, answer, content)


def _finished(call: Call, answer: Answer, content: bytes) -> EvidenceRecord:
    return record_of(
        call,
        answer=content,
        status=answer.http_status,
        object_key=answer.object_key,
        answer_headers=answer.headers,
        driver=answer.driver,
    )


def _asked_for(call: Call) -> Driver | None:
    """Whose card it is that we were asked for, where no more than its uid is known of it."""
    if call.endpoint.operation is not Operation.AUTHORIZE:
        return None
    return Driver.by_card(call.connection.our_party, call.segment("token_uid"))


def _harmless(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if _HEADERS.fullmatch(name.lower())}


def _redacted(body: bytes) -> bytes:
    """Credentials without tokens. What is not JSON is not kept: a secret could be anywhere in it.

    Nor is what is nested too deeply to be looked through, or holds a token under a name that is spelt in escapes.
    """
    redacted = _TOKEN.sub(rb'\1"[redacted]"', body)
    try:
        json.loads(redacted, object_pairs_hook=_check_no_token)
    except (ValueError, RecursionError):
        return b""
    return redacted


def _check_no_token(members: list[tuple[str, object]]) -> None:
    """Raises ValueError where a token is left."""
    if any(name.lower() == "token" and value not in (None, _MASK) for name, value in members):
        raise ValueError("a token is left")
