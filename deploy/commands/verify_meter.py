"""`roam verify-meter`: signed meter data judged without a platform, and put into the XML that drivers can check."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape

from deploy.commands.given_file import content_of, refuse
from deploy.commands.signed_file import read_signed
from settlement.calibration import MeterVerdict, is_key, verify_alone
from settlement.calibration.transparency import container

_NOT_BILLABLE: Final = 1


def run(file: Path, public_key: str | None, xml: Path | None, *, as_json: bool) -> None:
    """Prints both verdicts. Ends with 1 unless the energy is proved and may be billed, with 2 for unusable input."""
    given = read_signed(file)
    key = _key(public_key) if public_key is not None else None
    verdict = verify_alone(given.signed, key, given.billed)
    if xml is not None:
        _write(xml, container(given.signed, key))
    if as_json:
        typer.echo(json.dumps(_document(verdict), indent=2, ensure_ascii=False))
    else:
        _show(verdict)
    raise typer.Exit(0 if verdict.billable else _NOT_BILLABLE)


def _key(text: str) -> str:
    """The key itself, or what is in the file of that name: text, or octets, which become hexadecimal."""
    if text != "-" and not _exists(text):
        if not is_key(text):
            refuse(f"{text[:80]} is neither a public key nor a file with one")
        return text
    content = content_of(Path(text))
    try:
        key = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.hex()
    if not is_key(key):
        refuse(f"{text[:80]} holds no public key")
    return key


def _exists(name: str) -> bool:
    """Asked first: many a path is Base64 by its letters."""
    try:
        return bool(name) and Path(name).exists()
    except (OSError, ValueError):
        return False


def _write(xml: Path, document: bytes) -> None:
    try:
        xml.write_bytes(document)
    except OSError as wrong:
        refuse(f"{xml} cannot be written: {wrong.strerror}")


def _document(verdict: MeterVerdict) -> dict[str, object]:
    return {
        "signature": verdict.signature,
        "signature_reason": verdict.reason,
        "billable": verdict.billable,
        "findings": list(dict.fromkeys(finding.code for finding in verdict.findings)),
        "energy_kwh": None if verdict.energy_kwh is None else f"{verdict.energy_kwh:f}",
        "meter": verdict.meter,
        "begin": _reading(verdict.begin_kwh, verdict.begin_at),
        "end": _reading(verdict.end_kwh, verdict.end_at),
        "details": [
            {"code": finding.code, "message": finding.message, "blocks": finding.blocks} for finding in verdict.findings
        ],
    }


def _reading(kwh: Decimal | None, at: datetime | None) -> dict[str, str | None] | None:
    return None if kwh is None else {"kwh": f"{kwh:f}", "at": f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None}


def _show(verdict: MeterVerdict) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(escape(f"signature: {verdict.signature} ({verdict.reason})"))
    console.print(f"billable:  {'yes' if verdict.billable else 'no'}")
    begin, end = _reading(verdict.begin_kwh, verdict.begin_at), _reading(verdict.end_kwh, verdict.end_at)
    if verdict.energy_kwh is not None:
        console.print(f"energy:    {verdict.energy_kwh:f} kWh")
    for name, reading in (("begin", begin), ("end", end)):
        if reading:
            at = f" at {reading['at']}" if reading["at"] else ""
            console.print(f"{name + ':':<10} {reading['kwh']} kWh{at}")
    if verdict.meter:
        console.print(escape(f"meter:     {verdict.meter}"))
    for finding in verdict.findings:
        console.print(escape(f"{'!' if finding.blocks else ' '} {finding.code}: {finding.message}"))
