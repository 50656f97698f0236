"""The rows of a CDR that finance queries: its priced lines, each tax on them, and what ties them to the meter."""

from collections.abc import Sequence

from canonical.cdr import CostLine, MeterLink
from canonical.identity import ObjectId


def line_rows(cdr_number: int, lines: Sequence[CostLine]) -> list[dict[str, object]]:
    return [_line(cdr_number, position, line) for position, line in enumerate(lines)]


def tax_rows(cdr_number: int, lines: Sequence[CostLine]) -> list[dict[str, object]]:
    return [
        {
            "cdr_number": cdr_number,
            "line": number,
            "position": position,
            "name": tax.name,
            "account_number": tax.account_number,
            "percent": tax.percentage,
            "amount": tax.amount,
        }
        for number, line in enumerate(lines)
        for position, tax in enumerate(line.taxes)
    ]


def meter_link_rows(cdr_number: int, link: MeterLink | None) -> list[dict[str, object]]:
    if link is None:
        return []
    return [
        {
            "cdr_number": cdr_number,
            "line": line,
            "begin_sha256": link.begin_sha256,
            "end_sha256": link.end_sha256,
            "begin_kwh": link.begin_kwh,
            "end_kwh": link.end_kwh,
            "verdict": link.verdict,
            "verdict_reason": link.verdict_reason,
        }
        for line in link.lines
    ]


def _line(cdr_number: int, position: int, line: CostLine) -> dict[str, object]:
    source = line.source
    return {
        "cdr_number": cdr_number,
        "position": position,
        "component": line.component.value,
        "measured": line.measured,
        "quantity": line.quantity,
        "unit": line.unit,
        "unit_price": line.unit_price,
        "currency": line.currency,
        "net": line.net,
        "tax_name": line.tax_name,
        "tax_percent": line.tax_percent,
        "tax": line.tax,
        "gross": line.gross,
        "tariff_key": None if source is None else ObjectId(owner=source.tariff.owner, id=source.tariff.tariff_id).key,
        "tariff_sha256": None if source is None else source.tariff.sha256,
        "tariff_element": None if source is None else source.element,
        "tariff_component": None if source is None else source.component,
        "note": line.note,
    }
