"""`roam doctor` finds what is wrong, says it in words, and ends with 1."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.worker import Worker
from typer.testing import CliRunner

from canonical.vault import Vault
from deploy.cli import app
from deploy.commands.doctor import examine
from deploy.commands.finding import Finding
from deploy.embedded.ports import free_port
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.temporal_client import connect_to, remember_for
from deploy.worker import keep_letting_go, keep_logging, keep_sweeping
from tests.deploy.test_settings import COMPLETE
from tests.workflows.talking import Talking
from workflows import ids
from workflows.search_attributes import REGISTERED

STANDING = {"temporal", "queue core", "queue partners", "queue settlement", "schedules"}
"""What an own server remembers for a day, and what nobody runs in these tests."""


@activity.defn(name="nothing")
async def nothing() -> None:
    """Stands in for all activities."""


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTemporal]:
    server = EmbeddedTemporal(tmp_path_factory.mktemp("temporal"), ["good"], search_attributes=REGISTERED)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def good(monkeypatch: pytest.MonkeyPatch, temporal: EmbeddedTemporal, database_url: str) -> pytest.MonkeyPatch:
    """A set-up with nothing wrong."""
    working = COMPLETE | {
        "ROAM_DATABASE_URL": database_url,
        "ROAM_SECRET_KEY": "abcdefghijklmnopqrstuvwxyz0123456789",
        "ROAM_PORT": str(free_port()),
        "TEMPORAL_ADDRESS": temporal.address,
        "TEMPORAL_NAMESPACE": "good",
    }
    for name, value in working.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def faults(tmp_path: Path) -> dict[str, str]:
    findings = await examine(tmp_path)
    return {finding.about: finding.words for finding in findings if finding.fault}


async def test_a_good_set_up_has_no_fault(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    findings = await examine(tmp_path)
    assert [f for f in findings if f.fault or (f.warning and f.about not in STANDING)] == []
    assert {"python", "settings", "database", "migrations", "search attributes", "public url", *STANDING} <= {
        finding.about for finding in findings
    }


async def test_a_set_up_that_runs_has_nothing_to_complain_of(
    good: pytest.MonkeyPatch, temporal: EmbeddedTemporal, vault: Vault, tmp_path: Path
) -> None:
    client = await connect_to(temporal.address, "good", vault)
    await remember_for(client, timedelta(days=30))
    for arrange in (keep_sweeping, keep_logging, keep_letting_go):
        await arrange(client, "roam")
    async with AsyncExitStack() as stack:
        for queue in ("roam", "roam-partners", "roam-settlement"):
            kinds = [Talking] if queue == "roam" else []
            one = Worker(client, task_queue=queue, workflows=kinds, activities=[nothing], identity="somebody")
            await stack.enter_async_context(one)
        while waiting := {f.about: f for f in await examine(tmp_path) if f.warning}:
            assert waiting.keys() <= {"queue core", "queue partners", "queue settlement", "temporal"}
    words = {finding.about: finding.words for finding in await examine(tmp_path)}
    assert words["queue partners"] == "roam-partners, 1 worker(s)"
    assert words["temporal"].endswith("remembers 30 days")
    assert words["schedules"] == "all 5 run"
    await client.get_schedule_handle(ids.SWEEP_SCHEDULE).pause()
    assert "paused: sweep" in {finding.about: finding.words for finding in await examine(tmp_path)}["schedules"]


async def test_what_nobody_works_on_and_what_is_not_arranged_is_said(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good.setenv("ROAM_TASK_QUEUE", "lonely")
    words = {finding.about: finding.words for finding in await examine(tmp_path) if finding.warning}
    assert words["queue core"].startswith("no worker takes activities and workflows from lonely: run `roam worker`")
    assert words["queue partners"].startswith("no worker takes activities from lonely-partners")


async def test_a_database_that_is_not_there(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good.setenv("ROAM_DATABASE_URL", "postgresql://roam:the-password@127.0.0.1:1/roam")
    found = await faults(tmp_path)
    assert "127.0.0.1:1/roam cannot be used" in found["database"]
    assert "the-password" not in str(found)


async def test_a_wrong_password(good: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> None:
    head, _, rest = database_url.partition("@")
    good.setenv("ROAM_DATABASE_URL", f"{head.rpartition(':')[0]}:wrong-password@{rest}")
    found = await faults(tmp_path)
    assert "password authentication failed" in found["database"]
    assert "wrong-password" not in str(found)


async def test_a_database_without_migrations(good: pytest.MonkeyPatch, postgres_url: str, tmp_path: Path) -> None:
    good.setenv("ROAM_DATABASE_URL", postgres_url)
    assert "run `roam migrate`" in (await faults(tmp_path))["migrations"]


async def test_no_temporal_server(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    good.setattr("deploy.commands.finding.PATIENCE_S", 0.2)
    assert "cannot be reached" in (await faults(tmp_path))["temporal"]


async def test_an_unknown_namespace(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good.setenv("TEMPORAL_NAMESPACE", "nowhere")
    assert "nowhere" in (await faults(tmp_path))["temporal"]


async def test_missing_search_attributes(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good.setattr("workflows.search_attributes.REGISTERED", REGISTERED | {"RoamNeverMade": "Keyword"})
    assert "RoamNeverMade" in (await faults(tmp_path))["search attributes"]


async def test_a_secret_key_that_can_be_guessed(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good.setenv("ROAM_SECRET_KEY", "changeme" * 5)
    assert "can be guessed" in (await faults(tmp_path))["secret key"]


async def test_things_that_deserve_a_look(good: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good.setenv("ROAM_PUBLIC_URL", "http://roaming.example")
    good.setenv("ROAM_CONTRACT_API_KEYS", "")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        good.setenv("ROAM_PORT", str(taken.getsockname()[1]))
        findings = await examine(tmp_path)
    warned = {finding.about for finding in findings if finding.warning}
    assert warned - STANDING == {"public url", "contract API", "api address"}


def test_the_command_says_what_is_missing_and_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in COMPLETE:
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(app, ["doctor", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "ROAM_SECRET_KEY: is not set" in result.output


def test_a_fault_is_marked_in_the_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def broken(_: Path) -> list[Finding]:
        await asyncio.sleep(0)
        return [Finding("python", "3.9 is [too] old", fault=True)]

    monkeypatch.setattr("deploy.commands.doctor.examine", broken)
    result = CliRunner().invoke(app, ["doctor", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "fault" in result.output
    assert "3.9 is [too] old" in result.output
