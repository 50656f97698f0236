"""`roam deliveries`."""

from typing import Annotated

import typer

from deploy.cli.options import UP_FOLDER, AsJson, Connection, Folder
from deploy.cli.work import Attention, Ended, InState, OfConnection

app = typer.Typer(help="CDRs on their way to partners: without a word behind it, the list of them.")


@app.callback(invoke_without_command=True)
def list_deliveries(
    context: typer.Context,
    *,
    connection: OfConnection = None,
    state: InState = None,
    attention: Attention = False,
    ended: Ended = False,
    json: AsJson = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """List the CDRs that a partner does not hold yet: which, since when, why, and what to do."""
    if context.invoked_subcommand is not None:
        return
    from deploy.commands.work import Asked, run

    run(folder, Asked("delivery", connection, state, attention=attention, ended=ended), as_json=json)


Cdr = Annotated[str, typer.Argument(help="Id of the CDR.")]
Reason = Annotated[str, typer.Option(help="Why: it is kept with the events of the CDR.", prompt="Why")]


@app.command()
def release(connection: Connection, cdr: Cdr, *, reason: Reason, folder: Folder = UP_FOLDER) -> None:
    """Send it again, and now: what was put aside, and what waits for its next attempt."""
    from deploy.commands.deliveries import decide

    decide(folder, connection, cdr, "release", {"reason": reason})


@app.command()
def abandon(connection: Connection, cdr: Cdr, *, reason: Reason, folder: Folder = UP_FOLDER) -> None:
    """Stop trying: the CDR is settled outside OCPI."""
    from deploy.commands.deliveries import decide

    decide(folder, connection, cdr, "abandon", {"reason": reason})


@app.command()
def correct(
    connection: Connection,
    cdr: Cdr,
    *,
    reason: Reason,
    partner_holds_nothing: Annotated[
        bool, typer.Option("--partner-holds-nothing", help="The partner has said that it does not hold the CDR.")
    ] = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """Make another CDR of its session, for one that was credited or that the partner never took."""
    from deploy.commands.deliveries import decide

    decide(folder, connection, cdr, "correct", {"reason": reason, "partner_holds_nothing": partner_holds_nothing})
