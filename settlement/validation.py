"""Checking a received CDR: does it agree with itself, with its tariff, with ours, and with the session we
saw?

Nothing is dropped: a CDR that may not be paid on its own strength is quarantined, with findings by code.
"""

from collections.abc import Iterator
from decimal import Decimal

from canonical.cdr import Cdr, CostComponent, CostLine
from canonical.model import CanonicalModel, Finding, fold
from canonical.money import Price
from canonical.session import Session, SessionStatus, VolumeDimension
from canonical.tariff import Tariff
from canonical.token import same_token
from settlement.pricing.breakdown import Breakdown, Unpriceable
from settlement.pricing.policy import PricingPolicy
from settlement.repricing import reprice

MONEY_TOLERANCE = Decimal("0.01")
ENERGY_TOLERANCE_KWH = Decimal("0.001")
_ZERO = Decimal(0)


class Validation(CanonicalModel):
    """`lines` are our own pricing of the CDR; empty when it could not be priced."""

    findings: tuple[Finding, ...]
    lines: tuple[CostLine, ...]
    quarantine: bool


def validate(
    cdr: Cdr,
    *,
    session: Session | None,
    tariff_held: Tariff | None,
    time_zone: str,
    policy: PricingPolicy,
    tolerance: Decimal = MONEY_TOLERANCE,
) -> Validation:
    """Reprice `cdr` by the tariff that we hold, or else by the one that came with it, and compare by
    component.
    """
    findings = [*_inner_contradictions(cdr, tolerance), *_against_session(cdr, session)]
    embedded = _embedded(cdr)
    tariff = tariff_held or embedded
    lines: tuple[CostLine, ...] = ()
    if tariff is None:
        findings.append(_blocking("cdr.tariff_unknown", "neither the CDR nor the store has the tariff", "tariffs"))
    else:
        findings += _tariff_findings(cdr, tariff_held, embedded)
        try:
            breakdown = reprice(cdr, tariff, time_zone, policy)
        except Unpriceable as error:
            findings.append(_blocking("cdr.unpriceable", str(error)))
            findings += error.findings
        else:
            lines = breakdown.lines
            findings += [*breakdown.notes, *_cost_differences(cdr, breakdown, tolerance)]
            findings += _priced_otherwise(cdr, breakdown, tariff_held, embedded, time_zone, policy, tolerance)
    quarantine = any(finding.blocks for finding in findings)
    return Validation(findings=tuple(findings), lines=lines, quarantine=quarantine)


def stated_costs(cdr: Cdr) -> dict[CostComponent, Price | None]:
    """The costs of a CDR by component, as it states them; None where it is silent."""
    return {
        CostComponent.ENERGY: cdr.total_energy_cost,
        CostComponent.TIME: cdr.total_time_cost,
        CostComponent.PARKING: cdr.total_parking_cost,
        CostComponent.RESERVATION: cdr.total_reservation_cost,
        CostComponent.FLAT: cdr.total_fixed_cost,
    }


def component_code(component: CostComponent) -> str:
    """`cdr.parking_cost_differs` and its like; flat fees go by OCPI's word, fixed."""
    name = "fixed" if component is CostComponent.FLAT else component.value.lower()
    return f"cdr.{name}_cost_differs"


COMPONENT_CODES = frozenset(component_code(component) for component in CostComponent)
"""The findings that name one component of the price."""


def _embedded(cdr: Cdr) -> Tariff | None:
    used = {fold(p.tariff_id) for p in cdr.charging_periods if p.tariff_id}
    fitting = [tariff for tariff in cdr.tariffs if fold(tariff.id) in used]
    return next(iter(fitting or cdr.tariffs), None)


def _inner_contradictions(cdr: Cdr, tolerance: Decimal) -> Iterator[Finding]:
    starts = [period.start for period in cdr.charging_periods]
    moments = [cdr.start, *starts, cdr.end]
    if moments != sorted(moments):
        yield _blocking("cdr.times_out_of_order", "start, charging periods and end are not in order of time")
    stated = [
        period.volume(VolumeDimension.ENERGY) or period.volume(VolumeDimension.ENERGY_IMPORT)
        for period in cdr.charging_periods
    ]
    energy = sum((kwh for kwh in stated if kwh is not None), _ZERO)
    if abs(energy - cdr.total_energy_kwh) > ENERGY_TOLERANCE_KWH:
        yield _difference(
            "cdr.energy_not_sum",
            "the charging periods do not sum to the total energy",
            "total_energy_kwh",
            energy,
            cdr.total_energy_kwh,
        )
    yield from _sum_of_parts(cdr, tolerance)
    prices = [cdr.total_cost, *(p for p in stated_costs(cdr).values() if p)]
    currencies = {p.currency for p in prices} | {t.currency for t in cdr.tariffs}
    if currencies - {cdr.currency}:
        yield _blocking(
            "cdr.currency_differs",
            f"{', '.join(sorted(currencies - {cdr.currency}))} beside {cdr.currency}",
            "currency",
        )
    if cdr.total_cost.after_tax is None:
        yield Finding(code="cdr.vat_unknown", message="the CDR does not state its VAT", where="total_cost")


