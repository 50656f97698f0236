"""The parts of a bill: what a CDR states for each, and what each costs by our own pricing."""

from collections.abc import Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from canonical.cdr import Cdr, CostComponent, CostLine
from canonical.money import Price

_ZERO = Decimal(0)


class Amount(NamedTuple):
    """Before and after tax. After tax None: not known."""

    net: Decimal
    gross: Decimal | None


STATED_IN = MappingProxyType(
    {
        CostComponent.ENERGY: "total_energy_cost",
        CostComponent.TIME: "total_time_cost",
        CostComponent.PARKING: "total_parking_cost",
        CostComponent.RESERVATION: "total_reservation_cost",
        CostComponent.FLAT: "total_fixed_cost",
    }
)
"""Where a CDR states a component (OCPI 2.2.1 cdrs). Its parking holds the idle time as well."""

_PRICED_AS = MappingProxyType({CostComponent.PARKING: (CostComponent.PARKING, CostComponent.IDLE)})


def stated_costs(cdr: Cdr) -> dict[CostComponent, Price | None]:
    """The costs of a CDR by component, as it states them; None where it is silent."""
    return {
        CostComponent.ENERGY: cdr.total_energy_cost,
        CostComponent.TIME: cdr.total_time_cost,
        CostComponent.PARKING: cdr.total_parking_cost,
        CostComponent.RESERVATION: cdr.total_reservation_cost,
        CostComponent.FLAT: cdr.total_fixed_cost,
    }


def sign_of(cdr: Cdr) -> int:
    """By which positive amounts and volumes of a CDR count in a sum: a credit takes them back.

    It negates its total, and repeats all else as it was (OCPI 2.2.1 cdrs, Credit CDRs).
    """
    return -1 if cdr.credit else 1


def priced(lines: Sequence[CostLine], component: CostComponent) -> Amount:
    """What a component that a CDR can state costs by our lines; nothing billed is 0."""
    return sum_of(lines, *_PRICED_AS.get(component, (component,)))


def sum_of(lines: Sequence[CostLine], *components: CostComponent) -> Amount:
    """What some components cost together."""
    chosen = [line for line in lines if line.component in components]
    gross = [line.gross for line in chosen if line.gross is not None]
    net = sum((line.net for line in chosen), _ZERO)
    return Amount(net, sum(gross, _ZERO) if len(gross) == len(chosen) else None)


def component_code(component: CostComponent) -> str:
    """`cdr.parking_cost_differs` and its like; flat fees go by OCPI's word, fixed."""
    name = "fixed" if component is CostComponent.FLAT else component.value.lower()
    return f"cdr.{name}_cost_differs"


COMPONENT_CODES = frozenset(component_code(component) for component in CostComponent)
"""The findings that name one component of the price."""
