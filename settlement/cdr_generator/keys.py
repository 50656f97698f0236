"""The names that a session, its CDR and its credit are found by again: always the same ones for the same session."""

import hashlib
from typing import Final

from canonical.identity import ObjectId

_LONGEST_ID: Final = 36
"""OCPI 2.2.1 cdrs, CDR.id: 36 characters for a CDR, 39 for a credit CDR. A record of invoices takes 36 of either
(OCPI 2.3.0 invoice reconciliation)."""

_CREDIT: Final = "-C"


def cdr_id_for(session: ObjectId, number: int = 1) -> str:
    """The id of the CDR of a session: always the same one, and short enough that `-C` fits behind it.

    `number` counts the CDRs of a session: a further one takes the place of one that was credited or never taken.
    """
    return f"CDR-{_digest('cdr', session.key, *_further(number))[:28].upper()}"


def credit_id_for(cdr: ObjectId) -> str:
    """The id of the one credit CDR of a CDR. Raises ValueError when the id of the CDR leaves no room for it."""
    credit_id = f"{cdr.id}{_CREDIT}"
    if len(credit_id) > _LONGEST_ID:
        raise ValueError(f"{cdr.id} is too long for a credit: {credit_id} has more than {_LONGEST_ID} characters")
    return credit_id


def idempotency_key(session: ObjectId, number: int = 1) -> str:
    """The key of the one event "this session was billed": the store refuses a second bill under it.

    The key of a further CDR says its number, so that of each number there is one.
    """
    return "#".join((_digest("billed", session.key), *_further(number)))


def credit_key(cdr: ObjectId) -> str:
    """The key of the one event "this CDR was taken back"."""
    return _digest("credited", cdr.key)


def _further(number: int) -> tuple[str, ...]:
    return () if number == 1 else (str(number),)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
