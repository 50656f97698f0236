"""Reads from Temporal what is under way: which of it, by its search attributes; in what words, by asking it.

The list lags about a second behind. It is for people, and nothing is decided by it.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from workflows.contract import CannotTell
from workflows.reasons import reason_of
from workflows.search_attributes import ATTENTION, CONNECTION, DEADLINE, OBJECT, SINCE, STATE, words_of
from workflows.work import KINDS, Place, Wanted, Work, WorkKind, WorkPage

_PROMPT = timedelta(seconds=4)
_ASKED_AT_ONCE = 8
_ANSWER_WITHIN_S = 3.0
"""How long the words of all the work on one page are waited for: a worker that is there takes milliseconds."""
_READ_MAX = 5_000
"""A longer list is not put in order as a whole: of the newest so many, those that have waited longest come first."""
_PROBLEMS = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")
_RUNNING = "ExecutionStatus = 'Running'"
_FAILED = "ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')"
_BROKEN = f" OR {_PROBLEMS.name} IS NOT NULL"
_IN_NEED = f"{ATTENTION.name} = true{_BROKEN}"


async def read(client: Client, wanted: Wanted, *, after: Place | None, limit: int) -> WorkPage:
    """One page of what is wanted. Raises CannotTell when Temporal cannot say."""
    try:
        found = await _found(client, _query(wanted))
    except RPCError as error:
        raise CannotTell(f"Temporal does not say what is under way: {error.message}") from error
    ordered = sorted(found, key=_order)
    rest = [work for work in ordered if after is None or _order(work) > (after.since, after.workflow_id)]
    return WorkPage(await _in_words(client, rest[:limit]), total=len(ordered), more=len(rest) > limit)


def _order(work: Work) -> tuple[object, str]:
    return work.since, work.workflow_id


async def _found(client: Client, query: str) -> list[Work]:
    try:
        return await _listed(client, query)
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT or _BROKEN not in query:
            raise
        return await _listed(client, query.replace(_BROKEN, ""))  # an older server, which does not know of problems


async def _listed(client: Client, query: str) -> list[Work]:
    listed = client.list_workflows(query, page_size=1_000, limit=_READ_MAX, rpc_timeout=_PROMPT)
    return [_work(execution) async for execution in listed]


def _query(wanted: Wanted) -> str:
    return " AND ".join(f"({condition})" for condition in _conditions(wanted))


def _conditions(wanted: Wanted) -> Iterator[str]:
    if wanted.attention:
        yield f"{_IN_NEED} OR {_FAILED}" if wanted.ended else _IN_NEED
    if not wanted.ended:
        yield _RUNNING
    if wanted.kind is not None:
        yield _types(kind for kind, belongs_to in KINDS.items() if belongs_to is wanted.kind)
    elif not wanted.attention or wanted.ended:
        yield _types(kind for kind, belongs_to in KINDS.items() if belongs_to is not WorkKind.UPKEEP)
    if wanted.connection_id is not None:
        yield f"{CONNECTION.name} = {_quoted(wanted.connection_id)}"
    if wanted.state is not None:
        yield f"{STATE.name} = {_quoted(wanted.state)}"


def _types(names: Iterable[str]) -> str:
    return f"WorkflowType IN ({', '.join(_quoted(name) for name in names)})"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _work(execution: WorkflowExecution) -> Work:
    found = execution.typed_search_attributes
    status = execution.status
    running = status is None or status is WorkflowExecutionStatus.RUNNING
    return Work(
        kind=KINDS.get(execution.workflow_type, WorkKind.UPKEEP),
        workflow_id=execution.id,
        connection_id=found.get(CONNECTION),
        about=found.get(OBJECT),
        state=found.get(STATE),
        attention=found.get(ATTENTION) or False,
        since=found.get(SINCE) or execution.start_time,
        deadline=found.get(DEADLINE) if running else None,
        broken=running and bool(found.get(_PROBLEMS)),
        outcome=None if running or status is None else status.name,
    )


async def _in_words(client: Client, found: list[Work]) -> tuple[Work, ...]:
    """The same with their own words of now, as far as workers give them in time."""
    told: dict[str, Work] = {}
    turns = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def ask(work: Work) -> None:
        async with turns:
            handle = client.get_workflow_handle(work.workflow_id)
            try:
                metadata = await handle.query(
                    "__temporal_workflow_metadata",
                    result_type=WorkflowMetadata,
                    rpc_timeout=timedelta(seconds=_ANSWER_WITHIN_S),
                )
                failed = await _failed_so_far(client, handle) if work.outcome is None else ""
            except Exception:  # noqa: BLE001  whatever keeps it from answering, the list is of use without its words
                return
            words = words_of(metadata.current_details)
            if words is not None:
                told[work.workflow_id] = replace(work, waiting_for=words[0] + failed, next_action=words[1])

    asking = [asyncio.create_task(ask(work)) for work in found if _has_words(work)]
    if asking:
        _, late = await asyncio.wait(asking, timeout=_ANSWER_WITHIN_S)
        for task in late:
            task.cancel()
    return tuple(told.get(work.workflow_id, work) for work in found)


def _has_words(work: Work) -> bool:
    """Whether it is asked: while it runs, or when it has ended with something for a person to do."""
    return not work.broken and (work.outcome is None or (work.attention and work.outcome == "COMPLETED"))


async def _failed_so_far(client: Client, handle: WorkflowHandle[object, object]) -> str:
    """What an activity that Temporal repeats has come to, of which the workflow itself knows nothing."""
    described = await handle.describe(rpc_timeout=timedelta(seconds=_ANSWER_WITHIN_S))
    for pending in described.raw_description.pending_activities:
        if pending.attempt > 1 and pending.HasField("last_failure"):
            failure = await client.data_converter.decode_failure(pending.last_failure)
            return f"; attempt {pending.attempt - 1} failed: {reason_of(failure)}"
    return ""
