"""`roam lock`."""

import os
import shutil

import typer

from deploy import lock
from deploy.commands import PROJECT


def run() -> None:
    uv = os.environ.get("UV") or shutil.which("uv")  # `uv run` says where it is
    if uv is None:
        typer.echo("uv is not there: use ./roam lock", err=True)
        raise typer.Exit(2)
    try:
        packages, build = lock.resolve(PROJECT, uv)
        lock.write(PROJECT, packages, build)
    except lock.LockError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{len(packages)} packages, and {len(build)} for building, are pinned in pyproject.toml.")
