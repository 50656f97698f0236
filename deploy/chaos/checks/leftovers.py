"""What nobody should find afterwards: something untold, a write that was answered and is gone, a lock that is held."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deploy.chaos.checks.opened import Books
from deploy.chaos.evidence import Acknowledged, Violation

_HELD: Final = """
SELECT a.pid, a.state, a.application_name, extract(epoch FROM now() - a.xact_start)::bigint AS age_s, l.locked
FROM pg_stat_activity a LEFT JOIN (
    SELECT pid, count(*) AS locked FROM pg_locks WHERE locktype = 'advisory' AND granted GROUP BY pid
) l ON l.pid = a.pid
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND (
    (l.locked > 0 AND (a.xact_start IS NULL OR a.xact_start < now() - interval '10 s'))
    OR (a.state LIKE 'idle in transaction%' AND a.xact_start < now() - interval '10 s')
)
"""
"""No transaction of ours that locks or waits takes so long."""


@dataclass(frozen=True)
class Untold:
    """An entry of the outbox that its partner has not acknowledged: it waits, or was refused for `reason`."""

    connection_id: str
    module: str
    object_key: str
    reason: str | None = None


@dataclass(frozen=True)
class Leftovers:
    """`answered` are the statuses of idempotent requests by key, None where there is no answer yet."""

    untold: tuple[Untold, ...]
    answered: Mapping[str, int | None]
    held: tuple[str, ...]
    """Locks and transactions that outlived their work, in words."""


async def read(books: Books) -> Leftovers:
    sql = books.sql
    outbox = await sql.fetch(
        "SELECT connection_id, module, object_key, CASE WHEN refused_at IS NOT NULL THEN coalesce(reason, '') END"
        " AS reason FROM outbox WHERE settled_at IS NULL ORDER BY number"
    )
    keys = await sql.fetch("SELECT key, status FROM idempotency")
    held = [
        f"backend {row['pid']} ({row['state']}) is in a transaction of {row['age_s']} s, with {row['locked']} locks"
        for row in await sql.fetch(_HELD)
    ]
    prepared = await sql.fetch("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")
    return Leftovers(
        untold=tuple(Untold(*row.values()) for row in outbox),
        # A key is stored behind the name of the system that has used it.
        answered={row["key"].partition("/")[2]: row["status"] for row in keys},
        held=(*held, *(f"transaction {row['gid']} was prepared, and never ended" for row in prepared)),
    )


def violations(name: str, left: Leftovers, acknowledged: Sequence[Acknowledged]) -> Iterator[Violation]:
    for each in left.untold:
        about = f"{name} {each.module} {each.object_key}"
        words = "waits in the outbox" if each.reason is None else f"was refused: {each.reason}"
        yield Violation("the outbox is empty", about, words)
    for write in acknowledged:
        if write.site != name:
            continue
        about = f"{name} {write.method} {write.path}"
        if write.key not in left.answered:
            words = f"was answered with {write.status}, and there is no trace of its key {write.key}"
            yield Violation("no acknowledged write is lost", about, words)
        elif left.answered[write.key] not in (None, write.status):
            words = f"was answered with {write.status}, and {left.answered[write.key]} is kept for {write.key}"
            yield Violation("an answer stays the answer", about, words)
    for key, status in left.answered.items():
        if status is None:
            yield Violation("an answer stays the answer", f"{name} request {key}", "was begun, and has no answer")
    for words in left.held:
        yield Violation("nothing is held", f"{name} database", words)
