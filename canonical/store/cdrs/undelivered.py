"""Our CDRs that their partners do not hold yet: where each stands, what it waits for, and whose turn it is.

A row for each, from the moment the CDR is made until its partner has it or nobody tries any more. It changes as the
delivery goes; what happened on the way is in the events and receipts of the CDR, which stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from canonical.identity import ObjectId
from canonical.partner import CLOSED
from canonical.store.cdrs.repository import number_of
from canonical.store.transaction import Transaction

_LIMIT: Final = 500
"""How many one sweep takes; the next one takes the rest."""

_ABANDONED_BY_ITS_PROCESS: Final = timedelta(hours=1)
"""A delivery that should have been tried again so long ago has nobody who does it."""


class DeliveryState(StrEnum):
    """Where a CDR stands that its partner does not hold yet."""

    SENDING = "SENDING"
    """It is sent now, or as soon as somebody gets to it."""
    RETRYING = "RETRYING"
    """It was sent, and there was no answer, or one that may be another one later."""
    HELD = "HELD"
    """The partner cannot be called now: nothing was asked of it, and nothing refused."""
    WAITING_FOR_ITS_TURN = "WAITING_FOR_ITS_TURN"
    """Another CDR goes before it."""
    PARKED = "PARKED"
    """A person decides."""
    CORRECTING = "CORRECTING"
    """A person has decided that another CDR is made of its session."""


@dataclass(frozen=True)
class Undelivered:
    """`in_doubt`: an attempt was begun of which nobody knows the end, so the partner may hold the CDR all the same.

    `attempts` are those that reached the network. `trying_since`: since when it is tried without a rest. At `next_at`
    somebody looks at it again, whatever happens.
    """

    cdr: ObjectId
    connection_id: str
    state: DeliveryState
    reason: str
    attempts: int
    in_doubt: bool
    trying_since: datetime | None
    since: datetime
    next_at: datetime | None
    number: int
    """Its place in the order in which CDRs were made."""


class UndeliveredRepository:
    """Keyed by CDR and connection. All may be repeated; who comes second waits for who came first."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def get(self, cdr: ObjectId, connection_id: str, *, lock: bool = False) -> Undelivered | None:
        """None: its partner holds it, or nobody tries any more. `lock`: others wait until we are through."""
        if lock:
            rows = await self._connection.ask(f"{_ONE} FOR UPDATE OF d", connection_id, cdr.key)
        else:
            rows = await self._connection.look(_ONE, connection_id, cdr.key)
        return next(map(_undelivered, rows), None)

    async def take_up(self, cdr: ObjectId, connection_id: str, at: datetime) -> None:
        """Have a row for a CDR that has none. Raises NotFound."""
        number = await number_of(self._connection, cdr, connection_id, ours=True)
        await self._connection.ask(_TAKE_UP, number, connection_id, at)

    async def begin(self, cdr: ObjectId, connection_id: str, at: datetime) -> Undelivered | None:
        """An attempt begins: until its end is told, the CDR is in doubt. Returns where it stood before.

        Written before the first byte leaves, so that what comes after a crash knows that it may have left. None, and
        nothing begins: nobody wants it sent any more.
        """
        before = await self.get(cdr, connection_id, lock=True)
        if before is not None:
            await self._connection.ask(_BEGIN, before.number, at)
        return before

    async def stands(
        self,
        cdr: ObjectId,
        connection_id: str,
        state: DeliveryState,
        reason: str,
        at: datetime,
        *,
        next_at: datetime | None = None,
        in_doubt: bool | None = None,
    ) -> None:
        """Note where it stands. A state that is not new goes on since when it was; `in_doubt` None: as it was.

        Repeated: nothing more. Where there is no row any more, somebody has decided otherwise, and that stays.
        """
        number = await number_of(self._connection, cdr, connection_id, ours=True)
        await self._connection.ask(_STANDS, number, state.value, reason, at, next_at, in_doubt)

    async def end(self, cdr: ObjectId, connection_id: str) -> None:
        """The partner holds it, or nobody tries any more."""
        number = await number_of(self._connection, cdr, connection_id, ours=True)
        await self._connection.ask("DELETE FROM cdr_delivery WHERE cdr_number = $1", number)

    async def before(self, cdr: ObjectId, connection_id: str, *, in_order: bool) -> ObjectId | None:
        """The oldest CDR that goes before this one: the original of a credit in any case, and where CDRs go out
        `in_order` everyone for the same party that was made before and is neither accepted, parked nor abandoned.
        """
        number = await number_of(self._connection, cdr, connection_id, ours=True)
        rows = await self._connection.look(_BEFORE, number, in_order)
        return next((ObjectId.parse(key) for (key,) in rows), None)

    async def next_in_line(self, connection_id: str) -> tuple[ObjectId, ...]:
        """Those on a connection that wait for their turn, and whose turn it is, oldest first."""
        rows = await self._connection.look(f"{_IN_LINE} AND d.connection_id = $1 ORDER BY d.cdr_number", connection_id)
        return tuple(ObjectId.parse(key) for (key,) in rows)

    async def due(self, before: datetime) -> tuple[tuple[ObjectId, str], ...]:
        """What somebody should look at: untouched since before a moment, held for a reason that has gone, next in
        line, or left alone for so long that its process is not there any more. Each with its connection.
        """
        closed = [state.value for state in CLOSED]
        rows = await self._connection.look(_DUE, before, before - _ABANDONED_BY_ITS_PROCESS, closed, _LIMIT)
        return tuple((ObjectId.parse(key), connection_id) for key, connection_id in rows)

    async def page(
        self, *, connection_id: str | None = None, state: DeliveryState | None = None, after: int = 0, limit: int
    ) -> tuple[Undelivered, ...]:
        """In the order in which the CDRs were made, behind one of them."""
        rows = await self._connection.look(
            _PAGE,
            after,
            connection_id,
            None if state is None else state.value,
            limit,
        )
        return tuple(map(_undelivered, rows))


