"""The feed of each side: each fact once, in the order in which it happened, and none missing."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from canonical.command import CommandState
from canonical.event import EventKind
from canonical.session import SessionStatus
from deploy.chaos.checks.cdrs import HeldCdr
from deploy.chaos.checks.commands import Order
from deploy.chaos.checks.opened import Books
from deploy.chaos.checks.sessions import HeldSession
from deploy.chaos.evidence import Violation

_PAGE: Final = 500
_ONCE: Final = frozenset(
    {
        EventKind.SESSION_STARTED,
        EventKind.SESSION_ENDED,
        EventKind.CDR_RECEIVED,
        EventKind.COMMAND_REQUESTED,
        EventKind.CASE_OPENED,
        EventKind.STATEMENT_RECEIVED,
        EventKind.INVOICE_RECEIVED,
    }
)
"""What can happen to one object once."""

_ORDER: Final = (
    (EventKind.SESSION_STARTED, EventKind.SESSION_CHANGED),
    (EventKind.SESSION_STARTED, EventKind.SESSION_ENDED),
    (EventKind.CDR_RECEIVED, EventKind.CDR_CHECKED),
    (EventKind.COMMAND_REQUESTED, EventKind.COMMAND_RESULT),
)
"""The first of each pair is told before the second, of one object."""


@dataclass(frozen=True)
class Fact:
    """One event of the feed, as a consumer reads it. `updated` and `status` are those of a session, `digest` is of all
    that it says."""

    number: int
    kind: EventKind
    key: str
    connection_id: str | None
    digest: bytes
    updated: datetime | None = None
    status: str | None = None


@dataclass(frozen=True)
class Feed:
    """Everything that a consumer gets who reads from the beginning, and how many events there are in all."""

    facts: tuple[Fact, ...]
    stored: int


async def read(books: Books) -> Feed:
    facts: list[Fact] = []
    while True:
        async with books.store.transaction() as work:
            page = await work.events.after(facts[-1].number if facts else 0, limit=_PAGE)
        for stored in page:
            event = stored.event
            data = event.data if isinstance(event.data, dict) else {}
            updated, status = data.get("last_updated"), data.get("status")
            facts.append(
                Fact(
                    number=stored.number,
                    kind=event.type,
                    key=event.object.key,
                    connection_id=event.connection,
                    digest=hashlib.sha256(str(event.data).encode()).digest(),
                    updated=datetime.fromisoformat(updated) if isinstance(updated, str) else None,
                    status=str(status) if event.object.kind == "session" else None,
                )
            )
        if len(page) < _PAGE:
            break
    return Feed(tuple(facts), await books.sql.fetchval("SELECT count(*) FROM event"))


def violations(
    name: str, feed: Feed, sessions: Sequence[HeldSession], cdrs: Sequence[HeldCdr], orders: Sequence[Order]
) -> Iterator[Violation]:
    """`name` is that of the site, and the rest is what it keeps."""
    if feed.stored != len(feed.facts):
        words = f"{feed.stored} events are stored, and {len(feed.facts)} are shown to who reads from the beginning"
        yield Violation("no event is lost", f"{name} feed", words)
    told = defaultdict[tuple[str, str], list[Fact]](list)
    for fact in feed.facts:
        told[fact.kind.object_kind, fact.key].append(fact)
    for (kind, key), facts in told.items():
        for words in (*_doubled(facts), *_out_of_order(facts)):
            yield Violation("each fact is told once, in order", f"{name} {kind} {key}", words)
    yield from _sessions(name, told, sessions)
    for cdr in cdrs:
        kinds = [fact.kind for fact in told["cdr", cdr.key]]
        for wanted in (EventKind.CDR_DELIVERED,) if cdr.ours else (EventKind.CDR_RECEIVED, EventKind.CDR_CHECKED):
            if wanted not in kinds:
                yield Violation("no event is lost", f"{name} cdr {cdr.key}", f"{wanted} was never told")
    for order in orders:
        kinds = [fact.kind for fact in told["command", order.id]]
        asked = not order.ours and order.state is not CommandState.REFUSED  # what is refused at once asks nobody
        if asked and EventKind.COMMAND_REQUESTED not in kinds:
            words = f"{EventKind.COMMAND_REQUESTED} was never told"
            yield Violation("no event is lost", f"{name} order {order.id}", words)
        if order.outcomes and EventKind.COMMAND_RESULT not in kinds:
            words = f"{EventKind.COMMAND_RESULT} was never told"
            yield Violation("no event is lost", f"{name} order {order.id}", words)


def _sessions(
    name: str, told: defaultdict[tuple[str, str], list[Fact]], sessions: Sequence[HeldSession]
) -> Iterator[Violation]:
    for session in sessions:
        facts = told["session", session.key]
        if session.status.is_final and EventKind.SESSION_ENDED not in [fact.kind for fact in facts]:
            words = f"it is {session.status}, and {EventKind.SESSION_ENDED} was never told"
            yield Violation("no event is lost", f"{name} session {session.key}", words)
        newest = next((fact.status for fact in reversed(facts) if fact.status in set(SessionStatus)), None)
        if newest != session.status:
            words = f"it is {session.status}, and was last told as {newest}"
            yield Violation("no event is lost", f"{name} session {session.key}", words)


def _doubled(facts: Sequence[Fact]) -> Iterator[str]:
    for kind, times in Counter(fact.kind for fact in facts if fact.kind in _ONCE).items():
        if times > 1:
            yield f"{kind} was told {times} times"
    delivered = [fact for fact in facts if fact.kind is EventKind.CDR_DELIVERED]
    if len(delivered) > 1:
        yield f"{EventKind.CDR_DELIVERED} was told {len(delivered)} times"
    for before, after in pairwise(facts):
        if before.kind is after.kind and before.digest == after.digest and before.kind not in _ONCE:
            yield f"event {after.number} repeats event {before.number}"


def _out_of_order(facts: Sequence[Fact]) -> Iterator[str]:
    for first, second in _ORDER:
        late = next((fact for fact in facts if fact.kind is first), None)
        early = next((fact for fact in facts if fact.kind is second), None)
        if late is not None and early is not None and early.number < late.number:
            yield f"{second} (event {early.number}) was told before {first} (event {late.number})"
    states = [fact for fact in facts if fact.kind.object_kind == "session" and fact.updated is not None]
    for before, after in pairwise(states):
        if before.updated is not None and after.updated is not None and after.updated < before.updated:
            yield f"event {after.number} tells of an older state than event {before.number}"
