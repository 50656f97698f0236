"""`roam handshake`."""

from typing import Annotated

import typer

from deploy.cli.options import UP_FOLDER, Connection, Folder

app = typer.Typer(no_args_is_help=True, help="The exchange of credentials with a partner: see it, and help it on.")


@app.command()
def show(connection: Connection, *, folder: Folder = UP_FOLDER) -> None:
    """Where it stands, what it waits for, what you can do, and how old the tokens are."""
    from deploy.commands.handshake import show as run

    run(folder, connection)


@app.command()
def retry(connection: Connection, *, folder: Folder = UP_FOLDER) -> None:
    """Try the step that it is stuck at again at once."""
    from deploy.commands.handshake import act as run

    run(folder, connection, "retry")


@app.command("skip-canary")
def skip_canary(connection: Connection, *, folder: Folder = UP_FOLDER) -> None:
    """Connect without our own first call, or wait for the partner's no longer."""
    from deploy.commands.handshake import act as run

    run(folder, connection, "skip-canary")


@app.command("give-up")
def give_up(connection: Connection, *, folder: Folder = UP_FOLDER) -> None:
    """Stop it. What was issued stays until the connection is ended."""
    from deploy.commands.handshake import act as run

    run(folder, connection, "give-up")


@app.command()
def token(
    connection: Connection,
    *,
    versions_url: Annotated[str | None, typer.Option(help="Where it is good, if that has changed.")] = None,
    folder: Folder = UP_FOLDER,
) -> None:
    """Hand in a token of the partner's, to call it with. It is asked for, or read from standard input."""
    from deploy.commands.handshake import hand_in as run

    run(folder, connection, versions_url)


@app.command()
def invite(connection: Connection, *, folder: Folder = UP_FOLDER) -> None:
    """Issue a new registration token. It is printed now and never again; the one before is refused from now on."""
    from deploy.commands.handshake import invite as run

    run(folder, connection)
