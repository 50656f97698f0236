"""The annex for spreadsheets: one row a CDR, amounts by component (UTF-8, comma, CRLF: RFC 4180)."""

import csv
import io

from canonical.cdr import CostComponent
from canonical.settlement import Invoice, StatementItem

_HEADER = (
    "invoice",
    "cdr",
    "session_id",
    "start_utc",
    "end_utc",
    "energy_kwh",
    *(f"{component.value.lower()}_net" for component in CostComponent),
    "net",
    "vat_percent",
    "vat",
    "gross",
    "currency",
    "cdr_sha256",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write(invoice: Invoice) -> bytes:
    """The items that the invoice is over, in its order."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(_HEADER)
    rows.writerows(_row(invoice, item) for item in invoice.items)
    return text.getvalue().encode()


def _row(invoice: Invoice, item: StatementItem) -> list[str]:
    amounts = {amount.component: amount.net for amount in item.components}
    return [
        _text(invoice.number),
        _text(item.cdr.key),
        _text(item.session_id or ""),
        item.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        item.end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        f"{item.energy_kwh:f}",
        *(f"{amounts[c]:f}" if c in amounts else "" for c in CostComponent),
        f"{item.net:f}",
        "" if item.vat_percent is None else f"{item.vat_percent:f}",
        f"{item.vat:f}",
        f"{item.gross:f}",
        invoice.currency,
        item.cdr_sha256,
    ]


def _text(value: str) -> str:
    """Identifiers come from outside, and a spreadsheet runs what looks like a formula."""
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
