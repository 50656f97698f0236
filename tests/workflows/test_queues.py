"""Which work waits where; and a partner that never answers keeps nobody else's work from being done."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.common import Priority
from temporalio.worker import Replayer, Worker

import workflows
from activities import all_activities
from activities.partner_share import PartnerShare
from deploy.codec import data_converter
from tests.replay.key import vault
from tests.replay.test_replay import FILES, history
from tests.workflows.stage import PATIENCE_S, eventually
from tests.workflows.talking import Talking
from workflows.queues import CALLS_OUT, Queue, QueuesByKind, priority_of, queue_of
from workflows.search_attributes import at_start

SILENT = "partner-silent"
SLOTS, SHARE, QUEUED = 12, 4, 100
"""A worker's slots, a partner's share of them, and how many CDRs wait for the partner that hangs."""


def test_what_waits_for_somebody_outside_is_kept_apart_from_what_does_not() -> None:
    served = {str(activity._Definition.must_from_callable(one).name): one for one in all_activities(None, None)}  # type: ignore[arg-type]
    talkative = {name for name, one in served.items() if "partner_conversation(" in inspect.getsource(one)}
    assert talkative <= CALLS_OUT
    assert not [name for name in CALLS_OUT if name.startswith(("settlement-", "sweep-", "retention-", "schedules-"))]
    assert queue_of("settlement-claim").named("roam") == "roam-settlement"
    assert queue_of("sweep-wake-unattended").named("roam") == "roam"


def test_partners_take_turns_and_a_driver_who_waits_goes_first() -> None:
    assert priority_of("resync-pull-page", "mobility", "resync/mobility/cdrs") == Priority(fairness_key="mobility")
    assert priority_of("command-send", "mobility", "command/mobility/1") == Priority(1, "mobility")
    assert priority_of("webhook-deliver", "webhook", "webhook/wh_1") == Priority(fairness_key="webhook/wh_1")
    assert priority_of("retention-let-go", None, "retention") == Priority.default


@dataclass
class Partners:
    """One that never answers, and one that does; how many conversations were held with the first at a time."""

    share: PartnerShare
    most: int = 0

    @activity.defn(name="delivery-send")
    async def send(self, connection_id: str) -> str:
        if connection_id == SILENT:
            self.most = max(self.most, self.share.held[SILENT])
            await asyncio.Event().wait()
        return "PROVED"


@asynccontextmanager
async def serving(client: Client, queue: str) -> AsyncIterator[Partners]:
    """Workers as a deployment has them, with few slots."""
    partners = Partners(PartnerShare(SHARE))
    async with AsyncExitStack() as stack:
        for kind in Queue:
            one = Worker(
                client,
                task_queue=kind.named(queue),
                workflows=[Talking] if kind is Queue.CORE else (),
                activities=[partners.send],
                interceptors=[QueuesByKind(), partners.share],
                max_concurrent_activities=SLOTS,
                graceful_shutdown_timeout=timedelta(0),
            )
            await stack.enter_async_context(one)
        yield partners


async def test_a_partner_that_hangs_does_not_keep_another_ones_cdr_from_being_delivered(client: Client) -> None:
    async def talk(connection: str, number: int) -> WorkflowHandle[object, str]:
        return await client.start_workflow(
            Talking.run,
            connection,
            id=f"talking/{connection}/{number}",
            task_queue="queue-fair",
            search_attributes=at_start(connection, str(number)),
        )

    async with serving(client, "queue-fair") as partners:
        silent = await asyncio.gather(*(talk(SILENT, number) for number in range(QUEUED)))
        await eventually(lambda: partners.share.held[SILENT] == SHARE, "the silent partner has its share")
        quick = await talk("partner-quick", 1)
        assert await asyncio.wait_for(quick.result(), PATIENCE_S) == "PROVED"
        assert partners.most == SHARE
        events = (await quick.fetch_history()).events
        attributes = [event.activity_task_scheduled_event_attributes for event in events]
        (scheduled,) = (each for each in attributes if each.activity_id)
        assert scheduled.task_queue.name == "queue-fair-partners"
        assert scheduled.priority.fairness_key == "partner-quick"
        await asyncio.gather(*(handle.terminate() for handle in silent))


async def test_where_work_waits_is_no_decision_that_a_history_holds() -> None:
    """What was recorded when there was one queue goes on now that there are several."""
    replayer = Replayer(workflows=workflows.ALL, data_converter=data_converter(vault()), interceptors=[QueuesByKind()])

    async def all_of_them():
        for path in FILES[::4]:
            yield history(path)

    results = await replayer.replay_workflows(all_of_them(), raise_on_replay_failure=False)
    assert {name: str(failure) for name, failure in results.replay_failures.items()} == {}


@pytest.mark.parametrize("given", ["", "core,coffee"])
def test_a_worker_that_would_do_nothing_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from deploy.settings import SettingsError, load

    for name, value in {
        "ROAM_PARTY": "DE*ABC",
        "ROAM_BUSINESS_NAME": "ABC",
        "ROAM_PUBLIC_URL": "https://a.example",
        "ROAM_DATABASE_URL": "postgresql://a@b/c",
        "ROAM_SECRET_KEY": "x" * 32,
        "ROAM_WORKER_QUEUES": given,
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="ROAM_WORKER_QUEUES"):
        load()
