"""The `roam` command: what it can be told. What a command does is in `deploy.commands`, imported when it is given."""

import typer

from deploy.cli import (
    bench,
    deliveries,
    deployment,
    evidence,
    files,
    finance,
    handshake,
    keys,
    project,
    retention,
    work,
)

app = typer.Typer(
    name="roam",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show code and variables, which may hold a token
    help="EV roaming over OCPI, from the handshake to the invoice.",
)
for commands in (deployment, work, finance, files, project):
    app.add_typer(commands.app)
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(handshake.app, name="handshake")
app.add_typer(keys.app, name="keys")
app.add_typer(evidence.app, name="evidence")
app.add_typer(retention.app, name="retention")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Entry point of the console script."""
    app()
