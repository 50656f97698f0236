"""The process that runs workflows and activities."""

import logging
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
from activities.sweep import SweepOrder
from deploy import garbage, telemetry
from deploy.composition import Deployment, deployment
from deploy.settings import Settings
from deploy.stopping import stop_requested
from workflows import ids
from workflows.financial_log import FinancialLog
from workflows.retention import Retention
from workflows.sweep import Sweep

READY = "worker ready"
"""What the log says when the worker takes tasks."""

_log = logging.getLogger(__name__)
_CACHED_WORKFLOWS = 5_000  # about 26 KiB each
_STICKY_TIMEOUT = timedelta(seconds=2)  # how long a workflow waits for a worker that was killed
_SWEEP_EVERY = timedelta(seconds=10)
_SWEEP_ALL_EVERY = timedelta(minutes=10)
_LOG_EVERY = timedelta(minutes=1)
_LOG_ALL_EVERY = timedelta(days=1)
_LET_GO_EVERY = timedelta(days=1)


async def run(settings: Settings) -> None:
    """Work until the process is asked to end; then let what is under way finish, within the time for that."""
    provider = telemetry.start("roam-worker", log_level=settings.log_level, log_format=settings.log_format)
    stop = stop_requested()
    try:
        async with deployment(settings) as built:
            await keep_sweeping(built.client, settings.task_queue)
            await keep_logging(built.client, settings.task_queue)
            await keep_letting_go(built.client, settings.task_queue)
            async with worker(built):
                garbage.settle()
                _log.info(READY, extra={"task_queue": settings.task_queue, "namespace": built.client.namespace})
                await stop.wait()
                _log.info("worker stops")
    finally:
        telemetry.stop(provider)


def worker(built: Deployment) -> Worker:
    """A worker for everything that a deployment does."""
    return Worker(
        built.client,
        task_queue=built.settings.task_queue,
        workflows=workflows.ALL,
        activities=all_activities(built.resources, built.signals),
        max_cached_workflows=_CACHED_WORKFLOWS,
        sticky_queue_schedule_to_start_timeout=_STICKY_TIMEOUT,
        graceful_shutdown_timeout=timedelta(seconds=built.settings.graceful_shutdown_s),
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
