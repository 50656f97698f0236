"""`roam convert`: one object in the words of another version, and what that costs."""

import sys
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from adapters.conversion import Converted, Known, NotConvertible, convert
from adapters.conversion_report import lines, report
from canonical.identity import PartyId

_REFUSED = 1


@dataclass(frozen=True)
class Stated:
    """What the options say that the document may not."""

    party_cpo: str | None
    party_emsp: str | None
    time_zone: str | None
    location: Path | None


def run(file: Path, from_version: str, to_version: str, kind: str | None, stated: Stated, *, as_json: bool) -> None:
    """Converted object to stdout, losses to stderr; both in one document with `as_json`. Ends with 1 when refused."""
    known = Known(
        cpo=_party(stated.party_cpo),
        emsp=_party(stated.party_emsp),
        time_zone=_time_zone(stated.time_zone),
        site=stated.location.read_bytes() if stated.location else None,
    )
    outcome: Converted | NotConvertible
    try:
        outcome = convert(_document(file), from_version, to_version, kind, known)
    except NotConvertible as refused:
        outcome = refused
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from wrong
    _show(outcome, as_json=as_json)
    if isinstance(outcome, NotConvertible):
        raise typer.Exit(_REFUSED)


def _show(outcome: Converted | NotConvertible, *, as_json: bool) -> None:
    if as_json:
        typer.echo(report(outcome))
        return
    for line in lines(outcome):
        typer.echo(line, err=True)
    if isinstance(outcome, Converted):
        typer.echo(outcome.body)


def _document(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as wrong:
        raise typer.BadParameter(f"{file} cannot be read: {wrong.strerror}") from wrong


def _time_zone(name: str | None) -> str | None:
    try:
        return ZoneInfo(name).key if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as wrong:
        raise typer.BadParameter(f"{name} is no time zone: write Europe/Berlin", param_hint="'--time-zone'") from wrong


def _party(text: str | None) -> PartyId | None:
    try:
        return PartyId.parse(text) if text else None
    except ValueError as wrong:
        raise typer.BadParameter(f"{text} is no party: write DE*ABC") from wrong
