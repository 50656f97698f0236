"""`roam price`: what a CDR costs by its tariff, step by step, without a platform."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters.priced_document import read_cdr, read_tariffs
from canonical.cdr import Cdr, CostComponent
from canonical.model import Finding, fold
from canonical.session import is_mere_reservation
from canonical.tariff import ReservationRestriction, Tariff
from deploy.commands.given_document import is_zone, read_from, told_together, version_named, zone_named
from deploy.commands.given_file import called, refuse
from settlement.pricing import DEFAULT_POLICY, Breakdown, NetUnknown, PricingPolicy, Unpriceable, Usage
from settlement.repricing import reprice

_UNPRICEABLE: Final = 1
_WIDE: Final = 200
_DIMENSION: Final[Mapping[CostComponent, str]] = MappingProxyType(
    {
        CostComponent.ENERGY: "ENERGY",
        CostComponent.TIME: "TIME",
        CostComponent.PARKING: "PARKING_TIME",
        CostComponent.IDLE: "PARKING_TIME",
        CostComponent.FLAT: "FLAT",
        CostComponent.RESERVATION: "RESERVATION_TIME",
        CostComponent.DISCOUNT: "DISCOUNT",
        CostComponent.LIMIT: "LIMIT",
    }
)
"""OCPI's words, in the order in which components are shown. It has none for the last two."""
_ONCE: Final = "1"


class Amounts(NamedTuple):
    """None is unknown, which is not 0."""

    before_tax: Decimal | None
    after_tax: Decimal | None


@dataclass(frozen=True)
class Pricing:
    """What came of it: a breakdown; or only what is due with tax; or neither, and the findings say why."""

    currency: str
    breakdown: Breakdown | None
    after_tax: Decimal | None
    policy: PricingPolicy
    findings: tuple[Finding, ...]

    @property
    def known(self) -> bool:
        return self.breakdown is not None or self.after_tax is not None

    @property
    def exact(self) -> Amounts:
        if self.breakdown is None:
            return Amounts(None, self.after_tax)
        return Amounts(self.breakdown.exact.before_tax, self.breakdown.exact.after_tax)

    @property
    def rounded(self) -> Amounts:
        if self.breakdown is not None:
            return Amounts(self.breakdown.net, self.breakdown.gross)
        if self.after_tax is None:
            return Amounts(None, None)
        return Amounts(None, self.policy.round(Fraction(self.after_tax), self.currency))


def run(cdr: Path, tariff: Path | None, version: str | None, time_zone: str | None, *, as_json: bool) -> None:
    """Prints the price. Ends with 1 when there is none, and with 2 when a file cannot be used."""
    version, zone = version_named(version), zone_named(time_zone)
    read = read_from(cdr, lambda body: read_cdr(body, version))
    findings = list(read.findings)
    given: tuple[Tariff, ...] = ()
    if tariff:
        held = read_from(tariff, lambda body: read_tariffs(body, version, like=read.version))
        given, findings = held.tariffs, [*findings, *held.findings]
    record, replaced = with_tariffs(read.cdr, given)
    if not record.tariffs:
        refuse(f"{called(cdr)} has no tariffs: name a file with --tariff")
    zone, unknown = usable_zone(zone, read.time_zone)
    found = (*findings, *replaced, *unknown, *_peculiarities(record))
    pricing = priced(record, record.tariffs, zone, DEFAULT_POLICY, found)
    if as_json:
        typer.echo(json.dumps(document(pricing), indent=2, ensure_ascii=False))
    else:
        show(pricing)
    raise typer.Exit(0 if pricing.known else _UNPRICEABLE)


def priced(
    cdr: Cdr, tariffs: Sequence[Tariff], time_zone: str, policy: PricingPolicy, findings: Sequence[Finding] = ()
) -> Pricing:
    """By the one engine. Never raises Unpriceable: its findings join those given."""
    currency = tariffs[0].currency
    try:
        breakdown = reprice(cdr, tariffs, time_zone, policy)
    except NetUnknown as gross:
        return Pricing(currency, None, gross.after_tax, policy, (*findings, *gross.findings))
    except Unpriceable as refused:
        return Pricing(currency, None, None, policy, (*findings, *refused.findings))
    return Pricing(breakdown.currency, breakdown, None, policy, (*findings, *breakdown.notes))


