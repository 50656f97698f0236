"""Cases: a person is asked for nothing that the faults of the run do not explain."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deploy.chaos.checks.opened import Books
from deploy.chaos.evidence import FaultLog, Violation

EXPLAINED: Final[Mapping[str, frozenset[str]]] = {}
"""Kinds of case, and the kinds of fault of which any one explains them. The shorter the better."""


@dataclass(frozen=True)
class OpenCase:
    kind: str
    subject: str
    text: str


async def read(books: Books) -> tuple[OpenCase, ...]:
    rows = await books.sql.fetch(
        "SELECT kind, subject, document ->> 'text' AS text FROM review_case WHERE state = 'OPEN' ORDER BY opened_at, id"
    )
    return tuple(OpenCase(row["kind"], row["subject"], row["text"]) for row in rows)


def violations(
    name: str, cases: Sequence[OpenCase], faults: FaultLog, explained: Mapping[str, frozenset[str]] = EXPLAINED
) -> Iterator[Violation]:
    happened = set(faults.counts())
    for case in cases:
        if not explained.get(case.kind, frozenset()) & happened:
            yield Violation("no case is open", f"{name} case {case.kind} {case.subject}", case.text)
