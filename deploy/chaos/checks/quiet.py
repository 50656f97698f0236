"""What is still under way at one site, and would change by itself."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from canonical.store.log.leaves import KINDS
from deploy.chaos.checks import visibility
from deploy.chaos.checks.opened import Books, opened, temporal_of
from deploy.chaos.evidence import Site
from workflows import ids

_COUNTED: Final = {
    "entries of the outbox wait": ("SELECT count(*) FROM outbox WHERE settled_at IS NULL AND refused_at IS NULL"),
    "orders are not settled": (
        "SELECT count(*) FROM command WHERE NOT settled AND NOT (state = 'UNANSWERED' AND due_at > now())"
    ),
    "sessions have ended and become nothing yet": (
        "SELECT count(*) FROM session s WHERE s.source = '' AND s.status = 'COMPLETED' AND NOT EXISTS"
        " (SELECT FROM session_outcome o WHERE o.session_key = s.key)"
    ),
    "CDRs of ours have no answer": (
        "SELECT count(*) FROM cdr c WHERE c.ours AND (SELECT e.state FROM cdr_event e WHERE e.cdr_number = c.number"
        " ORDER BY e.number DESC LIMIT 1) = 'GENERATED'"
    ),
    "CDRs of partners are not checked": (
        "SELECT count(*) FROM cdr c WHERE NOT c.ours AND (SELECT e.state FROM cdr_event e"
        " WHERE e.cdr_number = c.number ORDER BY e.number DESC LIMIT 1) = 'RECEIVED'"
    ),
    "webhooks are behind": (
        "SELECT count(*) FROM webhook w WHERE w.paused_at IS NULL AND EXISTS (SELECT FROM event e"
        " WHERE e.number > w.position AND (cardinality(w.kinds) = 0 OR e.kind = ANY(w.kinds)))"
    ),
}

_EMPTY: Final = """
SELECT source, key FROM session
WHERE source <> '' AND status = 'COMPLETED' AND (document ->> 'energy_kwh')::numeric = 0
"""
"""Sessions of a partner that most likely nothing is billed for."""

_UNLOGGED: Final = " + ".join(
    f"(SELECT count(*) FROM {kind.table} t WHERE NOT EXISTS"  # noqa: S608  tables of ours
    f" (SELECT FROM log_leaf l WHERE l.kind = '{kind.table}' AND l.number = t.number))"
    for kind in KINDS
)


async def quiet(site: Site) -> list[str]:
    """In words, one line for each kind of thing; empty when nothing moves any more.

    What waits for a person is not under way. Raises what a database or a Temporal raises that cannot be reached.
    """
    async with opened(site) as books:
        busy = await _counts(books)
        empty = await books.sql.fetch(_EMPTY)
    unbilled = {ids.charging_session(row["source"], row["key"]) for row in empty}
    runs = await visibility.read(await temporal_of(site), 'ExecutionStatus = "Running"')
    return [f"{site.name}: {words}" for words in (*busy, *moving(runs, unbilled))]


def moving(runs: Sequence[visibility.Run], unbilled: Collection[str] = ()) -> Iterator[str]:
    """Running workflows with something to do. `unbilled` are those of sessions that no CDR comes of."""
    for run in runs:
        at_rest = run.is_idle or run.waits_for_a_person or run.waits_in_vain(unbilled)
        if run.is_running and not at_rest:
            yield f"{run.kind} {run.workflow_id} is {run.state}"


async def _counts(books: Books) -> list[str]:
    found = []
    for what, query in (_COUNTED | {"records are not in the evidence log": f"SELECT {_UNLOGGED}"}).items():
        number = await books.sql.fetchval(query)
        if number:
            found.append(f"{number} {what}")
    return found
