"""Record the histories that `test_replay` replays: `python -m tests.replay.record`.

Plays sessions, handshakes and a settlement between two deployments with real servers, and with scripted activities
what does not go well, and writes what Temporal has kept of it into `histories/`, one file a run. Record again
when a workflow or a branch of one is new; what was recorded before goes to `histories/earlier/` when the code that
wrote it has been landed, for such workflows are still running somewhere.

The files tell nothing about the machine: worker identities and task queues are neutral, stack traces are left out.
"""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.failure.v1 import Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.client import Client, WorkflowHistory

from canonical.store import migrate
from deploy.codec import codec
from deploy.demo import cast
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.temporal_client import connect_to
from tests.replay import badly, fingerprint
from tests.replay.key import PUBLIC_KEY, vault
from tests.workflows.pair import pair
from tests.workflows.stage import staged
from workflows.search_attributes import REGISTERED

HISTORIES = Path(__file__).with_name("histories")
IDENTITY = "recorder"
_NAMESPACES = ("operator", "provider")


def main() -> None:
    for old in HISTORIES.glob("*.json"):
        old.unlink()
    HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder, "postgres"), durable=False)
        temporal = EmbeddedTemporal(Path(folder, "temporal"), [*_NAMESPACES, "badly"], search_attributes=REGISTERED)
        postgres.start()
        temporal.start()
        try:
            asyncio.run(_record(postgres, temporal))
        finally:
            temporal.stop()
            postgres.stop()
    fingerprint.write()


async def _record(postgres: EmbeddedPostgres, temporal: EmbeddedTemporal) -> None:
    for name in _NAMESPACES:
        postgres.create_database(name)
        await migrate(postgres.url(name))
    urls = (postgres.url(_NAMESPACES[0]), postgres.url(_NAMESPACES[1]))
    async with pair(temporal.address, _NAMESPACES, urls, PUBLIC_KEY) as two:
        await two.prepare(cast.CARDS[cast.CARD_A], cast.CARD_A)
        await two.meet()
        await two.charge(cast.ORDINARY[0])
        await two.renew()
        await two.settle(cast.MONTH)
        await two.synchronise()
        await two.sweep()
        for player in (two.cpo, two.emsp):
            await _write_all(player.built.client)
    client = await connect_to(temporal.address, "badly", vault())
    async with staged(client, "partner") as stage:
        await badly.play(stage)
        await _write_all(client)


async def _write_all(client: Client) -> None:
    async for execution in client.list_workflows():
        history = await client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history()
        neutral = await _neutral(history)
        path = HISTORIES / f"{client.namespace}-{_file_name(execution.id)}.json"
        number = 2
        while path.exists():  # a further run under the same id
            path = HISTORIES / f"{client.namespace}-{_file_name(execution.id)}-{number}.json"
            number += 1
        text = json.dumps(json.loads(neutral.to_json()), indent=1, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")


def _file_name(workflow_id: str) -> str:
    return workflow_id.replace("/", "-").replace("*", "")


async def _neutral(history: WorkflowHistory) -> WorkflowHistory:
    """The same history without where, and by which process, it came about."""
    for event in history.events:
        for message in _messages(event):
            if "identity" in message.DESCRIPTOR.fields_by_name:
                _set(message, "identity", IDENTITY)
            if isinstance(message, TaskQueue) and message.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY:
                message.name = IDENTITY
            if isinstance(message, Failure):
                await _without_stack_trace(message)
    return history


async def _without_stack_trace(failure: Failure) -> None:
    failure.stack_trace = ""
    if not failure.HasField("encoded_attributes"):
        return
    (plain,) = await codec(vault()).decode([failure.encoded_attributes])
    attributes = json.loads(plain.data) | {"stack_trace": ""}
    told = Payload(metadata=plain.metadata, data=json.dumps(attributes).encode())
    (sealed,) = await codec(vault()).encode([told])
    failure.encoded_attributes.CopyFrom(sealed)


def _messages(message: Message) -> Iterator[Message]:
    """The message and every message in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None or isinstance(message, Payload | Payloads):
            continue
        if field.message_type.GetOptions().map_entry:
            values: list[Any] = [v for v in value.values() if isinstance(v, Message)]
        else:
            values = [value] if isinstance(value, Message) else list(value)
        for inner in values:
            yield from _messages(inner)


def _set(message: Message, name: str, value: str) -> None:
    if getattr(message, name):
        setattr(message, name, value)


if __name__ == "__main__":
    main()
