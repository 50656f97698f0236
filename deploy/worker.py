"""The process that runs workflows and activities."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.worker import PollerBehaviorAutoscaling, Worker

import workflows
from activities import all_activities
from activities.financial_log import LogOrder
from activities.partner_share import PartnerShare
from activities.sweep import SweepOrder
from deploy import garbage, metrics, telemetry, versioning
from deploy.causes import Causes
from deploy.composition import Deployment, deployment
from deploy.settings import Settings
from deploy.stopping import end_within, stop_requested
from workflows import ids
from workflows.financial_log import FinancialLog
from workflows.queues import Queue, QueuesByKind
from workflows.retention import Retention
from workflows.sweep import Sweep
from workflows.token_rotation import TokenRotation

READY = "worker ready"
"""What the log says when the worker takes tasks."""

_log = logging.getLogger(__name__)
_CACHED_WORKFLOWS = 5_000  # about 26 KiB each
_SLOTS = {Queue.CORE: 100, Queue.PARTNERS: 1_000, Queue.SETTLEMENT: 4}
"""Activities at a time in one process. A conversation with a partner does nothing but wait."""
_PARTNERS_AT_LEAST = 4
"""So many partners that hang are needed to take all slots."""
_SHARE_OF_CALLS = 2
"""One call under way, and one that is about to be: more of one partner would only wait for its turn."""
_STICKY_TIMEOUT = timedelta(seconds=2)  # how long a workflow waits for a worker that was killed
_SWEEP_EVERY = timedelta(seconds=10)
_SWEEP_ALL_EVERY = timedelta(minutes=10)
_LOG_EVERY = timedelta(minutes=1)
_LOG_ALL_EVERY = timedelta(days=1)
_LET_GO_EVERY = timedelta(days=1)
_FAREWELL_S = 3.0
"""How long the servers have to hear that a worker goes, once its work is done."""
_ROTATE_EVERY = timedelta(days=1)


async def run(settings: Settings) -> None:
    """Work until the process is asked to end; then let what is under way finish, within the time for that."""
    provider = telemetry.start(
        "roam-worker", log_level=settings.log_level, log_format=settings.log_format, metrics_at=settings.metrics_at
    )
    stop = stop_requested()
    try:
        async with deployment(settings) as built:
            await keep_sweeping(built.client, settings.task_queue)
            await keep_logging(built.client, settings.task_queue)
            await keep_letting_go(built.client, settings.task_queue)
            await keep_rotating(built.client, settings.task_queue)
            async with worker(built), metrics.watching(built.resources.store):
                garbage.settle()
                if (undone := await versioning.nothing_runs(built.client, settings)) is not None:
                    _log.warning(undone)
                _log.info(READY, extra={"task_queue": settings.task_queue, "namespace": built.client.namespace})
                await stop.wait()
                _log.info("worker stops")
                end_within(settings.graceful_shutdown_s + _FAREWELL_S)
    finally:
        telemetry.stop(provider)


@asynccontextmanager
async def worker(built: Deployment) -> AsyncIterator[None]:
    """A worker for everything that this process serves; by default all that a deployment does."""
    async with AsyncExitStack() as stack:
        serving = [await stack.enter_async_context(one) for one in _workers(built)]
        try:
            yield
        finally:
            await asyncio.gather(*(one.shutdown() for one in serving))


def _workers(built: Deployment) -> Iterator[Worker]:
    """One for each queue, able to do everything: what waits on a queue from the time before others came is done there.

    A partner's share holds for all of them together.
    """
    settings = built.settings
    activities = all_activities(built.resources, built.signals)
    share = PartnerShare(
        min(_SHARE_OF_CALLS * settings.partner_requests_at_once, _SLOTS[Queue.PARTNERS] // _PARTNERS_AT_LEAST)
    )
    for queue in sorted(settings.worker_queues):
        core = queue is Queue.CORE
        yield Worker(
            built.client,
            task_queue=queue.named(settings.task_queue),
            workflows=workflows.ALL if core else (),
            activities=activities,
            interceptors=[QueuesByKind(), Causes(), share],
            max_cached_workflows=_CACHED_WORKFLOWS if core else 0,
            max_concurrent_activities=_SLOTS[queue],
            sticky_queue_schedule_to_start_timeout=_STICKY_TIMEOUT,
            graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown_s),
            deployment_config=versioning.deployment_config(settings),
            workflow_runner=versioning.runner(settings),
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        )


async def keep_sweeping(client: Client, task_queue: str) -> None:
    """Have the sweeps started: what is recent often, everything seldom. What is arranged already stays."""
    recent = SweepOrder(recent_s=round(_SWEEP_ALL_EVERY.total_seconds()))
    for schedule_id, every, order in (
        (ids.SWEEP_SCHEDULE, _SWEEP_EVERY, recent),
        (ids.SWEEP_ALL_SCHEDULE, _SWEEP_ALL_EVERY, SweepOrder()),
    ):
        action = ScheduleActionStartWorkflow(Sweep.run, order, id=schedule_id, task_queue=task_queue)
        await _arrange(client, schedule_id, every, action)


async def keep_logging(client: Client, task_queue: str) -> None:
    """Have the log of financial records extended: by what is new often, by what may have been missed once a day."""
    for schedule_id, every, order in (
        (ids.LOG_SCHEDULE, _LOG_EVERY, LogOrder()),
        (ids.LOG_ALL_SCHEDULE, _LOG_ALL_EVERY, LogOrder(whole=True)),
    ):
        action = ScheduleActionStartWorkflow(FinancialLog.run, order, id=schedule_id, task_queue=task_queue)
        await _arrange(client, schedule_id, every, action)


async def keep_letting_go(client: Client, task_queue: str) -> None:
    """Have what nobody may keep any more removed, once a day."""
    action = ScheduleActionStartWorkflow(Retention.run, id=ids.RETENTION_SCHEDULE, task_queue=task_queue)
    await _arrange(client, ids.RETENTION_SCHEDULE, _LET_GO_EVERY, action)


async def keep_rotating(client: Client, task_queue: str) -> None:
    """Have tokens renewed that are older than the operator wants them to be; looked at once a day."""
    action = ScheduleActionStartWorkflow(TokenRotation.run, id=ids.ROTATION_SCHEDULE, task_queue=task_queue)
    await _arrange(client, ids.ROTATION_SCHEDULE, _ROTATE_EVERY, action)


async def _arrange(client: Client, schedule_id: str, every: timedelta, action: ScheduleActionStartWorkflow) -> None:
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=every),
    )
    try:
        await client.create_schedule(schedule_id, schedule)
    except ScheduleAlreadyRunningError:
        _log.debug("%s is scheduled already", schedule_id)
