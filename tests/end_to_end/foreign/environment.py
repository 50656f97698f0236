"""The foreign partner's own virtual environment: made once, kept, and found again.

The partner needs an old FastAPI and pydantic 1, so it cannot live in ours. The environment is kept under
`.roam/foreign` in a folder named after what is in it; another set of requirements is another folder.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PROJECT = Path(__file__).parents[3]
KEPT_IN = PROJECT / ".roam" / "foreign"

INSTALL_TIMEOUT_S = 90
"""Long enough for a slow index; short enough that an unreachable one does not hold up the tests."""


@dataclass(frozen=True)
class Environment:
    python: Path
    """Interpreter of the partner's environment."""


@dataclass(frozen=True)
class Unavailable:
    reason: str
    """Why there is no environment, for the skipped test's report."""


def environment() -> Environment | Unavailable:
    """The partner's environment, made now if need be. Several test processes may ask at the same time."""
    contents = REQUIREMENTS.read_bytes() + sys.version.encode()
    folder = KEPT_IN / hashlib.sha256(contents).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python, complete = folder / "venv" / "bin" / "python", folder / "complete"
        if complete.exists() and python.exists():
            return Environment(python)
        made = _make(folder / "venv", python)
        if isinstance(made, Environment):
            complete.touch()
        return made


def _make(venv: Path, python: Path) -> Environment | Unavailable:
    uv = _uv()
    if uv is None:
        return Unavailable("uv is not at hand: neither on the path, nor as a module, nor in ./.tools")
    try:
        _run(*uv, "venv", "--clear", "--python", sys.executable, str(venv))
        install = (*uv, "pip", "install", "--no-deps", "--python", str(python), "-r", str(REQUIREMENTS))
        try:
            _run(*install)
        except subprocess.CalledProcessError:
            _run(*install)  # an index may hiccup; what has arrived is kept
    except subprocess.TimeoutExpired:
        return Unavailable(f"the package index did not deliver within {INSTALL_TIMEOUT_S} s")
    except subprocess.CalledProcessError as error:
        return Unavailable(f"the foreign implementation could not be installed: {_last_line(error.stderr)}")
    return Environment(python)


def _uv() -> tuple[str, ...] | None:
    """How to call uv: as `uv run` names itself, from the path, from the wrapper's folder, or as a module."""
    kept = (path for path in sorted((PROJECT / ".tools").glob("**/uv")) if path.is_file())
    found = os.environ.get("UV") or shutil.which("uv") or next(kept, None)
    if found is not None:
        return (str(found),)
    as_module = (sys.executable, "-m", "uv")
    asked = subprocess.run([*as_module, "--version"], capture_output=True, check=False, timeout=30)
    return as_module if asked.returncode == 0 else None


def _run(*command: str) -> None:
    # The surrounding virtual environment must not be taken for the partner's, nor our project's pins: uv reads them
    # from the folder that it works in and those above.
    subprocess.run(
        command,
        cwd=PROJECT.anchor,
        env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        capture_output=True,
        text=True,
        check=True,
        timeout=INSTALL_TIMEOUT_S,
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
