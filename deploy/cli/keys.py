"""`roam keys`."""

from typing import Annotated

import typer

from deploy.cli.options import UP_FOLDER, Folder

app = typer.Typer(no_args_is_help=True, help="API keys of your own systems, each with no more than it needs.")


@app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Whose key it is, in words.")],
    scopes: Annotated[list[str], typer.Argument(help="What it may do: charging:write, finance:read, … or admin.")],
    *,
    expires: Annotated[str | None, typer.Option(help="When it ends, as 2027-01-01T00:00:00Z.")] = None,
    folder: Folder = UP_FOLDER,
) -> None:
    """Make a key. Its secret is printed now and never again."""
    from deploy.commands.keys import create as run

    run(folder, name, scopes, expires)


@app.command("list")
def list_keys(*, folder: Folder = UP_FOLDER) -> None:
    """Show all keys, without their secrets."""
    from deploy.commands.keys import list_all as run

    run(folder)


@app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `roam keys list` shows it.")],
    *,
    folder: Folder = UP_FOLDER,
) -> None:
    """End a key at once and for good."""
    from deploy.commands.keys import revoke as run

    run(folder, key_id)
