"""What is said of files: no platform is needed for it."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.options import AsJson, TimeZone, Version

app = typer.Typer()


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
    version: Version = None,
    time_zone: TimeZone = None,
    json: AsJson = False,
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
    version: Version = None,
    time_zone: TimeZone = None,
    json: AsJson = False,
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
    json: AsJson = False,
) -> None:
    """Verify signed meter data: do the signatures hold, and may the energy be billed? Ends with 1 if not both."""
    from deploy.commands.verify_meter import run

    run(file, public_key, xml, as_json=json)


@app.command("lint-tariff")
def lint_tariff(
    file: Annotated[Path, typer.Argument(help="One tariff as JSON, or a list; - for standard input.")],
    *,
    power: Annotated[str | None, typer.Option(help="Of the connector, in kW: 22, 150.")] = None,
    version: Version = None,
    time_zone: Annotated[str | None, typer.Option("--timezone", help="Of the charge point.")] = None,
    json: AsJson = False,
) -> None:
    """Say what a tariff will do, what in it is unclear, and what is impossible or unlawful: then it ends with 1."""
    from deploy.commands.lint_tariff import run

    run(file, power, version, time_zone, as_json=json)