def with_tariffs(cdr: Cdr, given: Sequence[Tariff]) -> tuple[Cdr, tuple[Finding, ...]]:
    """The CDR with the tariffs given in place of its own, and what that changes.

    Where charging periods name one that is given, its own of other names stay for the other periods. Where they name
    none of those given, these are meant for all of it.
    """
    if not given:
        return cdr, ()
    ids = {fold(tariff.id) for tariff in given}
    named = {fold(period.tariff_id) for period in cdr.charging_periods if period.tariff_id}
    kept = tuple(own for own in cdr.tariffs if fold(own.id) in named - ids) if named & ids else ()
    left_out = [own for own in cdr.tariffs if own not in kept and not any(_same_price(own, each) for each in given)]
    findings = [_finding("input.tariff_replaced", f"tariff {own.id} of the CDR is left out") for own in left_out]
    if kept:
        names = ", ".join(own.id for own in kept)
        findings.append(_finding("input.tariff_completed", f"the periods also name {names}, read from the CDR"))
    periods = cdr.charging_periods
    if not named & ids:
        periods = tuple(period.model_copy(update={"tariff_id": None}) for period in periods)
    return cdr.model_copy(update={"tariffs": (*given, *kept), "charging_periods": periods}), tuple(findings)


def usable_zone(stated: str | None, in_file: str | None) -> tuple[str, tuple[Finding, ...]]:
    """The zone of the option, else of the file; empty where none is known."""
    if stated or not in_file:
        return stated or "", ()
    if is_zone(in_file):
        return in_file, ()
    return "", (_finding("input.time_zone_unreadable", f"{in_file} is no time zone"),)


def document(pricing: Pricing) -> dict[str, object]:
    """For machines: amounts as text, exact in `total` and in the components, and rounded by the policy beside it."""
    breakdown = pricing.breakdown
    return {
        "currency": pricing.currency,
        "total": {"before_tax": plain(pricing.exact.before_tax), "after_tax": plain(pricing.exact.after_tax)},
        "rounded": {"before_tax": _text(pricing.rounded.before_tax), "after_tax": _text(pricing.rounded.after_tax)},
        "components": [_component(each, breakdown) for each in _dimensions(breakdown)] if breakdown else [],
        "findings": [described(finding) for finding in pricing.findings],
    }


def described(finding: Finding) -> dict[str, object]:
    return finding.model_dump(mode="json")


def plain(number: Decimal | None) -> str | None:
    """An exact number without zeros at its end."""
    if number is None:
        return None
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) if number else "0"


