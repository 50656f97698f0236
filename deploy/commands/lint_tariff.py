"""`roam lint-tariff`: what a tariff will do, and what speaks against it, before anybody is charged by it."""

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape

from adapters.priced_document import Tariffs, read_tariffs
from canonical.model import Finding
from deploy.commands.given_document import read_from, told_together, version_named, zone_named
from deploy.commands.given_file import refuse
from settlement.tariff_lint import Kind, Lint, Remark, lint

_BLOCKED: Final = 1
_WIDE: Final = 200
_MOST_POWER_KW: Final = 100_000
_HEADINGS: Final = {
    Kind.CONTRADICTION: "It contradicts itself",
    Kind.AFIR: "AFIR, article 5(4)",
    Kind.AMBIGUOUS: "It can be read in more than one way",
}


def run(file: Path, power: str | None, version: str | None, time_zone: str | None, *, as_json: bool) -> None:
    """Prints what there is to say. Ends with 1 for a contradiction or an unlawful price, with 2 for no tariff."""
    version, zone, power_kw = version_named(version), zone_named(time_zone), _kilowatts(power)
    read = read_from(file, lambda body: read_tariffs(body, version, to_price=False))
    found = [lint(tariff, power_kw=power_kw, time_zone=zone) for tariff in read.tariffs]
    if as_json:
        typer.echo(json.dumps(_document(read, found), indent=2, ensure_ascii=False))
    else:
        _show(read, found)
    raise typer.Exit(_BLOCKED if any(each.blocks for each in found) else 0)


def _document(read: Tariffs, found: list[Lint]) -> dict[str, object]:
    """One tariff is one object; several are told apart in `tariffs`."""
    each: list[dict[str, object]] = [
        {
            "tariff": tariff.id,
            "sentences": list(said.sentences),
            "findings": [
                *(_input(finding) for finding in (*read.of_file, *of_tariff)),
                *(remark.model_dump(mode="json") for remark in said.remarks),
            ],
        }
        for tariff, of_tariff, said in zip(read.tariffs, read.of_each, found, strict=True)
    ]
    return each[0] if len(each) == 1 else {"tariffs": each}


def _input(finding: Finding) -> dict[str, object]:
    return {"code": finding.code, "kind": "INPUT", "message": finding.message, "where": finding.where, "blocks": False}


def _show(read: Tariffs, found: list[Lint]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    for said in found:
        for sentence in said.sentences:
            console.print(escape(sentence), soft_wrap=True)
        for kind, heading in _HEADINGS.items():
            remarks = [remark for remark in said.remarks if remark.kind is kind]
            if remarks:
                console.print(f"\n{heading}:")
            for remark in remarks:
                console.print(escape(_line(remark)), soft_wrap=True)
        if not said.remarks:
            console.print("\nNothing speaks against it.")
    for line in told_together(read.findings):
        console.print(escape(line), soft_wrap=True)


def _line(remark: Remark) -> str:
    where = f" ({remark.where})" if remark.where else ""
    return f"  {remark.code}{where}: {remark.message}"


def _kilowatts(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        power = Decimal(text)
    except InvalidOperation:
        refuse(f"{text} is no power: write it in kW, as 22 or 150")
    if not power.is_finite() or not 0 < power <= _MOST_POWER_KW:
        refuse(f"{text} kW is no power of a connector")
    return power