def _sum_of_parts(cdr: Cdr, tolerance: Decimal) -> Iterator[Finding]:
    parts = [p.before_tax for p in stated_costs(cdr).values() if p]
    total = abs(cdr.total_cost.before_tax) if cdr.credit else cdr.total_cost.before_tax
    # A lowest or highest price explains a difference, and then repricing has the last word.
    limited = any(t.min_price or t.max_price for t in cdr.tariffs)
    if parts and not limited and abs(sum(parts, _ZERO) - total) > tolerance:
        yield _difference(
            "cdr.total_not_sum",
            "the costs by component do not sum to the total",
            "total_cost",
            sum(parts, _ZERO),
            total,
        )


def _against_session(cdr: Cdr, session: Session | None) -> Iterator[Finding]:
    if session is None:
        if cdr.session_id is not None:
            yield Finding(code="cdr.session_unknown", message="no session of that id was seen", where="session_id")
        return
    if not same_token(session.token, cdr.token):
        yield _blocking("cdr.token_differs", "the session was authorised with another token", "token.uid")
    settled = session.status is SessionStatus.COMPLETED
    if settled and abs(session.energy_kwh - cdr.total_energy_kwh) > ENERGY_TOLERANCE_KWH:
        yield _difference(
            "cdr.energy_differs",
            "the completed session had another energy",
            "total_energy_kwh",
            session.energy_kwh,
            cdr.total_energy_kwh,
        )


def _tariff_findings(cdr: Cdr, held: Tariff | None, embedded: Tariff | None) -> Iterator[Finding]:
    if held and held.currency != cdr.currency:
        yield _difference(
            "cdr.currency_differs",
            "the tariff is in another currency",
            "currency",
            held.currency,
            cdr.currency,
        )
    if held and embedded and _prices_of(held) != _prices_of(embedded):
        yield Finding(
            code="cdr.tariff_differs",
            message="the tariff in the CDR is not the one that was published for this session",
            where="tariffs",
            expected=held.version().sha256,
            stated=embedded.version().sha256,
        )


def _prices_of(tariff: Tariff) -> tuple[object, ...]:
    return (tariff.currency, tariff.tax_included, tariff.min_price, tariff.max_price, tariff.elements)


def _cost_differences(cdr: Cdr, breakdown: Breakdown, tolerance: Decimal) -> Iterator[Finding]:
    for component, stated in stated_costs(cdr).items():
        expected = breakdown.component(component)
        if stated:
            ours = expected.before_tax if expected else _ZERO
            yield from _money(component_code(component), component.value.lower(), ours, stated.before_tax, tolerance)
    sign = -1 if cdr.credit else 1
    total = sign * breakdown.net
    yield from _money("cdr.total_cost_differs", "total", total, cdr.total_cost.before_tax, tolerance)
    if not cdr.total_cost.before_tax and total:
        yield _difference(
            "cdr.zero_total_not_free",
            "the CDR asks for nothing, and by its tariff it was not free",
            "total_cost",
            total,
            cdr.total_cost.before_tax,
        )
    if breakdown.gross is not None and cdr.total_cost.after_tax is not None:
        gross = sign * breakdown.gross
        yield from _money("cdr.gross_cost_differs", "total after tax", gross, cdr.total_cost.after_tax, tolerance)


def _priced_otherwise(
    cdr: Cdr,
    ours: Breakdown,
    held: Tariff | None,
    embedded: Tariff | None,
    time_zone: str,
    policy: PricingPolicy,
    tolerance: Decimal,
) -> Iterator[Finding]:
    """Names the cause when a CDR is right by the tariff that came with it, and wrong by the one we hold."""
    stated = abs(cdr.total_cost.before_tax)
    if not held or not embedded or abs(ours.net - stated) <= tolerance:
        return
    try:
        theirs = reprice(cdr, embedded, time_zone, policy)
    except Unpriceable:
        return
    if abs(theirs.net - stated) <= tolerance:
        yield _blocking(
            "cdr.priced_by_other_tariff",
            "the amounts follow from the tariff in the CDR, which is not the one that was published",
            "tariffs",
        )


def _money(code: str, what: str, expected: Decimal, stated: Decimal, tolerance: Decimal) -> Iterator[Finding]:
    if abs(expected - stated) > tolerance:
        yield _difference(code, f"repriced, the {what} cost is another", None, expected, stated)


def _difference(code: str, message: str, where: str | None, expected: Decimal | str, stated: Decimal | str) -> Finding:
    return Finding(
        code=code,
        message=message,
        where=where,
        expected=str(expected),
        stated=str(stated),
        blocks=True,
    )


def _blocking(code: str, message: str, where: str | None = None) -> Finding:
    return Finding(code=code, message=message, where=where, blocks=True)
