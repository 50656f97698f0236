"""The `roam` command. What a command does is in `deploy.commands`, imported when it is given."""

from pathlib import Path
from typing import Annotated

import typer

UP_FOLDER = Path(".roam/up")

app = typer.Typer(
    name="roam",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show code and variables, which may hold a token
    help="EV roaming over OCPI, from the handshake to the invoice.",
)

bench = typer.Typer(no_args_is_help=True, help="Measure, beside a ceiling of the same kind.")
app.add_typer(bench, name="bench")

keys = typer.Typer(no_args_is_help=True, help="API keys of your own systems, each with no more than it needs.")
app.add_typer(keys, name="keys")

evidence = typer.Typer(no_args_is_help=True, help="Show to anybody that no financial record was changed or removed.")
app.add_typer(evidence, name="evidence")

retention = typer.Typer(no_args_is_help=True, help="How long what is kept; letting go of it, and forgetting drivers.")
app.add_typer(retention, name="retention")

Folder = Annotated[Path, typer.Option(help="Everything of this deployment is kept here.", show_default=True)]
Connection = Annotated[str, typer.Argument(help="Id of the connection with the partner.")]
Month = Annotated[str, typer.Argument(help="The month, as 2026-03.")]


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
def worker() -> None:
    """Run the worker alone, with the settings of the environment."""
    from deploy.commands.processes import run_worker

    run_worker()


@app.command()
def migrate() -> None:
    """Bring the database and the search attributes of the Temporal namespace up to date."""
    from deploy.commands.processes import run_migrate

    run_migrate()


@app.command()
def doctor(*, folder: Folder = UP_FOLDER) -> None:
    """Say what is wrong with a set-up. Looks at the environment's settings, else at what `roam up` made."""
    from deploy.commands.doctor import run

    run(folder)


@app.command("test")
def check(
    *,
    fast: Annotated[bool, typer.Option(help="Without end-to-end tests and coverage.")] = False,
    only: Annotated[list[str] | None, typer.Argument(help="Test files or folders; all if none is given.")] = None,
) -> None:
    """Run every check: format, lint, types, import contracts, tests."""
    from deploy.commands.checks import run

    run(fast=fast, only=only or [])


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


@app.command()
def demo(
    *,
    keep: Annotated[bool, typer.Option(help="Leave it running to look around.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome for machines.")] = False,
) -> None:
    """Two companies roam: handshake, charging, crashes, settlement, on this machine, in a minute."""
    from deploy.commands.demo import run

    run(keep=keep, json=json)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the contract API."""
    from deploy.commands.openapi import run

    run()


@app.command()
def coverage(
    *,
    version: Annotated[str | None, typer.Option(help="Only this version of the protocol.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it for machines.")] = False,
) -> None:
    """Print every endpoint of every version, with the test that exercises it. Ends with 1 if one has none."""
    from deploy.commands.coverage import run

    run(version=version, as_json=json)


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="One object as JSON; - for standard input.")],
    *,
    from_version: Annotated[str, typer.Option("--from", help="Version that it is written in.")],
    to_version: Annotated[str, typer.Option("--to", help="Version to write it in.")],
    kind: Annotated[str | None, typer.Option(help="What it is: location, tariff, cdr …; seen by itself.")] = None,
    party_cpo: Annotated[str | None, typer.Option(help="Operator, where the version does not say: DE*ABC.")] = None,
    party_emsp: Annotated[str | None, typer.Option(help="Provider, where the version does not say: DE*MOB.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Of a location that does not say it.")] = None,
    location: Annotated[Path | None, typer.Option(help="Site that a session or CDR only names.", exists=True)] = None,
    json: Annotated[bool, typer.Option("--json", help="Print object and losses as one document.")] = False,
) -> None:
    """Write an object in another version of the protocol, and list what is lost, filled in or changed on the way."""
    from deploy.commands.convert import Stated, run

    run(file, from_version, to_version, kind, Stated(party_cpo, party_emsp, time_zone, location), as_json=json)


@app.command()
def price(
    *,
    cdr: Annotated[Path, typer.Option(help="One CDR as JSON, whole or in part; - for standard input.")],
    tariff: Annotated[Path | None, typer.Option(help="A tariff as JSON, in place of the CDR's of that id.")] = None,
    version: Annotated[str | None, typer.Option("--ocpi", help="Version of the files; seen by itself.")] = None,
    time_zone: Annotated[
        str | None, typer.Option("--timezone", help="Of the charge point, where the file does not say it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it for machines.")] = False,
) -> None:
    """Price a CDR by its tariff, and show the working. Ends with 1 if it has no price."""
    from deploy.commands.price import run

    run(cdr, tariff, version, time_zone, as_json=json)


@app.command("check-cdr")
def check_cdr(
    *,
    cdr: Annotated[Path, typer.Option(help="One whole CDR as JSON; - for standard input.")],
    session: Annotated[Path | None, typer.Option(help="Its session as JSON.")] = None,
    tariff: Annotated[Path | None, typer.Option(help="The tariff that was published for it, as JSON.")] = None,
    version: Annotated[str | None, typer.Option("--ocpi", help="Version of the files; seen by itself.")] = None,
    time_zone: Annotated[
        str | None, typer.Option("--timezone", help="Of the charge point, where the file does not say it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it for machines.")] = False,
) -> None:
    """Check a partner's CDR as the platform does. Ends with 1 if a person would have to decide."""
    from deploy.commands.check_cdr import run

    run(cdr, session, tariff, version, time_zone, as_json=json)


