"""Workflows: none has failed, none is stuck, none asks for a person, and each session had its own."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey

from deploy.chaos.checks.sessions import HeldSession
from deploy.chaos.evidence import Violation
from workflows import ids
from workflows.search_attributes import ATTENTION, DEADLINE, STATE

IDLE: Final[Mapping[str, str]] = {"PartnerFeed": "IDLE", "WebhookDelivery": "IDLE", "Command": "WAITING"}
"""Workflows that live for as long as what they look after, and the state in which they have nothing to do. An order
waits for its result until it is due: whether it waits too long is seen in the store."""

PERIODIC: Final = frozenset({"Sweep", "FinancialLog", "Retention", "Synchronisation"})
"""Begun by a schedule every so often: one that runs just now is as it should be, and what one has failed to do, while
its database was down for one, the next one does. So the newest of them says how they fare."""

WITHOUT_CDR: Final = frozenset({"ENDED", "AWAITING_CDR"})
"""States of a provider's session that has ended. Where no CDR comes of it, as of a reservation that nobody used, nobody
tells the provider: it waits for as long as a CDR may take, and is not expected to end before."""

_BAD: Final = frozenset(
    {
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.TIMED_OUT,
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.CANCELED,
    }
)
_PROBLEMS: Final = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")
"""Set by the server on a workflow whose task fails again and again."""

_BEGUN_AT: Final = re.compile(r"-\d{4}-\d\d-\d\dT[\d:]+Z$")
"""What a schedule puts behind the id of the workflow that it starts."""


@dataclass(frozen=True)
class Run:
    """One run of a workflow, as Temporal lists it."""

    workflow_id: str
    kind: str
    status: WorkflowExecutionStatus
    started_at: datetime
    state: str | None = None
    attention: bool = False
    problems: tuple[str, ...] = ()
    deadline: datetime | None = None

    @property
    def is_running(self) -> bool:
        return self.status is WorkflowExecutionStatus.RUNNING

    @property
    def is_idle(self) -> bool:
        return self.kind in PERIODIC or (self.kind in IDLE and IDLE[self.kind] == self.state)

    @property
    def waits_for_a_person(self) -> bool:
        """Nothing will happen by itself."""
        return self.attention and self.deadline is None

    def waits_in_vain(self, unbilled: Collection[str]) -> bool:
        """For a CDR that is none."""
        return self.workflow_id in unbilled and self.state in WITHOUT_CDR


async def read(client: Client, query: str | None = None) -> tuple[Run, ...]:
    found = []
    async for each in client.list_workflows(query):
        attributes = each.typed_search_attributes
        found.append(
            Run(
                workflow_id=each.id,
                kind=each.workflow_type,
                status=each.status or WorkflowExecutionStatus.RUNNING,
                started_at=each.start_time,
                state=attributes.get(STATE),
                attention=bool(attributes.get(ATTENTION)),
                problems=tuple(attributes.get(_PROBLEMS) or ()),
                deadline=attributes.get(DEADLINE),
            )
        )
    return tuple(found)


def violations(
    name: str, runs: Sequence[Run], unbilled: Collection[str] = (), calm_since: datetime | None = None
) -> Iterator[Violation]:
    """Every run counts that ended badly, but for those of a schedule; where a workflow stands, its newest run says.

    `unbilled` are the ids of workflows of sessions that no CDR comes of. What a schedule has begun before `calm_since`,
    the last fault, and has not begun again since, is let off.
    """
    latest = [
        run for run in newest(runs) if run.kind not in PERIODIC or calm_since is None or run.started_at > calm_since
    ]
    for run in runs:
        if run.status in _BAD and (run.kind not in PERIODIC or run in latest):
            words = f"{run.kind} is {run.status.name}, in state {run.state}"
            yield Violation("no workflow failed", f"{name} workflow {run.workflow_id}", words)
    for run in latest:
        about = f"{name} workflow {run.workflow_id}"
        if run.attention or (run.state or "").startswith("STUCK"):
            words = f"{run.kind} asks for a person, in state {run.state}"
            yield Violation("no workflow is stuck", about, words)
        elif run.is_running and not run.is_idle and not run.waits_in_vain(unbilled):
            words = f"{run.kind} is still running, in state {run.state}"
            yield Violation("no workflow is stuck", about, words)
        if run.problems:
            words = f"{run.kind} reports {', '.join(run.problems)}"
            yield Violation("no workflow is stuck", about, words)


def attended(
    name: str,
    connection_id: str,
    sessions: Sequence[HeldSession],
    runs: Sequence[Run],
    unbilled: Collection[str] = (),
) -> Iterator[Violation]:
    """Each session had a workflow that looked after it, or is concluded.

    One that had ended, and was seen on a list for the first time long after, has nothing to be looked after where no
    CDR comes of it (`unbilled`).
    """
    needless = {run.workflow_id for run in runs} | set(unbilled)
    for session in sessions:
        if not session.concluded and ids.charging_session(connection_id, session.key) not in needless:
            words = f"it is {session.status}, and no workflow looks after it"
            yield Violation("each session is looked after", f"{name} session {session.key}", words)


def newest(runs: Sequence[Run]) -> list[Run]:
    """The newest run of each workflow; of those that a schedule begins, of all that it has begun."""
    found: dict[str, Run] = {}
    for run in runs:
        name = _BEGUN_AT.sub("", run.workflow_id) if run.kind in PERIODIC else run.workflow_id
        if name not in found or found[name].started_at < run.started_at:
            found[name] = run
    return list(found.values())
