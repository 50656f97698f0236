"""Sessions of which nothing was heard for too long, and when each of them was looked after."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from canonical.identity import ObjectId
from canonical.session import SessionStatus
from canonical.store.transaction import Transaction

MOST_OF_A_PARTNER: Final = 20
"""So many sessions of one partner are looked after at a time: each may be a call to it."""
_MOST: Final = 500
_LATE_FOR: Final = timedelta(days=2)
"""For how long a missing CDR is found. It is looked for once; a sweep may fail, and the next one makes it good."""
_ONCE_MORE: Final = timedelta(hours=1)

_HAS_CDR = """
EXISTS (
    SELECT FROM cdr c WHERE c.connection_id = s.source AND NOT c.ours
        AND c.session_key = substr(s.key, strpos(s.key, '/') + 1)
        AND split_part(c.key, '/', 1) = split_part(s.key, '/', 1)
)
"""

_CAME_TO_NOTHING = """
(
    (s.document ->> 'energy_kwh')::numeric = 0
    AND coalesce((s.document #>> '{total_cost,before_tax}')::numeric, 0) = 0
    AND NOT jsonb_path_exists(
        s.document,
        '$.charging_periods[*] ? (!exists(@.volumes[*] ? (@.dimension == "RESERVATION_TIME")))'
    )
)
"""
"""As `Session.came_to_nothing`, of one that is completed."""

_CLAIM = f"""
WITH found AS (
    SELECT s.source, s.key, s.status, s.stored_at, coalesce(b.connection_id, s.source) AS connection_id, w.looked_at,
        w.looks
    FROM session s
    LEFT JOIN session_watch w ON w.source = s.source AND w.session_key = s.key
    LEFT JOIN billing_context b ON s.source = '' AND b.session_key = s.key
    CROSS JOIN LATERAL (SELECT (s.document ->> 'start')::timestamptz + $3::interval AS endless_at) never
    WHERE NOT s.is_final AND s.status IN ('ACTIVE', 'PENDING') AND (s.source <> '' OR b.session_key IS NOT NULL)
        AND (
            s.stored_at < $1::timestamptz - $2::interval AND (s.source <> '' OR s.status = 'ACTIVE')
                AND (w.looked_at IS NULL OR w.looked_at < s.stored_at
                    OR w.looked_at <= $1::timestamptz - $2::interval * power(2, least(greatest(w.looks, 1), 6) - 1))
            OR endless_at < $1::timestamptz AND (w.looked_at IS NULL OR w.looked_at < endless_at)
            OR endless_at >= $1::timestamptz AND w.attention AND w.looked_at < s.stored_at
        )
        AND (w.looked_at IS NULL OR w.looked_at < s.stored_at OR NOT {_HAS_CDR})
    UNION ALL
    SELECT s.source, s.key, s.status, s.stored_at, s.source, w.looked_at, w.looks
    FROM connection p
    JOIN session s ON s.source = p.document ->> 'id' AND s.last_updated >= $1::timestamptz - $4::interval - $5::interval
        AND s.last_updated < $1::timestamptz - $4::interval
    LEFT JOIN session_watch w ON w.source = s.source AND w.session_key = s.key
    WHERE s.status = 'COMPLETED'
        AND (w.looked_at IS NULL OR w.looked_at < s.last_updated + $4::interval
            OR NOT w.attention AND w.looked_at < $1::timestamptz - $6::interval AND NOT {_CAME_TO_NOTHING})
        AND NOT {_HAS_CDR}
), due AS (
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY connection_id ORDER BY looked_at NULLS FIRST, stored_at) AS place
        FROM found
    ) ranked
    WHERE place <= $7 ORDER BY place LIMIT $8
), claimed AS (
    INSERT INTO session_watch (source, session_key, looked_at, looks)
    SELECT source, key, $1::timestamptz, CASE WHEN looked_at >= stored_at THEN looks + 1 ELSE 1 END FROM due
    ON CONFLICT (source, session_key) DO UPDATE SET looked_at = excluded.looked_at, looks = excluded.looks
)
SELECT source, key, status, connection_id FROM due ORDER BY place
"""  # noqa: S608  nothing in it comes from outside

_WATCHED = """
SELECT s.stored_at, coalesce(w.looks, 0)
FROM session s LEFT JOIN session_watch w ON w.source = s.source AND w.session_key = s.key
WHERE s.source = $1 AND s.key = $2
"""

_CDR_OF = """
SELECT key FROM cdr
WHERE connection_id = $1 AND NOT ours AND session_key = $2 AND split_part(key, '/', 1) = $3
ORDER BY credit_of IS NOT NULL, number LIMIT 1
"""

_BECAME = """
SELECT o.cdr_key, coalesce(o.reason, ''), coalesce(w.attention, false)
FROM session s
LEFT JOIN session_outcome o ON s.source = '' AND o.session_key = s.key
LEFT JOIN session_watch w ON w.source = s.source AND w.session_key = s.key
WHERE s.source = $1 AND s.key = $2
"""

_NOTE = """
INSERT INTO session_watch (source, session_key, looked_at, looks, attention) VALUES ($1, $2, $3, 0, $4)
ON CONFLICT (source, session_key) DO UPDATE SET attention = excluded.attention
"""


def word_for(status: SessionStatus | None) -> str:
    """Where a session stands by its status alone, in one word; None: nothing but its name is known."""
    words = {None: "PLANNED", SessionStatus.RESERVATION: "RESERVED", SessionStatus.COMPLETED: "ENDED"}
    return words.get(status) or str(status)


@dataclass(frozen=True)
class Became:
    """What became of a session: the key of its CDR, or why there is none, and whether a person was told of it."""

    cdr_key: str | None
    reason: str
    attention: bool


@dataclass(frozen=True)
class SessionPatience:
    """How long a session may be silent, how long it may last, and how long its CDR may take."""

    silent_after: timedelta = timedelta(hours=1)
    endless_after: timedelta = timedelta(hours=48)
    cdr_within: timedelta = timedelta(days=1)


@dataclass(frozen=True)
class Unattended:
    """A session that somebody has to look after. `ours`: our own backend tells of it, and no partner."""

    session: ObjectId
    connection_id: str
    ours: bool
    status: SessionStatus


@dataclass(frozen=True)
class Watch:
    """When a session was last heard of, by the database's clock, and how often it was looked after since."""

    heard_at: datetime
    looks: int


