"""The bytes of each CDR: what the operator sent is what the provider took, message for message."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from canonical.store import Direction
from deploy.chaos.checks.cdrs import HeldCdr
from deploy.chaos.checks.opened import Books
from deploy.chaos.evidence import Violation

_ROWS = """
SELECT number, direction, method, object_key, status, body, answer FROM evidence
WHERE module = 'cdrs' AND object_key IS NOT NULL AND number > $1 ORDER BY number LIMIT 500
"""
_FIRST_ERROR_OF_HTTP: Final = 300
_FIRST_ERROR_OF_OCPI: Final = 2000


@dataclass(frozen=True)
class Message:
    """One exchange about one CDR, in the evidence of one side. `accepted`: it was answered with a yes."""

    number: int
    direction: Direction
    method: str
    cdr_key: str
    accepted: bool
    body_sha256: str


async def read(books: Books) -> tuple[Message, ...]:
    found: list[Message] = []
    drivers = books.store.drivers
    while rows := await books.sql.fetch(_ROWS, found[-1].number if found else 0):
        keys = await drivers.reveal(*(row["object_key"] for row in rows))
        bytes_ = await drivers.unpack(*(message for row in rows for message in (row["body"], row["answer"])))
        for row, key, body, answer in zip(rows, keys, bytes_[::2], bytes_[1::2], strict=True):
            found.append(
                Message(
                    number=row["number"],
                    direction=Direction(row["direction"]),
                    method=row["method"],
                    cdr_key=key,
                    accepted=_is_yes(row["status"], answer),
                    body_sha256=hashlib.sha256(body).hexdigest(),
                )
            )
    return tuple(found)


def violations(
    sent: Sequence[Message], received: Sequence[Message], at_cpo: Sequence[HeldCdr], at_emsp: Sequence[HeldCdr]
) -> Iterator[Violation]:
    """Of each CDR that the operator issued: all messages in which it was taken are the same, byte for byte."""
    out = _bodies(sent, Direction.OUT)
    into = _bodies(received, Direction.IN)
    for key in (each.key for each in at_cpo if each.ours):
        ours, theirs = out.get(key, set()), into.get(key, set())
        if not ours:
            yield Violation("same bytes", f"cpo CDR {key}", "no message is kept in which the provider took it")
        if not theirs:
            yield Violation("same bytes", f"emsp CDR {key}", "no message is kept in which it was taken")
        if ours and theirs and len(ours | theirs) > 1:
            words = f"sent {_short(ours)}, taken {_short(theirs)}"
            yield Violation("same bytes", f"emsp CDR {key}", words)
    of = {each.number: each for each in received}
    for cdr in at_emsp:
        message = None if cdr.evidence is None else of.get(cdr.evidence)
        if cdr.evidence is not None and (message is None or message.cdr_key != cdr.key):
            words = f"it refers to message {cdr.evidence}, which is not one about it"
            yield Violation("same bytes", f"emsp CDR {cdr.key}", words)


def _bodies(messages: Sequence[Message], direction: Direction) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in messages:
        if each.direction is direction and each.method == "POST" and each.accepted:
            found.setdefault(each.cdr_key, set()).add(each.body_sha256)
    return found


def _is_yes(status: int | None, answer: bytes) -> bool:
    if status is None or status >= _FIRST_ERROR_OF_HTTP:
        return False
    try:
        return int(json.loads(answer)["status_code"]) < _FIRST_ERROR_OF_OCPI
    except (ValueError, KeyError, TypeError):
        return False


def _short(digests: set[str]) -> str:
    return ", ".join(sorted(each[:12] for each in digests))
