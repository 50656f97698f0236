"""The log of financial records: every record once, in the order in which the log met it, and signed.

Nothing is written to it where records are written. A step in the background looks for records that are not in it and
appends them, with a checkpoint, in one transaction: so no leaf is ever without a signature, and a row that was
committed later than one with a higher number is found like any other, only later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from canonical.store.errors import StoreError
from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.leaves import FORMAT, KINDS, LOWEST, Kind, Record, records
from canonical.store.log.note import BadNote, NotSigned, SigningKey
from canonical.store.log.tree import HASH_BYTES, Growth, Span, Subtree, consistency_spans, inclusion_spans
from canonical.store.transaction import Transaction

LATE: Final = timedelta(hours=1)
"""No transaction takes so long: a record that comes to the log so much later than a higher number was put there."""

_LOCK: Final = 7_164_262_002
_AT_ONCE: Final = 50
"""How many records are read and hashed together; evidence may be long."""

_ADD_LEAVES: Final = """
INSERT INTO log_leaf (position, kind, number, name, format, hash, subtrees)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::int[], $6::bytea[], $7::bytea[])
"""
_ADD_CHECKPOINT: Final = "INSERT INTO log_checkpoint (size, root, signed_at, key_id, note) VALUES ($1, $2, $3, $4, $5)"
_NEWEST: Final = "SELECT size, root, key_id, note FROM log_checkpoint ORDER BY size DESC LIMIT 1"


class LogBroken(StoreError):
    """The log is not what was signed: nothing is added to it, and nothing proved from it."""


@dataclass(frozen=True)
class Leaf:
    """Where a record stands in the log, and the hash that stands there."""

    position: int
    kind: str
    number: int
    name: str
    hash: bytes


@dataclass
class _Batch:
    leaves: list[Leaf] = field(default_factory=list)
    subtrees: list[bytes] = field(default_factory=list)


class LogRepository:
    """The log of one database."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def extend(self, key: SigningKey, at: datetime, *, limit: int, whole: bool) -> int:
        """Append up to `limit` records that are not in the log yet, and sign what it is then. Returns how many.

        `whole`: look for them among all records; otherwise among those with numbers that an hour ago were not
        reached, which is where they are. Repeated: nothing is left to append, and no checkpoint is added. At the same
        time: the second waits, and goes on after the first. Cut off: neither leaves nor a checkpoint are kept.
        Raises LogBroken where the log is not what its newest checkpoint says.
        """
        await self._connection.ask("SELECT pg_advisory_xact_lock($1)", _LOCK)
        growth = await self._growth(key)
        batch = _Batch()
        for kind in KINDS:
            seen = LOWEST if whole else await self._reached(kind, at - LATE)
            numbers = await self._unlogged(kind, seen, limit - len(batch.leaves))
            await self._append(kind, numbers, growth, batch)
            if len(batch.leaves) >= limit:
                break
        if batch.leaves:
            await self._keep(batch, Checkpoint.of(key, growth.size, growth.root(), at), key)
        return len(batch.leaves)

    async def newest(self) -> str | None:
        """The note of the newest checkpoint; None while nothing is in the log."""
        return next((row[3] for row in await self._connection.look(_NEWEST)), None)

    async def leaves(self, kind: str, numbers: Iterable[int]) -> tuple[Leaf, ...]:
        """Where these records stand, by number; what is not in the log is left out."""
        rows = await self._connection.look(
            "SELECT position, kind, number, name, hash FROM log_leaf"
            " WHERE kind = $1 AND number = ANY($2::bigint[]) ORDER BY number",
            kind,
            list(numbers),
        )
        return tuple(Leaf(*row) for row in rows)

    async def inclusion(self, positions: Sequence[int], size: int) -> tuple[tuple[bytes, ...], ...]:
        """For each position, the proof that its leaf is in the tree of `size` leaves. Raises LogBroken."""
        return await self._hashes([inclusion_spans(position, size) for position in positions])

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the log of `new` leaves begins with that of `old`. Raises LogBroken."""
        (found,) = await self._hashes([consistency_spans(old, new)])
        return found

    async def _growth(self, key: SigningKey) -> Growth:
        """The tree as it is. Raises LogBroken."""
        rows = await self._connection.look(_NEWEST)
        size = (await self._connection.look("SELECT coalesce(max(position) + 1, 0) FROM log_leaf"))[0][0]
        if not rows:
            if size:
                raise LogBroken("the log has records and no checkpoint")
            return Growth()
        ((signed, root, key_id, note),) = rows
        whole = tuple(Span(0, size).subtrees())
        known = await self._known(whole)
        growth = Growth(size, [known[subtree] for subtree in whole])
        if signed != size or growth.root() != root or not _says(note, size, root, key if key_id == key.id else None):
            raise LogBroken(f"the log of {size} records is not what was signed of {signed}: ask `roam evidence verify`")
        return growth

    async def _reached(self, kind: Kind, before: datetime) -> int:
        """The highest number of a kind that was in the log at a moment."""
        rows = await self._connection.look(
            "SELECT max(number) FROM log_leaf WHERE kind = $1 AND position < coalesce("
            "(SELECT max(size) FROM log_checkpoint WHERE signed_at <= $2), 0)",
            kind.table,
            before,
        )
        return LOWEST if rows[0][0] is None else int(rows[0][0])

    async def _unlogged(self, kind: Kind, above: int, limit: int) -> list[int]:
        rows = await self._connection.look(
            f"SELECT t.number FROM {kind.table} t WHERE t.number > $1 AND NOT EXISTS"  # noqa: S608  a table of ours
            f" (SELECT FROM log_leaf l WHERE l.kind = '{kind.table}' AND l.number = t.number) ORDER BY 1 LIMIT $2",
            above,
            limit,
        )
        return [row[0] for row in rows]

    async def _append(self, kind: Kind, numbers: list[int], growth: Growth, batch: _Batch) -> None:
        for first in range(0, len(numbers), _AT_ONCE):
            for record in await records(self._connection, kind, numbers[first : first + _AT_ONCE]):
                leaf = _leaf(record, growth.size)
                batch.leaves.append(leaf)
                batch.subtrees.append(b"".join(growth.add(leaf.hash)))

    async def _keep(self, batch: _Batch, checkpoint: Checkpoint, key: SigningKey) -> None:
        leaves = batch.leaves
        await self._connection.ask(
            _ADD_LEAVES,
            [leaf.position for leaf in leaves],
            [leaf.kind for leaf in leaves],
            [leaf.number for leaf in leaves],
            [leaf.name for leaf in leaves],
            [FORMAT] * len(leaves),
            [leaf.hash for leaf in leaves],
            batch.subtrees,
        )
        note = key.sign(checkpoint.text)
        await self._connection.ask(_ADD_CHECKPOINT, checkpoint.size, checkpoint.root, checkpoint.at, key.id, note)

    async def _hashes(self, wanted: Sequence[Sequence[Span]]) -> tuple[tuple[bytes, ...], ...]:
        known = await self._known({subtree for spans in wanted for span in spans for subtree in span.subtrees()})
        return tuple(tuple(span.hash(known) for span in spans) for spans in wanted)

    async def _known(self, subtrees: Iterable[Subtree]) -> Mapping[Subtree, bytes]:
        """The hashes of complete subtrees: each is kept with its last leaf. Raises LogBroken."""
        last = {(level, index): ((index + 1) << level) - 1 for level, index in subtrees}
        rows = await self._connection.look(
            "SELECT position, hash || subtrees FROM log_leaf WHERE position = ANY($1::bigint[])",
            sorted(set(last.values())),
        )
        kept = dict((row[0], row[1]) for row in rows)  # noqa: C402  rows of the driver are no pairs
        found = {}
        for (level, index), position in last.items():
            each = kept.get(position, b"")[level * HASH_BYTES : (level + 1) * HASH_BYTES]
            if len(each) != HASH_BYTES:
                raise LogBroken(f"position {position} of the log is not whole: ask `roam evidence verify`")
            found[level, index] = each
        return found


def _leaf(record: Record, position: int) -> Leaf:
    return Leaf(position, record.kind, record.number, record.name, record.leaf())


def _says(note: str, size: int, root: bytes, key: SigningKey | None) -> bool:
    """Whether a checkpoint says so, and is signed where it is said to be by this key."""
    try:
        said = Checkpoint.parse(note) if key is None else Checkpoint.checked(note, key.public)
    except (BadNote, NotSigned):
        return False
    return (said.size, said.root) == (size, root)
