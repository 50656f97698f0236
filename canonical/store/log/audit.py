"""Is everything in the database what was signed? What was changed, removed, reordered or put there beside the log.

Two walks over one snapshot of the database. The first one goes through the log: it builds the tree anew from the
hashes of its leaves, and compares it with every checkpoint. The second one goes through the records: it takes each leaf
anew from its row. Neither needs more memory for a larger database.
"""

from collections.abc import AsyncIterator, Sequence

from canonical.store.log.audit_of_log import LogWalk
from canonical.store.log.audit_of_records import record_faults
from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.fault import Audit, Fault
from canonical.store.log.leaves import KINDS
from canonical.store.log.note import PublicKey
from canonical.store.transaction import Transaction


async def audit(
    connection: Transaction, keys: Sequence[PublicKey], found: Audit, held: Sequence[Checkpoint] = ()
) -> AsyncIterator[Fault]:
    """Everything that is wrong, as it is found; `found` is filled on the way.

    `keys` are those whose signatures count, `held` checkpoints that somebody kept elsewhere: the log has to contain
    the state that each of them tells of. Changes nothing.
    """
    await connection.ask("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    walk = LogWalk(connection, keys, found, {each.size: each for each in held})
    async for fault in walk.faults():
        yield fault
    for kind in KINDS:
        async for fault in record_faults(connection, kind, walk.seen[kind.table], found):
            yield fault
