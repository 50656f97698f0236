"""`roam up`, from the outside: it comes up, comes back, repairs itself, and leaves nothing running."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from deploy.commands.up import Kept, kept_in
from deploy.processes import roam_command
from tests.deploy.test_embedded_postgres import assert_all_end

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("up")]


@contextmanager
def up(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A running `roam up`."""
    process = subprocess.Popen(
        [*roam_command("up", "--folder", str(folder)), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if "Ctrl-C ends it" in line:
                break
        else:
            pytest.fail(f"roam up did not come up:\n{said}")
        yield process
    finally:
        process.kill()
        process.wait()


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, which has to leave nothing behind."""
    everything = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert_all_end(everything, within_s=1)


def eventually(check: Callable[[], bool], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def live(kept: Kept) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{kept.port}/health/ready", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_comes_up_repairs_itself_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "up"
    with up(folder, "--party", "NL*TST", "--name", "Test & Söhne", "--sides", "CPO") as process:
        kept = kept_in(folder)
        assert kept is not None
        assert (kept.party, kept.name) == ("NL*TST", "Test & Söhne")
        assert live(kept)

        doctor = subprocess.run(
            roam_command("doctor", "--folder", str(folder)), capture_output=True, text=True, check=False
        )
        assert doctor.returncode == 0, doctor.stdout
        assert "NL*TST (CPO)" in doctor.stdout

        refused = subprocess.run(
            roam_command("up", "--folder", str(folder)), capture_output=True, text=True, check=False
        )
        assert refused.returncode == 1
        assert "another `roam up` works in" in " ".join(refused.stdout.split())

        for child in psutil.Process(process.pid).children():
            if "api" in child.cmdline():
                child.kill()
        eventually(lambda: live(kept))
        interrupt(process)

    for path in (folder / "secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0
    before = json.loads((folder / "deployment.json").read_text())
    with up(folder) as process:
        assert json.loads((folder / "deployment.json").read_text()) == before
        assert live(kept)
        interrupt(process)


def test_nothing_is_left_when_it_is_killed(tmp_path: Path) -> None:
    with up(tmp_path / "up") as process:
        everything = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert_all_end(everything, within_s=20)
