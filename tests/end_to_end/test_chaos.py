"""`roam chaos`, small: once with a seed that stays, once with one that is thrown and printed. Nothing may be lost."""

import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.chaos.evidence import Script
from deploy.processes import roam_command
from tests.end_to_end.left_behind import assert_nothing_runs

pytestmark = pytest.mark.timeout(400)

SESSIONS, KILLS = 12, 8
FIXED = 2


@pytest.mark.parametrize("seed", [FIXED, secrets.randbelow(1_000_000)], ids=["fixed seed", "thrown seed"])
def test_nothing_is_lost(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    command = ("chaos", "--seed", seed, "--sessions", SESSIONS, "--kills", KILLS, "--folder", folder, "--json")
    with capsys.disabled():
        print(f"\nroam {' '.join(map(str, command))}")  # noqa: T201  by this seed a failure is repeated
    finished = subprocess.run(roam_command(*map(str, command)), capture_output=True, text=True, check=False)
    outcome: dict[str, Any] = json.loads(finished.stdout)
    assert outcome["violations"] == [], finished.stderr
    assert finished.returncode == 0
    assert outcome["seed"] == seed
    assert f"--seed {seed}" in finished.stderr
    assert outcome["sessions"] == SESSIONS >= len(Script)
    assert outcome["kills"] == KILLS
    assert outcome["recovery_s"]["all"]["count"] == KILLS
    assert outcome["faults_by_kind"]["kill -9"] == KILLS
    assert len({fault["kind"] for fault in outcome["faults"]}) > 5
    assert not folder.exists()
    assert_nothing_runs(folder)
