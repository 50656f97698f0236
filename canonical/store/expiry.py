"""Rows that go when their time has passed: which ones, from when on, and in which order.

Rows of append-only tables are not among them (`retention` says why).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from canonical.store.retention import CLASS_OF, RetentionClass, RetentionPolicy
from canonical.store.transaction import Transaction

_BATCH: Final = 5000


@dataclass(frozen=True)
class Expiry:
    """Rows that go when their time has passed. `due` is a condition on the moment $1 before which it has."""

    table: str
    due: str


EXPIRIES: Final = (
    Expiry("idempotency", "began_at < $1"),
    Expiry("token_authorization", "at < $1"),
    Expiry("command", "settled AND given_at < $1"),
    Expiry("outbox", "coalesce(settled_at, refused_at) < $1"),
    Expiry(
        "session",
        "is_final AND stored_at < $1"
        " AND (source <> '' OR EXISTS (SELECT FROM session_outcome o WHERE o.session_key = session.key))",
    ),
    Expiry(
        "smart_charging",
        "greatest(active_at, preferences_at) < $1 AND NOT EXISTS"
        " (SELECT FROM session s WHERE s.source = smart_charging.source AND s.key = smart_charging.session_key)",
    ),
    Expiry(
        "session_watch",
        "looked_at < $1 AND NOT EXISTS"
        " (SELECT FROM session s WHERE s.source = session_watch.source AND s.key = session_watch.session_key)",
    ),
    Expiry("token", "document ->> 'valid' = 'false' AND last_updated < $1"),
    Expiry(
        "told",
        "at < $1 AND (module = 'sessions' AND NOT EXISTS"
        " (SELECT FROM session s WHERE s.source = '' AND s.key = told.object_key)"
        " OR module = 'tokens' AND NOT EXISTS"
        " (SELECT FROM token t WHERE t.source = '' AND t.key = told.object_key))",
    ),
    Expiry("review_case", "state = 'CLOSED' AND (document ->> 'closed_at')::timestamptz < $1"),
)
"""In the order in which they go: what hangs on something else goes after it."""


@dataclass(frozen=True)
class TableState:
    """A table of a class: its rows, and how many of them go with the next sweep; None: its rows stay."""

    table: str
    rows: int
    due: int | None


class RetentionRepository:
    """What is kept in each table, and what of it is due."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def overview(self, policy: RetentionPolicy, today: date) -> tuple[TableState, ...]:
        """Every table with its rows, and what is due."""
        due = {expiry.table: await self._due(expiry, policy, today) for expiry in EXPIRIES}
        before = _moment(policy.term(RetentionClass.FEED).over_before(today))
        due["event"] = await self._count("event WHERE at < $1", before)
        return tuple([TableState(table, await self._count(table), due.get(table)) for table in CLASS_OF])

    async def expire(self, expiry: Expiry, policy: RetentionPolicy, today: date) -> int:
        """Remove rows whose time has passed, so many at a time. Repeated until none is left: the same in the end."""
        before = _moment(policy.term(CLASS_OF[expiry.table]).over_before(today))
        statement = (
            f"DELETE FROM {expiry.table} WHERE ctid = ANY(ARRAY("  # noqa: S608  names of ours
            f"SELECT ctid FROM {expiry.table} WHERE {expiry.due} LIMIT {_BATCH})) RETURNING 1"
        )
        return len(await self._connection.ask(statement, before))

    async def retire_events(self, policy: RetentionPolicy, today: date) -> int:
        """Remove events whose time has passed and which every webhook that is not paused has got."""
        before = _moment(policy.term(RetentionClass.FEED).over_before(today))
        return int((await self._connection.ask("SELECT retire_events($1, $2)", before, _BATCH))[0][0])

    async def _due(self, expiry: Expiry, policy: RetentionPolicy, today: date) -> int:
        before = _moment(policy.term(CLASS_OF[expiry.table]).over_before(today))
        return await self._count(f"{expiry.table} WHERE {expiry.due}", before)

    async def _count(self, what: str, *values: object) -> int:
        return int((await self._connection.look(f"SELECT count(*) FROM {what}", *values))[0][0])  # noqa: S608


def _moment(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)
