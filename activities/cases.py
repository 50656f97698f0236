"""Open a case for a person. The same matter opens the same case, however often a step is repeated."""

import contextlib
import hashlib

from activities.resources import Resources
from canonical.model import Finding
from canonical.settlement import Case, CaseState
from canonical.store import AlreadyExists, UnitOfWork


async def open_case(
    work: UnitOfWork,
    resources: Resources,
    kind: str,
    subject: str,
    text: str,
    findings: tuple[Finding, ...] = (),
) -> None:
    """One case for (kind, subject, text): a repeat changes nothing."""
    digest = hashlib.sha256(f"{kind}\n{subject}\n{text}".encode()).hexdigest()[:16]
    case = Case(
        id=f"{kind}-{digest}",
        kind=kind,
        subject=subject,
        text=text,
        findings=findings,
        state=CaseState.OPEN,
        opened_at=resources.clock(),
    )
    await work.cases.open(case)


async def close_cases(work: UnitOfWork, resources: Resources, kind: str, subject: str, decision: str) -> None:
    """Close what is open of one kind about a subject, because the matter has settled itself. Repeated: nothing more."""
    for case in await work.cases.open_about(kind, subject):
        with contextlib.suppress(AlreadyExists):  # a person was quicker
            await work.cases.close(case.id, decision, resources.clock())
