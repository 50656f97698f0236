"""`roam evidence`."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.options import UP_FOLDER, AsJson, Folder

app = typer.Typer(no_args_is_help=True, help="Show to anybody that no financial record was changed or removed.")


@app.command("verify")
def verify_evidence(
    bundle: Annotated[Path | None, typer.Argument(help="An exported bundle; without it, the database.")] = None,
    *,
    public_key: Annotated[
        list[str] | None, typer.Option(help="The key that counts: a file, hexadecimal, or name+id+key.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that was kept elsewhere: it has to fit.")
    ] = None,
    json: AsJson = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """Find what was changed, removed, reordered or slipped in. Ends with 1 if anything was, and with 2 if it cannot."""
    from deploy.commands.evidence import verify as run

    run(folder, bundle, public_key or [], checkpoint or [], as_json=json)


@app.command("export")
def export_evidence(
    *,
    cdr: Annotated[str, typer.Option(help="Key or id of the CDR.")],
    out: Annotated[Path | None, typer.Option(help="File to write; without it, standard output.")] = None,
    connection: Annotated[str | None, typer.Option(help="Where several partners have a CDR of this id.")] = None,
    since: Annotated[
        Path | None, typer.Option(help="An older checkpoint: prove that the log has only grown since.")
    ] = None,
    papers: Annotated[bool, typer.Option(help="With statement and invoice, which have other CDRs in them too.")] = True,
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="With the drivers' keys: whoever has it reads what is sealed.")
    ] = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """Write everything that a CDR rests on, with its proofs, into one file that is checked without a database."""
    from deploy.commands.evidence import export as run

    run(folder, cdr, out, connection, since, papers=papers, with_keys=with_keys)


@app.command("show")
def show_evidence(bundle: Annotated[Path, typer.Argument(help="An exported bundle.")]) -> None:
    """Print the records of a bundle in clear, as far as it has the keys. It is not verified by that."""
    from deploy.commands.evidence import show as run

    run(bundle)


@app.command("checkpoint")
def print_checkpoint(*, folder: Folder = UP_FOLDER) -> None:
    """Bring the log up to date and print its newest signed checkpoint, to be kept or published elsewhere."""
    from deploy.commands.evidence import checkpoint as run

    run(folder)


@app.command("key")
def print_evidence_key(*, folder: Folder = UP_FOLDER) -> None:
    """Print the public key by which checkpoints and bundles are checked."""
    from deploy.commands.evidence import show_key as run

    run(folder)
