"""`roam chaos`: two deployments roam while they are killed; the run is in `deploy.chaos`."""

import secrets
from pathlib import Path

import typer


def run(*, seed: int | None, sessions: int, kills: int, folder: Path | None, keep: bool, json: bool) -> None:
    """Without a seed one is thrown, and printed."""
    from deploy.chaos import chaos
    from deploy.chaos.plan import Plan

    plan = Plan(secrets.randbelow(1_000_000) if seed is None else seed, sessions, kills)
    raise typer.Exit(chaos(plan, folder=folder, keep=keep, json=json))
