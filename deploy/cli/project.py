"""The project itself: its demo, its checks, and what is generated from it."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.options import AsJson

app = typer.Typer()


@app.command()
def demo(
    *,
    keep: Annotated[bool, typer.Option(help="Leave it running to look around.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome for machines.")] = False,
) -> None:
    """Two companies roam: handshake, charging, crashes, settlement, on this machine, in a minute."""
    from deploy.commands.demo import run

    run(keep=keep, json=json)


@app.command()
def chaos(
    *,
    seed: Annotated[int | None, typer.Option(help="The same seed is the same run; one is thrown without it.")] = None,
    sessions: Annotated[int, typer.Option(min=1, help="Charging sessions to run.")] = 1000,
    kills: Annotated[int, typer.Option(min=0, help="How often a process is killed.")] = 200,
    folder: Annotated[Path | None, typer.Option(help="Where logs and data go; `.roam/chaos/…` without it.")] = None,
    keep: Annotated[bool, typer.Option(help="Keep the folder also when nothing was lost.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome for machines.")] = False,
) -> None:
    """Two deployments roam while their processes are killed and the road between is bad. Ends with 1 on any loss."""
    from deploy.commands.chaos import run

    run(seed=seed, sessions=sessions, kills=kills, folder=folder, keep=keep, json=json)


@app.command("test")
def check(
    *,
    fast: Annotated[bool, typer.Option(help="Without end-to-end tests.")] = False,
    measure: Annotated[bool, typer.Option("--coverage", help="Measure coverage too, which takes its time.")] = False,
    only: Annotated[list[str] | None, typer.Argument(help="Test files or folders; all if none is given.")] = None,
) -> None:
    """Run every check: format, lint, types, import contracts, tests."""
    from deploy.commands.checks import run

    run(fast=fast, measure=measure, only=only or [])


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the contract API."""
    from deploy.commands.openapi import run

    run()


@app.command()
def coverage(
    *,
    version: Annotated[str | None, typer.Option(help="Only this version of the protocol.")] = None,
    json: AsJson = False,
) -> None:
    """Print every endpoint of every version, with the test that exercises it. Ends with 1 if one has none."""
    from deploy.commands.coverage import run

    run(version=version, as_json=json)


@app.command()
def lock() -> None:
    """Pin the newest versions of everything that is installed, in pyproject.toml."""
    from deploy.commands.lock import run

    run()
