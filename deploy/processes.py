"""Processes of this project run beside each other: started, watched, ended, and never left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.child import end, spawn, tail

_POLL_S = 0.05
_STOP_TIMEOUT_S = 15.0
_HTTP_TIMEOUT_S = 2.0


class ProcessError(Exception):
    """A process ended, or was not ready in time; the message holds the end of its log."""


def roam_command(*arguments: str) -> list[str]:
    """A command of ours in the environment that we run in."""
    return [sys.executable, "-m", "deploy", *arguments]


def answers(url: str) -> Callable[["ChildProcess"], bool]:
    """Ready when a GET of the address is answered with a status below 300."""

    def check(_: "ChildProcess") -> bool:
        try:
            with urllib.request.urlopen(url, timeout=_HTTP_TIMEOUT_S):  # noqa: S310  our own address
                return True
        except (urllib.error.URLError, OSError):
            return False

    return check


def says(words: str) -> Callable[["ChildProcess"], bool]:
    """Ready when the words stand in what the process has logged since it was started."""
    return lambda child: words in child.output()


@dataclass
class ChildProcess:
    """One process, its log, and how to tell that it is ready. It ends with the thread that started it."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[["ChildProcess"], bool]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Added to our own environment."""
    unset: Collection[str] = ()
    """Left out of our own environment."""
    ready_timeout_s: float = 60.0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _log_begins: int = field(default=0, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        """None when it does not run."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> None:
        """Begin, without waiting until it is ready."""
        if self.pid is not None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._log_begins = self.log.stat().st_size if self.log.exists() else 0
        inherited = {name: value for name, value in os.environ.items() if name not in self.unset}
        self._process = spawn(self.command, log=self.log, env=inherited | dict(self.env))

    def wait_ready(self) -> None:
        """Raises ProcessError when it ends, or is not ready in time."""
        deadline = time.monotonic() + self.ready_timeout_s
        while not self.ready(self):
            if self.pid is None:
                raise ProcessError(f"{self.name} ended while it was starting:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name} is not ready after {self.ready_timeout_s:.0f} s:\n{tail(self.log)}")
            time.sleep(_POLL_S)

    def output(self) -> str:
        """What it has logged since it was last started."""
        if not self.log.exists():
            return ""
        return self.log.read_bytes()[self._log_begins :].decode(errors="replace")

    def stop(self) -> None:
        """Ask it to end (SIGTERM), and kill it when it takes too long."""
        if self._process is not None:
            end(self._process, signal.SIGTERM, timeout_s=_STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as in a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def running(*children: ChildProcess) -> Iterator[tuple[ChildProcess, ...]]:
    """Start all, wait for all; end all at the end, in reverse order, whatever happens."""
    try:
        for child in children:
            child.start()
        for child in children:
            child.wait_ready()
        yield children
    finally:
        for child in reversed(children):
            child.stop()
