"""`roam retention`."""

from typing import Annotated

import typer

from deploy.cli.options import UP_FOLDER, Folder

app = typer.Typer(no_args_is_help=True, help="How long what is kept; letting go of it, and forgetting drivers.")


@app.command("show")
def retention_show(*, folder: Folder = UP_FOLDER) -> None:
    """Show the classes, how long each is kept and why, and what is due."""
    from deploy.commands.retention import show

    show(folder)


@app.command("sweep")
def retention_sweep(
    *,
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """Let go of what is due now. The worker does it once a day."""
    from deploy.commands.retention import sweep

    sweep(folder, dry_run=dry_run)


@app.command("forget")
def retention_forget(
    *,
    issuer: Annotated[str, typer.Option(help="Party that issued the token: DE*MOB.")],
    token: Annotated[str | None, typer.Option(help="Uid of a card of the driver.")] = None,
    contract: Annotated[str | None, typer.Option(help="Contract of the driver.")] = None,
    despite_duty: Annotated[
        str | None, typer.Option(help="Why, although a duty stands against it. It is recorded: name nobody.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what it would touch.")] = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """Forget a driver: what names him in records that never change can be read by nobody any more. No way back."""
    from deploy.commands.retention import Whom, forget

    forget(folder, Whom(issuer, token, contract), despite_duty, dry_run=dry_run)
