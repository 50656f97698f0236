"""Which price applies: for each dimension the first element that has it and whose restrictions hold."""

from dataclasses import dataclass

from canonical.tariff import (
    PriceComponent,
    ReservationRestriction,
    Tariff,
    TariffDimension,
    TariffRestrictions,
)
from settlement.pricing.policy import SelectionReading
from settlement.pricing.restrictions import Situation, applies


@dataclass(frozen=True)
class Selected:
    """A price component by its place in the tariff (both numbers from 0)."""

    element: int
    component: int
    price: PriceComponent


def select(
    tariff: Tariff,
    dimension: TariffDimension,
    situation: Situation,
    reservation: ReservationRestriction | None = None,
    *,
    reading: SelectionReading = SelectionReading.PER_DIMENSION,
) -> Selected | None:
    """The price of `dimension` in this situation; None when the tariff asks nothing for it.

    Elements with a reservation restriction never price the use of the charge point, and those without one
    never price its reservation (OCPI 2.2.1 tariffs, ReservationRestrictionType).
    """
    for number, element in enumerate(tariff.elements):
        if _reservation(element.restrictions) is not reservation:
            continue
        for place, component in enumerate(element.price_components):
            if component.dimension is dimension and applies(element.restrictions, situation):
                return Selected(number, place, component)
        if reading is SelectionReading.WHOLE_ELEMENT and applies(element.restrictions, situation):
            return None
    return None


def applying(tariff: Tariff, situation: Situation, *, reserved: bool) -> tuple[int, ...]:
    """The numbers of all elements that apply: as long as they stay the same, so does every price."""
    return tuple(
        number
        for number, element in enumerate(tariff.elements)
        if (_reservation(element.restrictions) is not None) is reserved and applies(element.restrictions, situation)
    )


def _reservation(restrictions: TariffRestrictions | None) -> ReservationRestriction | None:
    return restrictions.reservation if restrictions else None