def _undelivered(row: Sequence[Any]) -> Undelivered:
    key, connection_id, state, reason, attempts, in_doubt, trying_since, since, next_at, number = row
    return Undelivered(
        cdr=ObjectId.parse(key),
        connection_id=connection_id,
        state=DeliveryState(state),
        reason=reason,
        attempts=attempts,
        in_doubt=in_doubt,
        trying_since=trying_since,
        since=since,
        next_at=next_at,
        number=number,
    )


_SELECT: Final = """
SELECT c.key, d.connection_id, d.state, d.reason, d.attempts, d.in_doubt, d.trying_since, d.since, d.next_at,
       d.cdr_number
FROM cdr_delivery d JOIN cdr c ON c.number = d.cdr_number
"""
_ONE: Final = f"{_SELECT} WHERE c.ours AND c.connection_id = $1 AND c.key = $2"

_PAGE: Final = f"""
{_SELECT} WHERE d.cdr_number > $1 AND ($2::text IS NULL OR d.connection_id = $2)
  AND ($3::text IS NULL OR d.state = $3) ORDER BY d.cdr_number LIMIT $4
"""

_TAKE_UP: Final = """
INSERT INTO cdr_delivery (cdr_number, connection_id, state, since, next_at) VALUES ($1, $2, 'SENDING', $3, $3)
ON CONFLICT DO NOTHING
"""

_BEGIN: Final = """
UPDATE cdr_delivery SET attempts = attempts + 1, in_doubt = true, trying_since = coalesce(trying_since, $2),
       since = CASE WHEN state IN ('SENDING', 'RETRYING') THEN since ELSE $2 END,
       state = CASE WHEN state = 'RETRYING' THEN state ELSE 'SENDING' END, looked_at = $2, next_at = NULL
WHERE cdr_number = $1
"""

_STANDS: Final = """
UPDATE cdr_delivery SET state = $2::text, reason = $3, since = CASE WHEN state = $2::text THEN since ELSE $4 END,
       looked_at = $4, next_at = $5, in_doubt = coalesce($6::bool, in_doubt),
       trying_since = CASE WHEN $2::text = 'RETRYING' THEN trying_since END
WHERE cdr_number = $1
"""

_PARTY: Final = "upper({0}.document #>> '{{cdr,token,issuer_party,{1}}}')"
_SAME_PARTY: Final = " AND ".join(
    f"{_PARTY.format('b', part)} = {_PARTY.format('c', part)}" for part in ("country_code", "party_id")
)
_ORIGINAL: Final = "c.credit_of IS NOT NULL AND b.key = split_part(c.key, '/', 1) || '/' || c.credit_of"

_BEFORE: Final = f"""
SELECT b.key FROM cdr c JOIN cdr_delivery o ON o.connection_id = c.connection_id AND o.cdr_number < c.number
JOIN cdr b ON b.number = o.cdr_number
WHERE c.number = $1 AND (({_ORIGINAL}) OR ($2::bool AND o.state <> 'PARKED' AND {_SAME_PARTY}))
ORDER BY o.cdr_number LIMIT 1
"""  # noqa: S608  its own constants

_NOBODY_BEFORE: Final = f"""
NOT EXISTS (
    SELECT FROM cdr_delivery o JOIN cdr b ON b.number = o.cdr_number
    WHERE o.connection_id = c.connection_id AND o.cdr_number < c.number
      AND (({_ORIGINAL}) OR (o.state <> 'PARKED' AND {_SAME_PARTY}))
)
"""

_IN_LINE: Final = f"""
SELECT c.key FROM cdr_delivery d JOIN cdr c ON c.number = d.cdr_number
WHERE d.state = 'WAITING_FOR_ITS_TURN' AND {_NOBODY_BEFORE}
"""  # noqa: S608

_DUE: Final = f"""
SELECT c.key, d.connection_id FROM cdr_delivery d JOIN cdr c ON c.number = d.cdr_number
LEFT JOIN connection n ON n.key = upper(d.connection_id)
WHERE (d.state IN ('SENDING', 'HELD', 'WAITING_FOR_ITS_TURN', 'CORRECTING') AND d.next_at < $1)
   OR (d.state IN ('SENDING', 'RETRYING') AND coalesce(d.next_at, d.looked_at) < $2)
   OR (d.state = 'HELD' AND n.state <> ALL($3::text[]) AND (
         d.next_at IS NULL
         OR (n.document ->> 'connected_at')::timestamptz > d.looked_at
         OR EXISTS (SELECT FROM outbound_token t WHERE t.connection_id = n.key AND t.kept_at > d.looked_at
                    AND t.offer IS NULL)
         OR EXISTS (SELECT FROM hub_client h WHERE h.source = d.connection_id AND h.last_updated > d.looked_at)))
   OR (d.state = 'WAITING_FOR_ITS_TURN' AND {_NOBODY_BEFORE})
ORDER BY d.cdr_number LIMIT $4
"""  # noqa: S608
