"""What has been used at which price, and how a step size adds to it."""

from collections.abc import Iterator
from typing import NamedTuple

from settlement.pricing.exact import Exact
from settlement.pricing.policy import FlatReading, StepSizeReading
from settlement.pricing.quotes import Pool, Quote

_TIME = (Pool.TIME, Pool.PARKING)


class Item(NamedTuple):
    """One price and all that was used at it, in the smallest units of its quantity: exact."""

    quote: Quote
    measured: Exact
    billed: Exact


class Tally:
    """Collects items in the order in which their prices first applied."""

    def __init__(self, flat_fees: FlatReading) -> None:
        self._measured: dict[Quote, Exact] = {}
        self._surplus: dict[Quote, Exact] = {}
        self._last_priced: list[Quote | None] = [None] * len(Pool)
        self._last_time: Pool | None = None
        self._one_flat_fee = flat_fees is FlatReading.ONCE_PER_SESSION

    def add(self, quote: Quote, quantity: Exact) -> None:
        measured = self._measured
        measured[quote] = measured.get(quote, 0) + quantity
        if quote.stated:
            pool = quote.pool
            self._last_priced[pool] = quote
            if pool is Pool.TIME or pool is Pool.PARKING:
                self._last_time = pool

    def once(self, quote: Quote) -> None:
        """A flat fee: however often its element begins to apply, it is due once a session."""
        if quote not in self._measured and not (self._one_flat_fee and self._has_flat_fee_like(quote)):
            self._measured[quote] = 1

    def has(self, quote: Quote) -> bool:
        return quote in self._measured

    def _has_flat_fee_like(self, quote: Quote) -> bool:
        return any(q.pool is Pool.FLAT and q.component is quote.component for q in self._measured)

    def round_up_steps(self, reading: StepSizeReading) -> None:
        """Bill begun steps in full: energy, time as the reading says, and the reservation by itself.

        The step is that of the last price that was not zero, and the surplus is billed at that price
        (OCPI 2.2.1 cdrs, "step_size"; 2.3.0 edition 2 tariffs, step_size examples).
        """
        for pools in self._pools(reading):
            pool = self._last_time if self._last_time in pools else pools[0]
            last = self._last_priced[pool]
            if last and last.step:
                self._surplus[last] = -self._priced_in(pools) % last.step

    def _pools(self, reading: StepSizeReading) -> tuple[tuple[Pool, ...], ...]:
        """What is added up before it is rounded up."""
        if reading is StepSizeReading.IGNORED:
            return ()
        time: tuple[tuple[Pool, ...], ...] = ((self._last_time,),) if self._last_time else ()
        if reading is StepSizeReading.PER_DIMENSION:
            time = tuple((pool,) for pool in _TIME)
        if reading is StepSizeReading.COMBINED_TIME:
            time = (_TIME,)
        return ((Pool.ENERGY,), *time, (Pool.RESERVATION,))

    def _priced_in(self, pools: tuple[Pool, ...]) -> Exact:
        return sum(quantity for quote, quantity in self._measured.items() if quote.pool in pools and quote.stated)

    def items(self) -> Iterator[Item]:
        for quote, measured in self._measured.items():
            yield Item(quote, measured, measured + self._surplus.get(quote, 0))
