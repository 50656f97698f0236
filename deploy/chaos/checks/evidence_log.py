"""The log of financial records: after a last extension each of them is in it, and everything is what was signed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from canonical.store.log import Audit, LogBroken
from deploy.chaos.checks.opened import Books
from deploy.chaos.evidence import Violation
from deploy.composition import now

_AT_ONCE: Final = 1_000
_MOST_FAULTS: Final = 20


@dataclass(frozen=True)
class Verified:
    """What `roam evidence verify` finds. `broken` is why the log could not be extended."""

    audit: Audit
    faults: tuple[str, ...]
    broken: str | None = None


async def read(books: Books) -> Verified:
    """Extends the log first, as the workers do every minute, and looks for what is not in it among all records."""
    key, broken, added = books.signing_key, None, _AT_ONCE
    try:
        while added == _AT_ONCE:
            async with books.store.transaction() as work:
                added = await work.log.extend(key, now(), limit=_AT_ONCE, whole=True)
    except LogBroken as error:
        broken = str(error)
    found, faults = Audit(), list[str]()
    async with books.store.transaction() as work:
        async for fault in work.log.audit([key.public], found):
            if len(faults) < _MOST_FAULTS:
                where = f"{fault.kind} {fault.number} ({fault.name})" if fault.kind else f"position {fault.position}"
                faults.append(f"{fault.what.value}: {where}: {fault.words}")
    return Verified(found, tuple(faults), broken)


def violations(name: str, verified: Verified) -> Iterator[Violation]:
    about, found = f"{name} evidence log", verified.audit
    if verified.broken is not None:
        yield Violation("the evidence log verifies", about, verified.broken)
    for fault in verified.faults:
        yield Violation("the evidence log verifies", about, fault)
    if found.waiting or found.records != found.leaves:
        words = f"{found.records} records, {found.leaves} of them in the log, {found.waiting} waiting"
        yield Violation("each record is in the evidence log", about, words)
    if found.records and found.newest is None:
        yield Violation("the evidence log verifies", about, "nothing of it is signed")
