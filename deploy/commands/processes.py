"""`roam api`, `roam worker`, `roam migrate`: the parts alone, as production runs them."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

import typer

from deploy.settings import Settings, SettingsError, load


def run_api() -> None:
    from deploy.api import run
    from deploy.event_loop import new_loop

    _run(run, new_loop)


def run_worker(queues: str | None = None) -> None:
    """`queues` wins over the setting of that name."""
    from deploy.worker import run

    if queues is not None:
        os.environ["ROAM_WORKER_QUEUES"] = queues
    _run(run)


def run_migrate() -> None:
    _run(_migrate)


def _run(
    main: Callable[[Settings], Awaitable[None]], new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> None:
    try:
        settings = load()
    except SettingsError as error:
        typer.echo(f"The settings are not complete:\n{error}\n`roam doctor` checks them all.", err=True)
        raise typer.Exit(2) from None

    async def to_the_end() -> None:
        await main(settings)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(to_the_end())
    _leave()


def _leave() -> NoReturn:
    """End here. Threads of Temporal's runtime may still call into Python: an interpreter that is torn down under
    them aborts (status 134), although everything is done.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _migrate(settings: Settings) -> None:
    from canonical.store import migrate
    from deploy.temporal_client import connect, register_search_attributes
    from workflows.search_attributes import REGISTERED

    await migrate(settings.database_url.get_secret_value())
    typer.echo("The database is up to date.")
    client = await connect(settings.vault)
    await register_search_attributes(client, REGISTERED)
    typer.echo(f"The namespace {client.namespace} has all search attributes.")
