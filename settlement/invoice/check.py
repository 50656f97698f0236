"""Whether an invoice asks for exactly what its recipient agreed to: nothing more, nothing twice, nothing else."""

from collections.abc import Iterator
from decimal import Decimal

from canonical.model import Finding
from canonical.settlement import Invoice, ItemOutcome, ReconciliationReport, Statement

_CENT = Decimal("0.01")
_ZERO = Decimal(0)


def check(invoice: Invoice, statement: Statement, report: ReconciliationReport) -> tuple[Finding, ...]:
    """Every difference between an invoice and the agreement it rests on; empty when it may be booked."""
    return tuple(_differences(invoice, statement, report))


def _differences(invoice: Invoice, statement: Statement, report: ReconciliationReport) -> Iterator[Finding]:
    agreed = {item.cdr.key for item in report.items if item.outcome is ItemOutcome.AGREED}
    expected = {item.cdr.key: item for item in statement.items if item.cdr.key in agreed}
    asked = {item.cdr.key: item for item in invoice.items}
    if len(asked) != len(invoice.items):
        yield _finding("invoice.item_twice", "a CDR stands on the invoice twice", "items")
    for key in sorted(asked.keys() - expected.keys()):
        yield _finding("invoice.item_not_agreed", f"CDR {key} was not agreed to", "items")
    for key in sorted(expected.keys() - asked.keys()):
        yield _finding("invoice.item_missing", f"CDR {key} was agreed to but is not on it", "items")
    for key in sorted(expected.keys() & asked.keys()):
        if expected[key] != asked[key]:
            yield _finding("invoice.item_changed", f"CDR {key} differs from the statement", "items")
    if invoice.currency != statement.currency:
        yield _compared("invoice.currency_differs", "currency", statement.currency, invoice.currency)
    net = sum((item.net for item in expected.values()), _ZERO)
    if invoice.net != net:
        yield _compared("invoice.net_differs", "net", str(net), str(invoice.net))
    vat = sum((group.vat for group in invoice.vat_groups), _ZERO)
    if invoice.vat != vat or invoice.gross != invoice.net + invoice.vat:
        yield _compared("invoice.gross_differs", "gross", str(net + vat), str(invoice.gross))
    for group in invoice.vat_groups:
        if abs(group.base * group.percent / 100 - group.vat) > _CENT / 2:
            yield _finding("invoice.vat_wrong", f"VAT of {group.percent} % on {group.base} is not {group.vat}", "vat")


def _finding(code: str, message: str, where: str) -> Finding:
    return Finding(code=code, message=message, where=where, blocks=True)


def _compared(code: str, where: str, expected: str, stated: str) -> Finding:
    message = f"{where} is not what was agreed"
    return Finding(code=code, message=message, where=where, expected=expected, stated=stated, blocks=True)
