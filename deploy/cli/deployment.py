"""Running a deployment, and looking after it."""

from typing import Annotated

import typer

from deploy.cli.options import UP_FOLDER, Folder

app = typer.Typer()


@app.command()
def up(
    *,
    folder: Folder = UP_FOLDER,
    party: Annotated[str | None, typer.Option(help="Whom we speak for; kept after the first time.")] = None,
    name: Annotated[str | None, typer.Option(help="Business name; kept after the first time.")] = None,
    sides: Annotated[str | None, typer.Option(help="CPO, EMSP, or CPO,EMSP; kept after the first time.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the api; chosen and kept if not given.", min=1, max=65535)
    ] = None,
) -> None:
    """Run one deployment for development: PostgreSQL, Temporal, api and worker. Ends with Ctrl-C."""
    from deploy.commands.up import Wanted, run

    run(folder, Wanted(party=party, name=name, sides=sides, port=port))


@app.command()
def api() -> None:
    """Run the api alone, with the settings of the environment."""
    from deploy.commands.processes import run_api

    run_api()


@app.command()
def worker(
    *,
    queues: Annotated[
        str | None, typer.Option(help="Only this work, with commas between: core, partners, settlement.")
    ] = None,
) -> None:
    """Run the worker alone, with the settings of the environment."""
    from deploy.commands.processes import run_worker

    run_worker(queues)


@app.command()
def migrate() -> None:
    """Bring the database and the search attributes of the Temporal namespace up to date."""
    from deploy.commands.processes import run_migrate

    run_migrate()


@app.command()
def rotate_keys(
    *,
    look: Annotated[bool, typer.Option(help="Only say what is sealed by which key.")] = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """Seal again, by the newest secret key, what lies in the database sealed by those before it."""
    from deploy.commands.rotation import rotate

    rotate(folder, only_look=look)


@app.command()
def doctor(*, folder: Folder = UP_FOLDER) -> None:
    """Say what is wrong with a set-up. Looks at the environment's settings, else at what `roam up` made."""
    from deploy.commands.doctor import run

    run(folder)
