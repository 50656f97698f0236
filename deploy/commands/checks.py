"""`roam test`: everything that has to hold before a change is good."""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console

from deploy.commands import PROJECT

_SLOW = ("tests/end_to_end",)


@dataclass(frozen=True)
class Check:
    name: str
    command: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)


def run(*, fast: bool, measure: bool, only: Sequence[str]) -> None:
    """Run all, also after one has failed; ends with 1 if any has."""
    for each in only:
        if not (PROJECT / each.split("::")[0]).exists():
            raise typer.BadParameter(f"there is no {each} in {PROJECT}", param_hint="'only'")
    console = Console(highlight=False)
    failed = []
    began = time.monotonic()
    for check in (*_static(), *_tests(fast=fast, measure=measure, only=only)):
        console.rule(f"[bold]{check.name}", align="left")
        started = time.monotonic()
        environment = os.environ | check.env
        code = subprocess.run(check.command, cwd=PROJECT, env=environment, check=False).returncode  # noqa: S603
        took = time.monotonic() - started
        console.print(f"[{'green' if code == 0 else 'red'}]{'ok' if code == 0 else 'failed'}[/] in {took:.1f} s")
        if code != 0:
            failed.append(check.name)
    console.rule(align="left")
    total = time.monotonic() - began
    console.print(f"[red]failed: {', '.join(failed)}[/]" if failed else "[green]all checks passed[/]", end="")
    console.print(f" in {total:.0f} s")
    raise typer.Exit(1 if failed else 0)


def _tool(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


def _static() -> list[Check]:
    return [
        Check("format", (_tool("ruff"), "format", "--check", "--quiet", ".")),
        Check("lint", (_tool("ruff"), "check", "--quiet", ".")),
        Check("types", (_tool("mypy"),)),
        # It looks for the rooms in the working folder and has no option for another.
        Check("import contracts", (_tool("lint-imports"),), {"PYTHONPATH": str(PROJECT)}),
    ]


def _tests(*, fast: bool, measure: bool, only: Sequence[str]) -> list[Check]:
    # By file, for fixtures of a module are what costs time; groups are ignored by pytest 9.2 (pytest-xdist issue 1386).
    # In the order of collection: sorted by the number of tests, the few long ones would come last and alone.
    spread = ("-n", os.environ.get("ROAM_TEST_WORKERS", "2"), "--dist", "loadfile", "--no-loadscope-reorder")
    pytest = ("-m", "pytest", "-q", *spread)
    skipped = tuple(f"--ignore={folder}" for folder in _SLOW) if fast else ()
    command = (sys.executable, *pytest, *skipped, *only)
    if not measure:
        return [Check("tests", command)]
    measured = {
        "COVERAGE_PROCESS_START": str(PROJECT / "pyproject.toml"),
        "COVERAGE_FILE": str(PROJECT / ".coverage"),
    }
    return [
        Check("tests", command, measured),
        Check("coverage", (sys.executable, "-m", "coverage", "combine", "--quiet")),
        Check("coverage report", (sys.executable, "-m", "coverage", "report", "--skip-covered", "--sort=cover")),
    ]
