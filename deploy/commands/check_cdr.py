"""`roam check-cdr`: a partner's CDR checked as the platform checks it, without a platform."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape

from adapters.contract import InvalidWire
from adapters.priced_document import read_as_sent, read_cdr, read_tariffs
from canonical.cdr import Cdr
from canonical.model import Finding
from canonical.session import Session
from canonical.tariff import Tariff
from deploy.commands.given_document import read_from, refuse_unread, told, version_named, zone_named
from deploy.commands.given_file import content_of
from deploy.commands.price import Pricing, described, document, priced, show, usable_zone
from settlement.agreement import STANDARD
from settlement.validation import Circumstances, Outcome, validate

_HELD_UP: Final = 1
_REFUSED: Final = "REFUSED"
"""A partner's adapter could not read it: the partner is told so, and nothing is stored but the evidence."""

_NO_SESSION: Final = "cdr.session_unknown"
"""Says nothing where there is no store in which a session could be."""


@dataclass(frozen=True)
class Checked:
    outcome: str
    findings: tuple[Finding, ...]
    repriced: Pricing | None

    @property
    def held_up(self) -> bool:
        return self.outcome in (Outcome.QUARANTINED, _REFUSED)


def run(
    cdr: Path,
    session: Path | None,
    tariff: Path | None,
    version: str | None,
    time_zone: str | None,
    *,
    as_json: bool,
) -> None:
    """Prints outcome and findings. Ends with 1 when a person has to decide, with 2 when a file cannot be used."""
    version, zone = version_named(version), zone_named(time_zone)
    seen = read_from(session, lambda body: read_as_sent(Session, body, version)).value if session else None
    held: tuple[Tariff, ...] = ()
    if tariff:
        held = read_from(tariff, lambda body: read_tariffs(body, version, to_price=False)).tariffs
    checked = _checked(cdr, version, seen, held, zone)
    if as_json:
        typer.echo(json.dumps(_document(checked), indent=2, ensure_ascii=False))
    else:
        _show(checked)
    raise typer.Exit(_HELD_UP if checked.held_up else 0)


def _checked(
    file: Path, version: str | None, session: Session | None, held: Sequence[Tariff], stated_zone: str | None
) -> Checked:
    body = content_of(file)
    try:
        read = read_as_sent(Cdr, body, version)
    except InvalidWire as invalid:
        if invalid.malformed or all(finding.code.startswith("input.") for finding in invalid.findings):
            refuse_unread(file, invalid)
        return _refused(body, version, held, stated_zone, invalid)
    zone, unknown = usable_zone(stated_zone, read.time_zone or _zone_of(session))
    result = validate(
        read.value,
        session=session,
        tariff_held=held or None,
        time_zone=zone,
        agreement=STANDARD,
        circumstances=Circumstances(bare_amounts=read.bare_amounts),
    )
    known = (each for each in result.findings if session or each.code != _NO_SESSION)
    findings = (*read.findings, *unknown, *known)
    blocked = any(finding.blocks for finding in findings)
    outcome = Outcome.QUARANTINED if blocked else Outcome.ACCEPTED_WITH_FINDINGS if findings else Outcome.ACCEPTED
    return Checked(outcome, findings, _repriced(read.value, held, zone))


def _refused(
    body: bytes, version: str | None, held: Sequence[Tariff], stated_zone: str | None, invalid: InvalidWire
) -> Checked:
    """Priced all the same, as far as what is there allows."""
    try:
        part = read_cdr(body, version)
    except InvalidWire:
        return Checked(_REFUSED, invalid.findings, None)
    zone, _ = usable_zone(stated_zone, part.time_zone)
    return Checked(_REFUSED, invalid.findings, _repriced(part.cdr, held, zone))


def _repriced(cdr: Cdr, held: Sequence[Tariff], zone: str) -> Pricing | None:
    tariffs = held or cdr.tariffs
    return priced(cdr, tariffs, zone, STANDARD.pricing) if tariffs else None


def _zone_of(session: Session | None) -> str | None:
    return session.place.time_zone if session and session.place else None


def _document(checked: Checked) -> dict[str, object]:
    return {
        "outcome": checked.outcome,
        "findings": [described(finding) for finding in checked.findings],
        "repriced": document(checked.repriced) if checked.repriced else None,
    }


def _show(checked: Checked) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"outcome: {checked.outcome}")
    for finding in checked.findings:
        console.print(escape(f"{'!' if finding.blocks else ' '} {told(finding)}"))
    if checked.repriced:
        console.print("priced again:")
        show(checked.repriced)
