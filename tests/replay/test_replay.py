"""Workflows in production go on with new code: it has to decide as the recorded histories did."""

import os
import re
import socket
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

import workflows
from deploy.codec import codec, data_converter
from tests.replay.key import vault
from tests.replay.record import HISTORIES, IDENTITY, _messages

FILES = sorted(HISTORIES.rglob("*.json"))
"""Those of today's code, and in `earlier` those of code that was there before: its workflows go on as well."""


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


def replayer() -> Replayer:
    return Replayer(workflows=workflows.ALL, data_converter=data_converter(vault()))


async def test_every_recorded_history_is_decided_alike() -> None:
    async def all_of_them():
        for path in FILES:
            yield history(path)

    results = await replayer().replay_workflows(all_of_them(), raise_on_replay_failure=False)
    failed = {name: str(failure) for name, failure in results.replay_failures.items()}
    assert failed == {}


def test_every_workflow_has_one() -> None:
    kinds = {h.events[0].workflow_execution_started_event_attributes.workflow_type.name for h in map(history, FILES)}
    assert kinds == {kind.__name__ for kind in workflows.ALL}


async def test_another_decision_would_be_found() -> None:
    recorded = HISTORIES / "badly-settlement-c-2026-01.json"
    changed = recorded.read_text(encoding="utf-8").replace('"settlement-claim"', '"settlement-assess"')
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(WorkflowHistory.from_json("changed", changed))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_they_tell_nothing_about_the_machine_they_were_recorded_on(path: Path) -> None:
    machine = [f"@{socket.gethostname()}", str(Path.home()), str(Path(__file__).parents[2]), f"{os.sep}tmp{os.sep}"]
    raw = path.read_text(encoding="utf-8")  # noqa: ASYNC240
    for event in history(path).events:
        for message in _messages(event):
            identity = getattr(message, "identity", "")
            assert identity in ("", IDENTITY) or identity.startswith("temporal-")
            if message.DESCRIPTOR.name == "Failure" and message.HasField("encoded_attributes"):
                (plain,) = await codec(vault()).decode([message.encoded_attributes])
                raw += plain.data.decode()
    assert [word for word in machine if word in raw] == []
    assert re.search(r"/(home|root|work|Users)/", raw) is None