def show(pricing: Pricing) -> None:
    """For people: a row for each price that applied, the totals, and everything that is to be known about them."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    if pricing.breakdown is not None:
        console.print(_table(pricing.breakdown))
    if pricing.known:
        amounts = zip(("before tax", "with tax"), pricing.rounded, pricing.exact, strict=True)
        for name, rounded, exact in amounts:
            paid = "unknown" if rounded is None else f"{rounded:f} {pricing.currency} (before rounding {plain(exact)})"
            console.print(f"total {name}: {paid}")
    else:
        console.print("There is no price, which is not a price of 0:")
    console.print(f"policy: {pricing.policy.ref}")
    for line in told_together(pricing.findings):
        console.print(escape(line), soft_wrap=True)


def _table(breakdown: Breakdown) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=f"in {breakdown.currency}", title_justify="left")
    for name in ("what", "measured", "step", "billed", "unit price", "before tax", "tax", "with tax"):
        table.add_column(name, justify="left" if name == "what" else "right")
    table.add_column("why", overflow="fold")
    for usage in breakdown.usages:
        unit = "" if usage.unit == _ONCE else f" {usage.unit}"
        table.add_row(
            usage.component.value,
            f"{plain(usage.measured)}{unit}",
            f"+{plain(usage.step_added)}{unit}" if usage.step_added else "",
            f"{plain(usage.billed)}{unit}",
            plain(usage.unit_price),
            plain(usage.before_tax),
            "unknown" if usage.after_tax is None else f"{plain(usage.tax_percent) or 0} %",
            plain(usage.after_tax) or "",
            escape(usage.why),
        )
    return table


def _dimensions(breakdown: Breakdown) -> list[str]:
    used = {_DIMENSION[usage.component] for usage in breakdown.usages}
    return [dimension for dimension in dict.fromkeys(_DIMENSION.values()) if dimension in used]


def _component(dimension: str, breakdown: Breakdown) -> dict[str, object]:
    """One row for a dimension. What is counted once in it, such as a fee for a reservation, adds no hours."""
    usages = [usage for usage in breakdown.usages if _DIMENSION[usage.component] == dimension]
    lines = [line for line in breakdown.lines if _DIMENSION[line.component] == dimension]
    counted = [usage for usage in usages if usage.unit != _ONCE] or usages[:1]
    rounded = (_sum(line.net for line in lines), _sum_known(line.gross for line in lines))
    return {
        "dimension": dimension,
        "unit": counted[0].unit,
        "measured": plain(_sum(usage.measured for usage in counted)),
        "billed": plain(_sum(usage.billed for usage in counted)),
        "before_tax": plain(_sum(usage.before_tax for usage in usages)),
        "after_tax": plain(_sum_known(usage.after_tax for usage in usages)),
        "rounded": {"before_tax": _text(rounded[0]), "after_tax": _text(rounded[1])},
        "lines": [_line(usage) for usage in usages],
    }


def _line(usage: Usage) -> dict[str, object]:
    return {
        "component": usage.component.value,
        "unit": usage.unit,
        "measured": plain(usage.measured),
        "step_added": plain(usage.step_added),
        "billed": plain(usage.billed),
        "unit_price": plain(usage.unit_price),
        "tariff_id": usage.tariff_id,
        "element": usage.element,
        "price_component": usage.component_index,
        "why": usage.why,
        "tax_percent": plain(usage.tax_percent),
        "before_tax": plain(usage.before_tax),
        "after_tax": plain(usage.after_tax),
    }


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    return sum(numbers, Decimal(0))


def _sum_known(numbers: Iterable[Decimal | None]) -> Decimal | None:
    known = list(numbers)
    return None if None in known else _sum(number for number in known if number is not None)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _same_price(one: Tariff, other: Tariff) -> bool:
    return (one.currency, one.tax_included, one.min_price, one.max_price, one.elements) == (
        other.currency,
        other.tax_included,
        other.min_price,
        other.max_price,
        other.elements,
    )


def _peculiarities(cdr: Cdr) -> Iterator[Finding]:
    others = sorted({tariff.currency for tariff in cdr.tariffs} - {cdr.currency})
    if others:
        message = f"the tariff is in {', '.join(others)}, the CDR in {cdr.currency}: the price is in that of the tariff"
        yield _finding("input.currency_differs", message, "currency")
    if cdr.credit:
        yield _finding("input.credit", "it takes back a session: this is what the session cost", "credit")
    if is_mere_reservation(cdr.charging_periods) and any(_prices_expiry(tariff) for tariff in cdr.tariffs):
        message = "no field says how a reservation ended: expired, unless its total follows from a cancelled one"
        yield _finding("input.reservation_end_unknown", message, "charging_periods")


def _prices_expiry(tariff: Tariff) -> bool:
    expired = ReservationRestriction.RESERVATION_EXPIRES
    return any(each.restrictions and each.restrictions.reservation is expired for each in tariff.elements)


def _finding(code: str, message: str, where: str | None = None) -> Finding:
    return Finding(code=code, message=message, where=where)
