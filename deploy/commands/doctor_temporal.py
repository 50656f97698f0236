"""What `roam doctor` finds at Temporal: the namespace and its memory, who works on which queue, what is scheduled."""

from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from deploy import versioning
from deploy.commands import finding
from deploy.commands.finding import Finding, reason
from deploy.settings import Settings
from deploy.temporal_client import LONG_ENOUGH, connect, missing_search_attributes, remembers
from workflows import ids, search_attributes
from workflows.queues import Queue

_SCHEDULES = (
    ids.SWEEP_SCHEDULE,
    ids.SWEEP_ALL_SCHEDULE,
    ids.LOG_SCHEDULE,
    ids.LOG_ALL_SCHEDULE,
    ids.RETENTION_SCHEDULE,
)
_FAIR = (
    "the server does not tell whether partners take turns on it: its dynamic configuration should have "
    "matching.enableFairness, and one partition for {queue}"
)


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """One thing after another; what cannot be looked at for an earlier fault is left out."""
    try:
        client = await connect(settings.vault, wait_s=finding.PATIENCE_S)
    except (RuntimeError, ValueError) as error:
        yield Finding("temporal", f"cannot be reached: {reason(error)}", fault=True)
        return
    where = f"{client.service_client.config.target_host}, namespace {client.namespace}"
    try:
        yield await _retention(client, where)
        yield await _search_attributes(client)
        for queue in Queue:
            yield await _workers(client, settings, queue)
        if (undone := await versioning.nothing_runs(client, settings)) is not None:
            yield Finding("build", undone, fault=True)
        yield await _schedules(client)
    except RPCError as error:
        yield Finding("temporal", f"{where}: {error.message}", fault=True)
        return
    yield Finding("turns of partners", _FAIR.format(queue=Queue.PARTNERS.named(settings.task_queue)))


async def _retention(client: Client, where: str) -> Finding:
    """Ids of workflows protect from a second start for as long as the first is remembered."""
    kept = await remembers(client)
    if kept >= LONG_ENOUGH:
        return Finding("temporal", f"{where}, remembers {kept.days} days")
    words = (
        f"{where}, remembers what has ended for {kept / timedelta(days=1):g} day(s) only, and lists show no more: "
        f"`temporal operator namespace update --namespace {client.namespace} --retention {LONG_ENOUGH.days}d`"
    )
    return Finding("temporal", words, warning=True)


async def _search_attributes(client: Client) -> Finding:
    missing = await missing_search_attributes(client, search_attributes.REGISTERED)
    if missing:
        return Finding("search attributes", f"missing: {', '.join(missing)}: run `roam migrate`", fault=True)
    return Finding("search attributes", f"all {len(search_attributes.REGISTERED)} are there")


async def _workers(client: Client, settings: Settings, queue: Queue) -> Finding:
    """Whether anybody works on a queue: an api takes everything in, and without workers nothing comes of it."""
    name = queue.named(settings.task_queue)
    kinds = {"activities": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY}
    if queue is Queue.CORE:
        kinds["workflows"] = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    polled = {what: await _pollers(client, name, kind) for what, kind in kinds.items()}
    lacking = sorted(what for what, pollers in polled.items() if not pollers)
    if lacking:
        words = f"no worker takes {' and '.join(lacking)} from {name}: run `roam worker` (`--queues {queue}`)"
        return Finding(f"queue {queue}", words, warning=True)
    return Finding(f"queue {queue}", f"{name}, {max(polled.values())} worker(s)")


async def _pollers(client: Client, queue: str, kind: TaskQueueType.ValueType) -> int:
    """How many workers have asked for work in the last five minutes, by the server's own count."""
    found = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind)
    )
    return len({poller.identity for poller in found.pollers})


async def _schedules(client: Client) -> Finding:
    missing, paused = [], []
    for schedule_id in _SCHEDULES:
        try:
            found = await client.get_schedule_handle(schedule_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            missing.append(schedule_id)
        else:
            if found.schedule.state.paused:
                paused.append(schedule_id)
    if missing:
        words = f"{', '.join(missing)} not there yet: a worker makes them when it starts"
        return Finding("schedules", words, warning=True)
    if paused:
        return Finding("schedules", f"paused: {', '.join(paused)}: what a crash left behind is not found", warning=True)
    return Finding("schedules", f"all {len(_SCHEDULES)} run")
