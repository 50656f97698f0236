"""What is claimed for a month: one item a CDR, with its amounts by component."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from canonical.cdr import Cdr, CdrDossier, CostComponent, CostLine
from canonical.identity import PartyId
from canonical.settlement import ComponentAmount, Statement, StatementItem
from settlement.validation import sign_of, stated_costs

_ZERO = Decimal(0)


def cdr_sha256(cdr: Cdr) -> str:
    """Digest of a CDR's content, the same on both sides.

    It covers what money hangs on. What versions and partners spell differently stays out of it: letter case,
    fractions of a second, trailing zeros, extensions.
    """
    parts = [
        cdr.object_id.key,
        cdr.start.isoformat(timespec="seconds"),
        cdr.end.isoformat(timespec="seconds"),
        cdr.token.contract_id.upper(),
        cdr.currency,
        _plain(cdr.total_energy_kwh),
        _plain(cdr.total_cost.before_tax),
        _plain(cdr.total_cost.after_tax),
        *(f"{c}={_plain(p.before_tax if p else None)}" for c, p in stated_costs(cdr).items()),
        f"credit={bool(cdr.credit)}:{(cdr.credit_reference_id or '').upper()}",
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def month_bounds(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First moment of the month and of the next one, in the zone of the books."""
    year, number = (int(part) for part in month.split("-"))
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return datetime(year, number, 1, tzinfo=zone), datetime(*following, 1, tzinfo=zone)


def month_of(at: datetime, zone: ZoneInfo) -> str:
    """The settlement month of a moment, in the zone of the books."""
    return f"{at.astimezone(zone):%Y-%m}"


def settles_at(cdr: Cdr) -> datetime:
    """The moment by which a CDR belongs to a month: its end, and for a credit the moment at which it was made.

    A credit names the times of its original (OCPI 2.2.1 cdrs, Credit CDRs), whose month may be settled long since.
    """
    return cdr.last_updated if cdr.credit else cdr.end


def statement_id(issuer: PartyId, connection_id: str, month: str) -> str:
    """The one statement of a month between two parties: `BENLN-mobility-2026-03`."""
    return f"{issuer.key.replace('*', '')}-{connection_id}-{month}"


def statement(
    *,
    statement_id: str,
    issuer: PartyId,
    recipient: PartyId,
    month: str,
    currency: str,
    dossiers: Sequence[CdrDossier],
    issued_at: datetime,
) -> Statement:
    """The claim over `dossiers`, in order of time; the order in which they are given does not matter.

    Raises ValueError when one is in another currency: it belongs on a statement of its own.
    """
    foreign = [d.cdr.object_id.key for d in dossiers if d.cdr.currency != currency]
    if foreign:
        raise ValueError(f"not in {currency}: {', '.join(sorted(foreign))}")
    ordered = sorted(dossiers, key=lambda d: (d.cdr.end, d.cdr.object_id.key))
    return Statement(
        id=statement_id,
        issuer=issuer,
        recipient=recipient,
        month=month,
        currency=currency,
        items=tuple(item(dossier) for dossier in ordered),
        issued_at=issued_at,
    )


def item(dossier: CdrDossier) -> StatementItem:
    """One CDR by the amounts that it states; what its tax is, as far as it is known, counts as VAT.

    Of a credit everything is negative, so that items can be summed.
    """
    cdr = dossier.cdr
    net = cdr.total_cost.before_tax
    gross = cdr.total_cost.after_tax
    return StatementItem(
        cdr=cdr.object_id,
        session_id=cdr.session_id,
        start=cdr.start,
        end=cdr.end,
        energy_kwh=sign_of(cdr) * cdr.total_energy_kwh,
        components=component_amounts(dossier),
        net=net,
        vat_percent=_only_rate(dossier.lines),
        vat=_ZERO if gross is None else gross - net,
        gross=net if gross is None else gross,
        cdr_sha256=cdr_sha256(cdr),
    )


def component_amounts(dossier: CdrDossier) -> tuple[ComponentAmount, ...]:
    """Net amounts by component: from the priced lines, or from what the CDR states when it was not priced.

    A credit CDR repeats the positive amounts of its original beside a negative total (OCPI 2.2.1 cdrs, Credit
    CDRs); here they are negative as well, so that items can be summed.
    """
    sign = sign_of(dossier.cdr)
    amounts = lines_by_component(dossier.lines) or {
        component: price.before_tax for component, price in stated_costs(dossier.cdr).items() if price is not None
    }
    return tuple(
        ComponentAmount(component=component, net=sign * amounts[component])
        for component in CostComponent
        if component in amounts
    )


def lines_by_component(lines: Sequence[CostLine]) -> dict[CostComponent, Decimal]:
    sums: dict[CostComponent, Decimal] = {}
    for line in lines:
        sums[line.component] = sums.get(line.component, _ZERO) + line.net
    return sums


def _only_rate(lines: Sequence[CostLine]) -> Decimal | None:
    rates = {line.tax_percent for line in lines}
    return rates.pop() if len(rates) == 1 else None


def _plain(number: Decimal | None) -> str:
    if number is None:
        return "unknown"
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
