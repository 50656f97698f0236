"""What a run has left on the machine: processes that still name its folder."""

import time
from pathlib import Path

import psutil

_ENDED_WITHIN_S = 5.0


def processes_of(folder: Path) -> list[str]:
    """Command lines, as a person would look for them, of what runs with the folder in it or works inside it."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            inside = Path(process.cwd()).is_relative_to(folder)
        except (psutil.Error, OSError):
            continue
        if inside or any(str(folder) in part for part in command):
            found.append(" ".join(command))
    return found


def assert_nothing_runs(folder: Path) -> None:
    """The kernel may take a moment to take away what was killed."""
    deadline = time.monotonic() + _ENDED_WITHIN_S
    while left := processes_of(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
