"""The least that a durable workflow can be: one activity that does nothing. What a session costs is compared with it.

Run as a process it is the worker for it, with the SDK's own defaults: no encryption, no tracing, no secrets.
"""

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

TASK_QUEUE = "trivial"
READY = "trivial worker ready"


@activity.defn
async def nothing(number: int) -> int:
    return number


@workflow.defn
class Trivial:
    @workflow.run
    async def run(self, number: int) -> int:
        return await workflow.execute_activity(nothing, number, start_to_close_timeout=timedelta(seconds=10))


async def main(address: str, namespace: str) -> None:
    client = await Client.connect(address, namespace=namespace)
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[Trivial],
        activities=[nothing],
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    ):
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
