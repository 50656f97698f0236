"""The walk of an audit through the log, from its first leaf to its last, beside every checkpoint."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.fault import Audit, Fault, FaultKind
from canonical.store.log.leaves import BY_TABLE, KINDS, LOWEST
from canonical.store.log.note import BadNote, Note, NotSigned, PublicKey
from canonical.store.log.seen import Seen
from canonical.store.log.tree import HASH_BYTES, Growth
from canonical.store.transaction import Transaction

_PAGE: Final = 5_000


class LogWalk:
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
        self.seen = {kind.table: Seen() for kind in KINDS}

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


async def _paged(connection: Transaction, query: str) -> AsyncIterator[Sequence[Any]]:
    """All rows of a query, by its first column."""
    after = LOWEST
    while page := await connection.look(query, after, _PAGE):
        for row in page:
            yield row
        after = page[-1][0]
