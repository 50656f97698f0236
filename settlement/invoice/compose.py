"""From a statement, less what is disputed, to an invoice: lines by component and VAT rate, VAT once per
rate.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from canonical.cdr import CdrDossier, CostComponent, CostLine
from canonical.model import Finding
from canonical.settlement import (
    Invoice,
    InvoiceLine,
    ItemOutcome,
    ReconciledItem,
    Statement,
    StatementItem,
)
from settlement.currency import minor_digits
from settlement.validation import sign_of
from settlement.vat import RULES, VatTreatment, groups

_ZERO = Decimal(0)
_UNITS = {
    CostComponent.ENERGY: "kWh",
    CostComponent.TIME: "h",
    CostComponent.PARKING: "h",
    CostComponent.IDLE: "h",
}
_ONCE = "1"


class Uninvoiceable(Exception):
    """An invoice over these items would be wrong. The findings say why, by CDR."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{f.where}: {f.message}" for f in findings))
        self.findings = tuple(findings)


def compose(
    statement: Statement,
    *,
    left_out: Sequence[ReconciledItem],
    number: str,
    issued_at: datetime,
    issuer_name: str,
    recipient_name: str,
    treatment: VatTreatment,
    dossiers: Sequence[CdrDossier],
    vat_note: str | None = None,
) -> Invoice:
    """The invoice over every item that is not left out. `dossiers` are the issuer's own, for the lines by
    rate.

    Items that are left out and are not on the statement (NOT_CLAIMED) take nothing away. Raises
    Uninvoiceable when an item has no dossier, does not agree with it, or has no known VAT where VAT has to
    be charged.
    """
    excluded = {item.cdr.key for item in left_out if item.outcome is not ItemOutcome.NOT_CLAIMED}
    items = tuple(item for item in statement.items if item.cdr.key not in excluded)
    held = {dossier.cdr.object_id.key: dossier for dossier in dossiers}
    problems = [problem for item in items for problem in _problems(item, held.get(item.cdr.key), treatment)]
    if problems:
        raise Uninvoiceable(problems)
    lines = _lines([held[item.cdr.key] for item in items], treatment)
    vat_groups = groups(lines, treatment, decimals=minor_digits(statement.currency))
    net = sum((item.net for item in items), _ZERO)
    vat = sum((group.vat for group in vat_groups), _ZERO)
    return Invoice(
        number=number,
        statement_id=statement.id,
        issuer=statement.issuer,
        issuer_name=issuer_name,
        recipient=statement.recipient,
        recipient_name=recipient_name,
        month=statement.month,
        currency=statement.currency,
        issued_at=issued_at,
        lines=lines,
        vat_groups=vat_groups,
        net=net,
        vat=vat,
        gross=net + vat,
        items=items,
        left_out=tuple(left_out),
        vat_note=vat_note or RULES[treatment].note,
    )


def _problems(item: StatementItem, dossier: CdrDossier | None, treatment: VatTreatment) -> Iterator[Finding]:
    where = item.cdr.key
    if dossier is None:
        yield Finding(code="invoice.dossier_missing", message="the CDR is not held", where=where, blocks=True)
        return
    net = sum((line.net for line in dossier.lines), _ZERO) * sign_of(dossier.cdr)
    if net != item.net:
        yield Finding(
            code="invoice.item_differs",
            message="the statement and the priced lines of the CDR have other amounts",
            where=where,
            expected=f"{net:f}",
            stated=f"{item.net:f}",
            blocks=True,
        )
    if RULES[treatment].charges and any(line.tax_percent is None and line.net for line in dossier.lines):
        yield Finding(
            code="invoice.vat_unknown",
            message="the VAT rate of the CDR is not known",
            where=where,
            blocks=True,
        )


def _lines(dossiers: Sequence[CdrDossier], treatment: VatTreatment) -> tuple[InvoiceLine, ...]:
    charges = RULES[treatment].charges
    sums: dict[tuple[CostComponent, Decimal], tuple[Decimal, Decimal]] = {}
    for dossier in dossiers:
        sign = sign_of(dossier.cdr)
        for line in dossier.lines:
            key = (line.component, (line.tax_percent or _ZERO) if charges else _ZERO)
            quantity, net = sums.get(key, (_ZERO, _ZERO))
            sums[key] = (quantity + sign * _quantity(line), net + sign * line.net)
    order = list(CostComponent)
    return tuple(
        InvoiceLine(
            component=component,
            vat_percent=percent,
            quantity=quantity,
            unit=_UNITS.get(component, _ONCE),
            net=net,
        )
        for (component, percent), (quantity, net) in sorted(
            sums.items(), key=lambda entry: (order.index(entry[0][0]), entry[0][1])
        )
    )


def _quantity(line: CostLine) -> Decimal:
    """What can be summed over CDRs: kWh and hours, and of the rest the number of times it was billed."""
    return line.quantity if line.component in _UNITS else Decimal(1)
