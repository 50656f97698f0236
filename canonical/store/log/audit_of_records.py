"""The walk of an audit through the records of one kind: each row beside its leaf."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from canonical.store.log.fault import Audit, Fault, FaultKind
from canonical.store.log.leaves import FORMAT, LOWEST, Kind, records
from canonical.store.log.seen import Seen
from canonical.store.transaction import Transaction

_RECORDS: Final = 100
_HIGHEST: Final = (1 << 63) - 1


async def record_faults(connection: Transaction, kind: Kind, seen: Seen, found: Audit) -> AsyncIterator[Fault]:
    """Each row beside its leaf."""
    after = LOWEST
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
            yield Fault(FaultKind.ADDED, words, kind.table, record.number, record.name)
        after = until


async def _intruders(connection: Transaction, kind: Kind, unlogged: Sequence[int], seen: Seen) -> list[int]:
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