@app.command("verify-meter")
def verify_meter(
    file: Annotated[Path, typer.Argument(help="A record, OCPI signed_data, a CDR, or transparency XML; - for stdin.")],
    *,
    public_key: Annotated[
        str | None, typer.Option(help="Of the meter: hexadecimal, Base64, or a file. Without it: the one in the data.")
    ] = None,
    xml: Annotated[Path | None, typer.Option(help="Write the XML for the public transparency software here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it for machines.")] = False,
) -> None:
    """Verify signed meter data: do the signatures hold, and may the energy be billed? Ends with 1 if not both."""
    from deploy.commands.verify_meter import run

    run(file, public_key, xml, as_json=json)


@app.command("lint-tariff")
def lint_tariff(
    file: Annotated[Path, typer.Argument(help="One tariff as JSON, or a list; - for standard input.")],
    *,
    power: Annotated[str | None, typer.Option(help="Of the connector, in kW: 22, 150.")] = None,
    version: Annotated[str | None, typer.Option("--ocpi", help="Version of the file; seen by itself.")] = None,
    time_zone: Annotated[str | None, typer.Option("--timezone", help="Of the charge point.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it for machines.")] = False,
) -> None:
    """Say what a tariff will do, what in it is unclear, and what is impossible or unlawful: then it ends with 1."""
    from deploy.commands.lint_tariff import run

    run(file, power, version, time_zone, as_json=json)


@app.command()
def lock() -> None:
    """Pin the newest versions of everything that is installed, in pyproject.toml."""
    from deploy.commands.lock import run

    run()


@retention.command("show")
def retention_show(*, folder: Folder = UP_FOLDER) -> None:
    """Show the classes, how long each is kept and why, and what is due."""
    from deploy.commands.retention import show

    show(folder)


@retention.command("sweep")
def retention_sweep(
    *,
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """Let go of what is due now. The worker does it once a day."""
    from deploy.commands.retention import sweep

    sweep(folder, dry_run=dry_run)


@retention.command("forget")
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


@keys.command("create")
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


@keys.command("list")
def list_keys(*, folder: Folder = UP_FOLDER) -> None:
    """Show all keys, without their secrets."""
    from deploy.commands.keys import list_all as run

    run(folder)


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `roam keys list` shows it.")],
    *,
    folder: Folder = UP_FOLDER,
) -> None:
    """End a key at once and for good."""
    from deploy.commands.keys import revoke as run

    run(folder, key_id)


@evidence.command("verify")
def verify_evidence(
    bundle: Annotated[Path | None, typer.Argument(help="An exported bundle; without it, the database.")] = None,
    *,
    public_key: Annotated[
        list[str] | None, typer.Option(help="The key that counts: a file, hexadecimal, or name+id+key.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that was kept elsewhere: it has to fit.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it for machines.")] = False,
    folder: Folder = UP_FOLDER,
) -> None:
    """Find what was changed, removed, reordered or slipped in. Ends with 1 if anything was, and with 2 if it cannot."""
    from deploy.commands.evidence import verify as run

    run(folder, bundle, public_key or [], checkpoint or [], as_json=json)


@evidence.command("export")
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


@evidence.command("show")
def show_evidence(bundle: Annotated[Path, typer.Argument(help="An exported bundle.")]) -> None:
    """Print the records of a bundle in clear, as far as it has the keys. It is not verified by that."""
    from deploy.commands.evidence import show as run

    run(bundle)


@evidence.command("checkpoint")
def print_checkpoint(*, folder: Folder = UP_FOLDER) -> None:
    """Bring the log up to date and print its newest signed checkpoint, to be kept or published elsewhere."""
    from deploy.commands.evidence import checkpoint as run

    run(folder)


@evidence.command("key")
def print_evidence_key(*, folder: Folder = UP_FOLDER) -> None:
    """Print the public key by which checkpoints and bundles are checked."""
    from deploy.commands.evidence import show_key as run

    run(folder)


def main() -> None:
    """Entry point of the console script."""
    app()


@bench.command("edge")
def bench_edge(
    *,
    quick: Annotated[bool, typer.Option(help="A few seconds, only to see that it runs.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print it for machines.")] = False,
    only: Annotated[str | None, typer.Option(help="Only what has this in its name.")] = None,
) -> None:
    """Measure the partners' edge: pages, single objects, writes and real-time authorisation."""
    from deploy.commands.bench import edge

    edge(quick=quick, json=json, only=only)


@bench.command("pricing")
def bench_pricing(
    *,
    quick: Annotated[bool, typer.Option(help="A second or two, only to see that it runs.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print it for machines.")] = False,
) -> None:
    """Measure the pricing engine on one core: CDRs a second, beside json.loads of the same CDRs, and memory."""
    from deploy.commands.bench import pricing

    pricing(quick=quick, json=json)


@bench.callback()
def _bench() -> None:
    """Measure, beside a ceiling of the same kind."""
