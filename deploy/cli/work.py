"""What is under way, and what needs a person."""

from typing import Annotated

import typer

from deploy.cli.options import UP_FOLDER, AsJson, Folder

OfConnection = Annotated[str | None, typer.Option("--connection", help="Only with this partner: id of the connection.")]
InState = Annotated[str | None, typer.Option("--state", help="Only what is in this state: PARKED, STUCK_PROVING, ….")]
Attention = Annotated[bool, typer.Option("--attention", help="Only what needs a person.")]
Ended = Annotated[bool, typer.Option("--ended", help="Also what is over, while Temporal remembers it.")]

app = typer.Typer()


@app.command()
def stuck(
    *,
    connection: OfConnection = None,
    state: InState = None,
    ended: Ended = False,
    json: AsJson = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """List what cannot go on without a person: with whom, since when, why, and what to do."""
    from deploy.commands.work import Asked, run

    run(folder, Asked(None, connection, state, attention=True, ended=ended), as_json=json)


@app.command()
def sessions(
    *,
    connection: OfConnection = None,
    state: InState = None,
    attention: Attention = False,
    ended: Ended = False,
    json: AsJson = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """List the sessions that are not closed yet."""
    from deploy.commands.work import Asked, run

    run(folder, Asked("session", connection, state, attention=attention, ended=ended), as_json=json)
