"""What has been used at which price, and how a step size adds to it."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from canonical.cdr import CostComponent
from canonical.tariff import PriceComponent, TariffDimension
from settlement.pricing.policy import StepSizeReading
from settlement.pricing.selection import Selected

_UNITS_PER_STEP_UNIT = {TariffDimension.ENERGY: 1000, TariffDimension.TIME: 3600}
"""step_size counts Wh where prices are per kWh, and seconds where they are per hour."""


@dataclass(frozen=True)
class Item:
    """One price and all that was used at it: kWh, hours, or 1. Exact."""

    component: CostComponent
    selected: Selected
    measured: Fraction
    billed: Fraction

    @property
    def price(self) -> PriceComponent:
        return self.selected.price

    @property
    def amount(self) -> Fraction:
        return Fraction(self.price.price) * self.billed


class Tally:
    """Collects items in the order in which their prices first applied."""

    def __init__(self) -> None:
        self._measured: dict[tuple[CostComponent, Selected], Fraction] = {}
        self._surplus: dict[tuple[CostComponent, Selected], Fraction] = {}
        self._last_priced: dict[CostComponent, Selected] = {}
        self._last_time: CostComponent | None = None

    def add(self, component: CostComponent, selected: Selected, quantity: Fraction) -> None:
        key = (component, selected)
        self._measured[key] = self._measured.get(key, Fraction(0)) + quantity
        if selected.price.price and quantity and selected.price.dimension is not TariffDimension.FLAT:
            self._last_priced[component] = selected
            if component in (CostComponent.TIME, CostComponent.PARKING):
                self._last_time = component

    def once(self, component: CostComponent, selected: Selected) -> None:
        """A flat fee: however often its element begins to apply, it is due once a session."""
        self._measured[(component, selected)] = Fraction(1)

    def round_up_steps(self, reading: StepSizeReading) -> None:
        """Bill begun steps in full: energy, time as the reading says, and the reservation by itself.

        The step is that of the last price that was not zero, and the surplus is billed at that price
        (OCPI 2.2.1 cdrs, "step_size"; 2.3.0 edition 2 tariffs, step_size examples).
        """
        for pool in self._pools(reading):
            component = self._last_time if self._last_time in pool else pool[0]
            last = self._last_priced.get(component)
            if last and last.price.step_size:
                self._surplus[(component, last)] = self._missing(pool, last.price)

    def _pools(self, reading: StepSizeReading) -> tuple[tuple[CostComponent, ...], ...]:
        """What is added up before it is rounded up."""
        if reading is StepSizeReading.IGNORED:
            return ()
        time: tuple[tuple[CostComponent, ...], ...] = ((self._last_time,),) if self._last_time else ()
        if reading is StepSizeReading.PER_DIMENSION:
            time = ((CostComponent.TIME,), (CostComponent.PARKING,))
        if reading is StepSizeReading.COMBINED_TIME:
            time = ((CostComponent.TIME, CostComponent.PARKING),)
        return ((CostComponent.ENERGY,), *time, (CostComponent.RESERVATION,))

    def items(self) -> tuple[Item, ...]:
        return tuple(
            Item(*key, measured, measured + self._surplus.get(key, Fraction(0)))
            for key, measured in self._measured.items()
        )

    def _missing(self, pool: tuple[CostComponent, ...], price: PriceComponent) -> Fraction:
        total = sum(
            (
                quantity
                for (of, selected), quantity in self._measured.items()
                if of in pool and selected.price.price and selected.price.dimension is not TariffDimension.FLAT
            ),
            Fraction(0),
        )
        units = _UNITS_PER_STEP_UNIT.get(price.dimension, 3600)
        step = Fraction(price.step_size, units)
        return ceil(total / step) * step - total
