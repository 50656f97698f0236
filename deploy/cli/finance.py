"""Finance's steps."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.options import UP_FOLDER, Connection, Folder, Month

app = typer.Typer()


@app.command()
def settle(connection: Connection, month: Month, *, folder: Folder = UP_FOLDER) -> None:
    """Start the settlement of a month with a partner, or show where it stands."""
    from deploy.commands.finance import settle as run

    run(folder, connection, month)


@app.command()
def approve(
    connection: Connection,
    month: Month,
    *,
    by: Annotated[str, typer.Option(help="Who approves.")],
    folder: Folder = UP_FOLDER,
) -> None:
    """Approve a settlement that waits for it: the invoice is numbered, posted and rendered."""
    from deploy.commands.finance import approve as run

    run(folder, connection, month, by)


@app.command()
def reconcile(
    connection: Connection,
    statement: Annotated[Path, typer.Argument(help="The partner's statement, as a JSON file.", exists=True)],
    *,
    folder: Folder = UP_FOLDER,
) -> None:
    """Check a partner's statement against the CDRs that we hold."""
    from deploy.commands.finance import reconcile as run

    run(folder, connection, statement)
