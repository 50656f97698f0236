"""Child processes: ready when they say so, ended in order, and never left behind."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.processes import ChildProcess, ProcessError, answers, running, says
from tests.deploy.test_embedded_postgres import assert_all_end

SLEEP = "import time; print('I am ready', flush=True); time.sleep(60)"


def child(tmp_path: Path, program: str = SLEEP, **options: object) -> ChildProcess:
    return ChildProcess(
        name="sleeper",
        command=[sys.executable, "-c", program],
        log=tmp_path / "logs of it" / "sleeper.log",
        ready=says("I am ready"),
        **options,  # type: ignore[arg-type]
    )


def test_all_are_ended_also_when_the_body_fails(tmp_path: Path) -> None:
    one, two = child(tmp_path / "1"), child(tmp_path / "2")
    pids = []
    with pytest.raises(RuntimeError, match="halfway"), running(one, two):  # noqa: PT012
        pids = [one.pid, two.pid]
        raise RuntimeError("halfway")
    assert None not in pids
    assert one.pid is None
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)


def test_comes_back_after_a_kill_and_is_judged_by_its_new_output(tmp_path: Path) -> None:
    sleeper = child(tmp_path)
    with running(sleeper):
        before = sleeper.pid
        sleeper.kill()
        assert sleeper.pid is None
        sleeper.start()
        sleeper.wait_ready()
        assert sleeper.pid != before
        assert sleeper.output().count("I am ready") == 1


def test_one_that_ends_says_why(tmp_path: Path) -> None:
    failing = child(tmp_path, "raise SystemExit('no database')")
    with pytest.raises(ProcessError, match="no database"), running(failing):
        pass


def test_one_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    silent = child(tmp_path, "import time; time.sleep(60)", ready_timeout_s=0.3)
    with pytest.raises(ProcessError, match="not ready after"), running(silent):
        pass
    assert silent.pid is None


def test_one_that_ignores_the_request_to_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.processes._STOP_TIMEOUT_S", 0.3)
    deaf = child(tmp_path, f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}")
    deaf.start()
    deaf.wait_ready()
    deaf.stop()
    assert deaf.pid is None


def test_is_told_its_environment_and_not_what_is_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROAM_SECRET_KEY", "of the parent")
    program = f"import os; print(os.environ.get('ROAM_SECRET_KEY'), os.environ['ROAM_PARTY']); {SLEEP}"
    told = child(tmp_path, program, env={"ROAM_PARTY": "DE*RCO"}, unset=("ROAM_SECRET_KEY",))
    with running(told):
        assert told.output().startswith("None DE*RCO")


def test_ready_by_http(tmp_path: Path) -> None:
    assert answers("http://127.0.0.1:1/")(child(tmp_path)) is False


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from deploy.processes import ChildProcess, says\n"
        f"c = ChildProcess('x', [sys.executable, '-c', {SLEEP!r}], Path({str(tmp_path / 'x.log')!r}), says('ready'))\n"
        "c.start(); c.wait_ready(); print(c.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        left = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert_all_end([left])
