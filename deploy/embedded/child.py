"""Start a server as a child that dies with us, and end it again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.embedded import EmbeddedError

_LAUNCH = Path(__file__).with_name("launch.py")
_LOG_TAIL_BYTES = 2_000
_POLL_S = 0.02


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    not_root_in: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Run the command with its output appended to `log`.

    It is in a session of its own, so that Ctrl-C in our terminal does not reach it before we end it in order.
    When the *thread* that calls this ends, or the whole process does, the kernel interrupts the child
    (Linux).
    `not_root_in`: the folder that the command works in, and it must not run as root.
    """
    identity = [] if not_root_in is None else ["--not-root", str(not_root_in)]
    launch = [sys.executable, "-I", "-S", str(_LAUNCH), *identity, str(os.getpid())]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with open(descriptor, "ab") as output:
        return subprocess.Popen(  # noqa: S603  our own command, no shell
            [*launch, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], *signals: signal.Signals, timeout_s: float) -> None:
    """Send the signals one after the other, each with `timeout_s` to work, and SIGKILL at last."""
    for number in (*signals, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout_s)
            return
    raise EmbeddedError(f"process {process.pid} does not end")


def wait_ready(
    name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool], *, log: Path, timeout_s: float
) -> None:
    """Return when the server is ready. Raises EmbeddedError when it ends before, or takes too long; then it runs on."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None:
            raise EmbeddedError(f"{name} ended while it was starting: {tail(log)}")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{name} is not ready after {timeout_s:.0f} s: {tail(log)}")
        time.sleep(_POLL_S)


def tail(log: Path) -> str:
    """The end of a log file, for a message."""
    if not log.exists():
        return "(no log)"
    return log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
