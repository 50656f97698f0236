"""How workflow ids are spelt. They are persisted and people search by them: a change here breaks running work.

An id is the business key of what the workflow looks after, so that a second start finds the first one.
"""

import re

_ABOUT_A_CONNECTION = re.compile(
    r"(?:handshake|unregistration|session|cdr-delivery|feed|resync|command|delta|full-sweep|settlement|reconciliation)"
    r"/([^/]+?)(?:-\d{4}-\d\d-\d\dT[^/]*)?(?:/.*)?"
)
"""What a schedule started has the time behind its id."""

SWEEP_SCHEDULE = "sweep"
SWEEP_ALL_SCHEDULE = "sweep-all"
SWEEP_NOW = "sweep-now"
LOG_SCHEDULE = "financial-log"
LOG_ALL_SCHEDULE = "financial-log-all"
RETENTION_SCHEDULE = "retention"
ROTATION_SCHEDULE = "token-rotation"


def handshake(connection_id: str) -> str:
    return f"handshake/{connection_id}"


def unregistration(connection_id: str) -> str:
    return f"unregistration/{connection_id}"


def charging_session(connection_id: str, session_key: str) -> str:
    """`session_key` is the folded `DE*ABC/ID` of the session, or of the CDR when it names no session."""
    return f"session/{connection_id}/{session_key}"


def cdr_delivery(connection_id: str, cdr_key: str) -> str:
    return f"cdr-delivery/{connection_id}/{cdr_key}"


def partner_feed(connection_id: str) -> str:
    return f"feed/{connection_id}"


def resync(connection_id: str, module: str) -> str:
    return f"resync/{connection_id}/{module}"


def command(connection_id: str, command_id: str) -> str:
    return f"command/{connection_id}/{command_id}"


def synchronisation(connection_id: str, *, delta: bool) -> str:
    """Also the id of the schedule that starts it, which adds the time to it."""
    return f"{'delta' if delta else 'full-sweep'}/{connection_id}"


def webhook(webhook_id: str) -> str:
    return f"webhook/{webhook_id}"


def settlement_cycle(connection_id: str, month: str) -> str:
    return f"settlement/{connection_id}/{month}"


def reconciliation(connection_id: str, statement_id: str) -> str:
    return f"reconciliation/{connection_id}/{statement_id}"


def connection_of(workflow_id: str) -> str | None:
    """The connection that a workflow is about, as its id says it; None where it is about none."""
    found = _ABOUT_A_CONNECTION.fullmatch(workflow_id)
    return found and found[1]
