"""What several commands are told."""

from pathlib import Path
from typing import Annotated

import typer

UP_FOLDER = Path(".roam/up")

Folder = Annotated[Path, typer.Option(help="Everything of this deployment is kept here.", show_default=True)]
Connection = Annotated[str, typer.Argument(help="Id of the connection with the partner.")]
Month = Annotated[str, typer.Argument(help="The month, as 2026-03.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it for machines.")]
Version = Annotated[str | None, typer.Option("--ocpi", help="Version of what is given; seen by itself.")]
TimeZone = Annotated[
    str | None, typer.Option("--timezone", help="Of the charge point, where the file does not say it.")
]
