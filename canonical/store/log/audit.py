"""Is everything in the database what was signed? What was changed, removed, reordered or put there beside the log.

Two walks over one snapshot of the database. The first one goes through the log: it builds the tree anew from the
hashes of its leaves, and compares it with every checkpoint. The second one goes through the records: it takes each leaf
anew from its row. Neither needs more memory for a larger database.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.leaves import BY_TABLE, FORMAT, KINDS, Kind, name_of, records
from canonical.store.log.log import LATE
from canonical.store.log.note import BadNote, Note, NotSigned, PublicKey
from canonical.store.log.tree import HASH_BYTES, Growth
from canonical.store.transaction import Transaction

_PAGE: Final = 5_000
_RECORDS: Final = 100
_LOWEST: Final = -(1 << 63)
_HIGHEST: Final = (1 << 63) - 1


class FaultKind(StrEnum):
    """What is wrong with a record, or with the log itself.

    CHANGED a record is not what was signed. REMOVED it is in the log and gone. ADDED it stands among older ones and
    the log does not know it, or came to know it long after them. REORDERED its place in the log is another one.
    LOG the log does not fit what was signed. SIGNATURE a checkpoint is not signed by a key that counts.
    """

    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"
    REORDERED = "reordered"
    LOG = "log"
    SIGNATURE = "signature"


@dataclass(frozen=True)
class Fault:
    """Where something is wrong: the row `number` of the table `kind`, a position in the log, or both."""

    what: FaultKind
    words: str
    kind: str | None = None
    number: int | None = None
    name: str | None = None
    position: int | None = None


@dataclass
class Audit:
    """What was looked at. `waiting` are records that the log will take with its next extension."""

    records: int = 0
    leaves: int = 0
    checkpoints: int = 0
    waiting: int = 0
    newest: Checkpoint | None = None


async def audit(
    connection: Transaction, keys: Sequence[PublicKey], found: Audit, held: Sequence[Checkpoint] = ()
) -> AsyncIterator[Fault]:
    """Everything that is wrong, as it is found; `found` is filled on the way.

    `keys` are those whose signatures count, `held` checkpoints that somebody kept elsewhere: the log has to contain
    the state that each of them tells of. Changes nothing.
    """
    await connection.ask("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    walk = _LogWalk(connection, keys, found, {each.size: each for each in held})
    async for fault in walk.faults():
        yield fault
    for kind in KINDS:
        async for fault in _record_faults(connection, kind, walk.seen[kind.table], found):
            yield fault


@dataclass
class _Seen:
    """The highest number of one kind in the log, batch by batch, each with the time of the batch."""

    numbers: list[int] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    newest: datetime | None = None

    @property
    def highest(self) -> int:
        return self.numbers[-1] if self.numbers else _LOWEST

    @property
    def long_reached(self) -> int:
        """The highest number that was in the log long before its newest checkpoint."""
        if self.newest is None:
            return _LOWEST
        place = bisect_right(self.times, self.newest - LATE)
        return self.numbers[place - 1] if place else _LOWEST

    def note(self, number: int, at: datetime) -> bool:
        """Note a number of the next batch. False where a higher one had come long before."""
        if number > self.highest:
            if self.times and self.times[-1] == at:
                self.numbers[-1] = number
            else:
                self.numbers.append(number)
                self.times.append(at)
            return True
        first_above = bisect_right(self.numbers, number)
        return first_above == len(self.numbers) or at - self.times[first_above] <= LATE


class _LogWalk:
    """Through the log, from its first leaf to its last."""

    def __init__(
        self, connection: Transaction, keys: Sequence[PublicKey], found: Audit, held: dict[int, Checkpoint]
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._found = found
        self._held = {size: each for size, each in held.items() if size}
        self._growth = Growth()
        self._torn = False
        """Whether the tree is known to be another one from here on: what follows of it is not told again."""
        self._good = 0
        """Up to this size the log is what was signed."""
        self._told = -1
        """From which position on hashes do not fit together, where that was told last."""
        self._before: tuple[int, int] | None = None
        self.seen = {kind.table: _Seen() for kind in KINDS}

    async def faults(self) -> AsyncIterator[Fault]:
        checkpoints = self._checkpoints()
        ahead = await anext(checkpoints, None)
        async for row in self._leaves():
            if row[0] != self._growth.size and not self._torn:
                gap = f"positions {self._growth.size} to {row[0] - 1} of the log are missing"
                yield Fault(FaultKind.REMOVED, gap, position=self._growth.size)
                self._torn = True
            if self._torn:
                while ahead is not None and ahead[0] <= row[0]:
                    ahead = await anext(checkpoints, None)
                    self._before = None
            for fault in self._leaf_faults(row, None if ahead is None else ahead[2]):
                yield fault
            size = row[0] + 1
            if size in self._held:
                for fault in self._held_faults(self._held.pop(size)):
                    yield fault
            if ahead is not None and ahead[0] == size:
                for fault in self._checkpoint_faults(ahead):
                    yield fault
                ahead = await anext(checkpoints, None)
                self._before = None
        for fault in self._end_faults(ahead):
            yield fault

    def _leaf_faults(self, row: Sequence[Any], at: datetime | None) -> list[Fault]:
        position, kind, number, name, hash_, subtrees = row
        self._found.leaves += 1
        faults = []

        def fault(what: FaultKind, words: str) -> None:
            faults.append(Fault(what, words, kind, number, name, position))

        completed = self._growth.add(hash_)
        if not self._torn:
            doubt = self._doubt(position, completed, subtrees)
            if doubt is not None:
                fault(FaultKind.LOG, f"the hashes at positions {doubt} to {position} of the log do not fit together")
        if kind not in BY_TABLE:
            fault(FaultKind.LOG, "the log names a kind of record that there is none of")
            return faults
        order = (BY_TABLE[kind][0], number)
        if self._before is not None and order <= self._before:
            fault(FaultKind.REORDERED, "it does not stand in the log where it was put")
        self._before = order
        if at is None:
            if not self._torn:
                fault(FaultKind.LOG, "no checkpoint covers it")
        elif not self.seen[kind].note(number, at):
            fault(FaultKind.ADDED, "it came to the log long after records with higher numbers")
        return faults

    def _doubt(self, position: int, completed: tuple[bytes, ...], kept: bytes) -> int | None:
        """From which position on the hashes do not fit together; None where they do.

        A complete subtree in which that has been told of a smaller one is not told of again.
        """
        if len(kept) != len(completed) * HASH_BYTES:
            return position
        for level, hash_ in enumerate(completed, 1):
            start = position + 1 - (1 << level)
            if start <= self._told:
                break
            if kept[(level - 1) * HASH_BYTES : level * HASH_BYTES] != hash_:
                self._told = start
                return start
        return None

    def _held_faults(self, held: Checkpoint) -> list[Fault]:
        if self._growth.size == held.size and self._growth.root() == held.root:
            return []
        words = f"the first {held.size} records are not those of the checkpoint that was kept, of {held.at.isoformat()}"
        return [Fault(FaultKind.LOG, words, position=held.size - 1)]

    def _checkpoint_faults(self, row: Sequence[Any]) -> list[Fault]:
        size, root, signed_at, note = row
        self._found.checkpoints += 1
        for seen in self.seen.values():
            seen.newest = signed_at
        faults = []
        try:
            said = Checkpoint.parse(note)
        except BadNote as wrong:
            return [Fault(FaultKind.SIGNATURE, f"the checkpoint of {size} cannot be read: {wrong}", position=size - 1)]
        self._found.newest = said
        if (said.size, said.root, said.at) != (size, root, signed_at):
            words = f"the checkpoint of {size} says something else than its row"
            faults.append(Fault(FaultKind.SIGNATURE, words, position=size - 1))
        if not self._signed(note):
            words = f"the checkpoint of {size} is not signed by a key that counts"
            faults.append(Fault(FaultKind.SIGNATURE, words, position=size - 1))
        if self._torn:
            return faults
        if self._growth.root() == said.root:
            self._good = size
        else:
            self._torn = True
            words = f"what was signed of positions {self._good} to {size - 1} of the log is not what stands there"
            faults.append(Fault(FaultKind.LOG, words, position=self._good))
        return faults

    def _signed(self, note: str) -> bool:
        read = Note.parse(note)
        for key in self._keys:
            try:
                key.check(read)
            except NotSigned:
                continue
            return True
        return False

    def _end_faults(self, ahead: Sequence[Any] | None) -> list[Fault]:
        size, faults = self._growth.size, []
        if ahead is not None and not self._torn:
            words = f"a checkpoint was signed of {ahead[0]} records, and the log has {size}"
            faults.append(Fault(FaultKind.REMOVED, words, position=size))
        for held in self._held.values():
            words = f"the checkpoint that was kept tells of {held.size} records, and the log has {size}"
            faults.append(Fault(FaultKind.REMOVED, words, position=size))
        return faults

    async def _leaves(self) -> AsyncIterator[Sequence[Any]]:
        query = (
            "SELECT position, kind, number, name, hash, subtrees FROM log_leaf"
            " WHERE position > $1 ORDER BY position LIMIT $2"
        )
        async for row in _paged(self._connection, query):
            yield row

    async def _checkpoints(self) -> AsyncIterator[Sequence[Any]]:
        query = "SELECT size, root, signed_at, note FROM log_checkpoint WHERE size > $1 ORDER BY size LIMIT $2"
        async for row in _paged(self._connection, query):
            yield row


async def _record_faults(connection: Transaction, kind: Kind, seen: _Seen, found: Audit) -> AsyncIterator[Fault]:
    """Each row beside its leaf."""
    after = _LOWEST
    while after < _HIGHEST:
        rows = await connection.look(
            f"SELECT number FROM {kind.table} WHERE number > $1 ORDER BY number LIMIT $2",  # noqa: S608
            after,
            _RECORDS,
        )
        logged = await connection.look(
            "SELECT number, hash, position, name, format FROM log_leaf WHERE kind = $1 AND number > $2"
            " ORDER BY number LIMIT $3",
            kind.table,
            after,
            _RECORDS,
        )
        until = min([page[-1][0] for page in (rows, logged) if len(page) == _RECORDS], default=_HIGHEST)
        there = [row[0] for row in rows if row[0] <= until]
        leaves = {row[0]: row for row in logged if row[0] <= until}
        for record in await records(connection, kind, [number for number in there if number in leaves]):
            _, hash_, position, name, version = leaves[record.number]
            if version != FORMAT or record.leaf() != hash_:
                words = "it is not what was signed"
                called = name if name == record.name else f"{name}, now {record.name}"
                yield Fault(FaultKind.CHANGED, words, kind.table, record.number, called, position)
        for number in sorted(leaves.keys() - set(there)):
            _, _, position, name, _ = leaves[number]
            yield Fault(FaultKind.REMOVED, "it is in the log, and gone", kind.table, number, name, position)
        found.records += len(there)
        unlogged = [number for number in there if number not in leaves]
        intruders = await _intruders(connection, kind, unlogged, seen)
        found.waiting += len(unlogged) - len(intruders)
        for record in await records(connection, kind, intruders):
            words = "the log does not know it, and knows records with higher numbers"
            yield Fault(FaultKind.ADDED, words, kind.table, record.number, name_of(kind, record.values))
        after = until


async def _intruders(connection: Transaction, kind: Kind, unlogged: Sequence[int], seen: _Seen) -> list[int]:
    """Those of the records without a leaf that were not just committed.

    A number may be committed later than a higher one; but then it was drawn, and its transaction had begun, before the
    newest checkpoint.
    """
    among = [number for number in unlogged if number < seen.highest]
    if not among:
        return []
    rows = await connection.look(
        f"SELECT number, age(xmin) >= (SELECT age(xmin) FROM log_checkpoint ORDER BY size DESC LIMIT 1)"  # noqa: S608
        f" FROM {kind.table} WHERE number = ANY($1::bigint[]) ORDER BY number",
        among,
    )
    return [number for number, older in rows if not older or number <= seen.long_reached]


async def _paged(connection: Transaction, query: str) -> AsyncIterator[Sequence[Any]]:
    """All rows of a query, by its first column."""
    after = _LOWEST
    while page := await connection.look(query, after, _PAGE):
        for row in page:
            yield row
        after = page[-1][0]
