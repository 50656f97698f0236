"""Exact versions of everything that is installed, kept in `pyproject.toml`.

uv's own lock file names the host of the package index that it was made with, which differs from place to
place; so it stays out of the repository. The versions are pinned as uv's constraints instead, for all
platforms, the tools that build the project included: a lock file that uv makes from them anywhere holds the
same versions.
"""

import re
import subprocess
from pathlib import Path

_PIN = re.compile(r"^[A-Za-z0-9][^=\s]*==\S+")


class LockError(Exception):
    """The versions could not be resolved; the message is uv's."""


def resolve(project: Path, uv: str) -> tuple[list[str], list[str]]:
    """The newest versions that fit: what the project needs with all groups, and what building it needs."""
    groups = ("--group", "dev", "--group", "embedded")
    return (
        _compile(uv, "pyproject.toml", *groups, project=project),
        _compile(uv, "-", project=project, given="hatchling>=1.27\neditables\n"),
    )


def write(project: Path, packages: list[str], build: list[str]) -> None:
    """Replace both lists in `pyproject.toml`, which has to have them already (they may be empty)."""
    path = project / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    for name, pins in (("constraint-dependencies", packages), ("build-constraint-dependencies", build)):
        lines = "".join(f'  "{pin}",\n' for pin in pins)
        head, found, rest = text.partition(f"\n{name} = [\n")
        if not found:
            raise LockError(f"pyproject.toml has no list {name}")
        text = head + found + lines + rest[rest.index("]\n") :]
    path.write_text(text, encoding="utf-8")


def _compile(uv: str, source: str, *options: str, project: Path, given: str | None = None) -> list[str]:
    finished = subprocess.run(  # noqa: S603
        [
            *(uv, "pip", "compile", source, *options),
            *("--universal", "--python-version", "3.11", "--upgrade", "--no-config", "--quiet"),
            *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
        ],
        cwd=project,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise LockError(finished.stderr.strip())
    return [line.replace('"', "'") for line in finished.stdout.splitlines() if _PIN.match(line)]