class SessionWatchRepository:
    """Sessions by source and key."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def claim(self, now: datetime, patience: SessionPatience) -> tuple[Unattended, ...]:
        """Sessions that it is time to look after, and the note that it was done; some of each partner, not all.

        Silent ones, with pauses that grow from once the patience with silence to 32 times; ones that have lasted for
        too long, once; ones that a person was told of and that are heard of again; partners' sessions that ended
        without a CDR. What has its CDR and did not end, and what ended without any use, is looked after once.

        Repeated: the next ones. Cut off: none is noted. At the same time: some are looked after twice.
        """
        spans = (patience.silent_after, patience.endless_after, patience.cdr_within, _LATE_FOR, _ONCE_MORE)
        rows = await self._connection.ask(_CLAIM, now, *spans, MOST_OF_A_PARTNER, _MOST)
        return tuple(
            Unattended(ObjectId.parse(key), connection_id, not source, SessionStatus(status))
            for source, key, status, connection_id in rows
        )

    async def watch(self, session: ObjectId, *, source: str) -> Watch | None:
        """None: the session is not known."""
        found = await self._connection.look(_WATCHED, source, session.key)
        return Watch(*found[0]) if found else None

    async def cdr_of(self, session: ObjectId, connection_id: str) -> str | None:
        """Key of the CDR that a partner has sent for its session; the first one, if there are several."""
        owner, _, folded_id = session.key.partition("/")
        found = await self._connection.look(_CDR_OF, connection_id, folded_id, owner)
        return found[0][0] if found else None

    async def became(self, session: ObjectId, *, source: str) -> Became:
        """What became of it so far, on either side."""
        found = await self._connection.look(_BECAME, source, session.key)
        became = Became(*found[0]) if found else Became(None, "", attention=False)
        return replace(became, cdr_key=await self.cdr_of(session, source)) if source else became

    async def note(self, session: ObjectId, *, source: str, at: datetime, attention: bool) -> None:
        """Whether a person was told of the session. Repeated: nothing more. Cut off: not noted."""
        await self._connection.ask(_NOTE, source, session.key, at, attention)
