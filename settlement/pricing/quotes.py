"""A tariff prepared for pricing: its prices ready to be multiplied, and which of them is in force when."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Final, NamedTuple

from canonical.cdr import CostComponent, TariffElementRef
from canonical.tariff import (
    PriceComponent,
    ReservationRestriction,
    Tariff,
    TariffDimension,
    TariffRestrictions,
    TariffVersionRef,
)
from settlement.pricing.breakdown import Unpriceable
from settlement.pricing.exact import HOUR, KWH, SECOND, WH, Exact, ratio, simplest
from settlement.pricing.levies import Levy, levy_on
from settlement.pricing.oddities import oddities
from settlement.pricing.policy import PricingPolicy, SelectionReading
from settlement.pricing.reasons import reason
from settlement.pricing.schedule import Flow, Schedule

_UNRESTRICTED: Final = TariffRestrictions()
_REMEMBERED: Final = 1024
_FINEST: Final = 1 << 256
_NOT_KEPT: Final = "0" * 64


class Pool(IntEnum):
    """What is added up before a step size rounds it up. The first four have one."""

    ENERGY = 0
    TIME = 1
    PARKING = 2
    RESERVATION = 3
    FLAT = 4


@dataclass(frozen=True, eq=False, slots=True)
class Quote:
    """One price of a tariff in its place. Two are the same only if they are one: prices of two elements stay apart.

    `stated`, `net` and `gross` are what one millionth of a kWh, one microsecond, or the flat fee costs, in parts of the
    currency of which `Prepared.parts` make one.
    """

    component: CostComponent
    pool: Pool
    price: PriceComponent
    levy: Levy
    source: TariffElementRef
    tariff: Tariff
    why: str
    units: int
    """Of quantity for which the price is stated: millionths in a kWh, microseconds in an hour, or 1."""
    step: int
    """What is begun is billed in full, in the same units. 0: as it was measured."""
    stated: Exact
    net: Exact | None
    gross: Exact | None

    @property
    def unit(self) -> str:
        return {KWH: "kWh", HOUR: "h"}.get(self.units, "1")


class InForce(NamedTuple):
    """The prices that hold at a moment; None: nothing is asked. `fee` is due once a reservation has expired."""

    flat: Quote | None
    energy: Quote | None
    time: Quote | None
    parking: Quote | None
    idle: Quote | None
    fee: Quote | None = None


@dataclass(frozen=True, eq=False)
class PriceList:
    """The prices of one kind of elements, by dimension and element."""

    elements: int
    quotes: Mapping[TariffDimension, Mapping[int, Quote]]
    having: Mapping[TariffDimension, int] = field(init=False)

    def __post_init__(self) -> None:
        having = {dimension: sum(1 << n for n in found) for dimension, found in self.quotes.items()}
        object.__setattr__(self, "having", having)

    def first(self, dimension: TariffDimension, elements: int) -> Quote | None:
        """The first of `elements` that has a price for this (OCPI 2.2.1 tariffs, Tariff object)."""
        fitting = elements & self.having[dimension]
        return self.quotes[dimension][_lowest(fitting)] if fitting else None


class Prepared:
    """A tariff, read by a policy. `parts` of its amounts make one of the currency.

    Elements with a reservation restriction never price the use of the charge point, and those without one never price
    its reservation (OCPI 2.2.1 tariffs, ReservationRestrictionType).
    """

    def __init__(self, tariff: Tariff, policy: PricingPolicy, parts: int = 1, *, version: bool = False) -> None:
        """`version`: its digest is taken, which lines need. Raises Unpriceable when it cannot be understood."""
        self.tariff = tariff
        self.findings = oddities(tariff)
        refused = [finding for finding in self.findings if finding.blocks]
        if refused:
            raise Unpriceable(refused)
        by_kind = _by_kind(tariff)
        use, booked, expired = (by_kind.get(kind, {}) for kind in (None, *ReservationRestriction))
        self.use = Schedule(use, policy.nights)
        self.reservation = Schedule(booked | expired, policy.nights)
        self._whole_element = policy.selection is SelectionReading.WHOLE_ELEMENT
        maker = _Maker(tariff, parts, tariff.version() if version else _unnamed(tariff))
        self._use, self._booked, self._expired = (maker.price_list(kind) for kind in (use, booked, expired))
        self._idle = maker.as_idle(self._use.quotes[TariffDimension.PARKING_TIME])
        self.priced = frozenset(
            dimension for dimension, found in self._use.quotes.items() if any(q.price.price for q in found.values())
        )
        self.in_use = lru_cache(maxsize=_REMEMBERED)(self._in_use)
        self.in_reservation = lru_cache(maxsize=_REMEMBERED)(self._in_reservation)

    def _in_use(self, elements: int) -> InForce:
        """The prices of use while these elements apply."""
        prices = self._use
        if self._whole_element:
            elements &= -elements
        parking = prices.first(TariffDimension.PARKING_TIME, elements)
        return InForce(
            flat=prices.first(TariffDimension.FLAT, elements),
            energy=prices.first(TariffDimension.ENERGY, elements),
            time=prices.first(TariffDimension.TIME, elements),
            parking=parking,
            idle=self._idle[parking.source.element] if parking else None,
        )

    def _in_reservation(self, elements: int, expired: bool) -> InForce:  # noqa: FBT001 (a key of the cache)
        """The prices of a reservation. When it expires only the price of time is replaced; other fees remain due."""
        booked, after = elements & self._booked.elements, elements & self._expired.elements
        if self._whole_element:
            booked, after = booked & -booked, after & -after
        time = self._booked.first(TariffDimension.TIME, booked)
        if expired:
            time = self._expired.first(TariffDimension.TIME, after) or time
        return InForce(
            flat=self._booked.first(TariffDimension.FLAT, booked),
            energy=None,
            time=time,
            parking=None,
            idle=None,
            fee=self._expired.first(TariffDimension.FLAT, after) if expired else None,
        )

    def with_flow(
        self, dimensions: Iterable[TariffDimension], elements: int, power: Flow | None, current: Flow | None
    ) -> int:
        """Those of `elements` that apply at this power and current. Raises Unpriceable where the price of one of
        `dimensions` hangs on what is not known.
        """
        elements, unknown = self.use.without_flow(elements, power, current)
        if unknown and any(self._hangs_on(dimension, elements, unknown) for dimension in dimensions):
            lacking = "power" if power is None and self.use.asks_for_power else "current"
            raise Unpriceable.because(
                f"pricing.{lacking}_unknown",
                f"the tariff depends on the {lacking}, and a charging period does not state it",
            )
        return elements

    def _hangs_on(self, dimension: TariffDimension, elements: int, unknown: int) -> bool:
        """Whether the first of all that may apply is one of those that are not known to."""
        fitting = elements | unknown
        if not self._whole_element:
            fitting &= self._use.having[dimension]
        return bool(unknown & (fitting & -fitting))


def common_parts(tariffs: Iterable[Tariff]) -> int:
    """Into how many parts the currency has to be cut for the tariffs' amounts to be integers.

    Of tariffs with very many rates not all are: fractions are slower than integers, and quicker than endless ones.
    """
    parts = 1
    for tariff in tariffs:
        maker = _Maker(tariff, 1, _unnamed(tariff))
        amounts = (maker.amounts(component) for element in tariff.elements for component in element.price_components)
        with suppress(Unpriceable):  # said once the tariff is used
            for denominator in {amount.denominator for three in amounts for amount in three if amount is not None}:
                finer = lcm(parts, denominator)
                parts = finer if finer < _FINEST else parts
    return parts


class _Maker:
    """Makes the quotes of one tariff."""

    def __init__(self, tariff: Tariff, parts: int, version: TariffVersionRef) -> None:
        self._tariff, self._parts, self._version = tariff, parts, version
        self._levies: dict[tuple[object, ...], Levy] = {}

    def price_list(self, elements: Mapping[int, TariffRestrictions]) -> PriceList:
        quotes: dict[TariffDimension, dict[int, Quote]] = {dimension: {} for dimension in TariffDimension}
        for number in elements:
            for place, component in enumerate(self._tariff.elements[number].price_components):
                # Of two prices for the same in one element the first counts.
                if number not in quotes[component.dimension]:
                    quotes[component.dimension][number] = self._quote(number, place, component)
        return PriceList(sum(1 << number for number in elements), quotes)

    def as_idle(self, parking: Mapping[int, Quote]) -> Mapping[int, Quote]:
        """The same prices, for the time after the last charging."""
        return {
            number: self._quote(number, quote.source.component, quote.price, CostComponent.IDLE)
            for number, quote in parking.items()
        }

    def amounts(self, component: PriceComponent) -> tuple[Fraction, Fraction | None, Fraction | None]:
        """As stated, net, and gross, of one of the smallest units of quantity."""
        numerator, denominator = ratio(component.price)
        stated = Fraction(numerator * self._parts, denominator * _units(component.dimension))
        levy = self._levy(component)
        net, gross = levy.net_share, levy.gross_share
        return stated, None if net is None else stated * net, None if gross is None else stated * gross

    def _quote(self, element: int, place: int, price: PriceComponent, component: CostComponent | None = None) -> Quote:
        restrictions = self._tariff.elements[element].restrictions
        reserved = bool(restrictions and restrictions.reservation)
        usual, pool = _ROLES[price.dimension]
        if reserved:
            usual = CostComponent.RESERVATION
            pool = Pool.FLAT if price.dimension is TariffDimension.FLAT else Pool.RESERVATION
        stated, net, gross = self.amounts(price)
        return Quote(
            component=component or usual,
            pool=pool,
            price=price,
            levy=self._levy(price),
            source=TariffElementRef(tariff=self._version, element=element, component=place),
            tariff=self._tariff,
            why=reason(self._tariff, element),
            units=_units(price.dimension),
            step=price.step_size * (WH if price.dimension is TariffDimension.ENERGY else SECOND),
            stated=simplest(stated),
            net=None if net is None else simplest(net),
            gross=None if gross is None else simplest(gross),
        )

    def _levy(self, price: PriceComponent) -> Levy:
        key = (price.vat_percent, price.taxes)
        if key not in self._levies:
            self._levies[key] = levy_on(price, self._tariff.tax_included)
        return self._levies[key]


_ROLES: Final = {
    TariffDimension.ENERGY: (CostComponent.ENERGY, Pool.ENERGY),
    TariffDimension.TIME: (CostComponent.TIME, Pool.TIME),
    TariffDimension.PARKING_TIME: (CostComponent.PARKING, Pool.PARKING),
    TariffDimension.FLAT: (CostComponent.FLAT, Pool.FLAT),
}


def _units(dimension: TariffDimension) -> int:
    if dimension is TariffDimension.FLAT:
        return 1
    return KWH if dimension is TariffDimension.ENERGY else HOUR


def _by_kind(tariff: Tariff) -> dict[ReservationRestriction | None, dict[int, TariffRestrictions]]:
    found: dict[ReservationRestriction | None, dict[int, TariffRestrictions]] = {}
    for number, element in enumerate(tariff.elements):
        restrictions = element.restrictions or _UNRESTRICTED
        found.setdefault(restrictions.reservation, {})[number] = restrictions
    return found


def _lowest(elements: int) -> int:
    return (elements & -elements).bit_length() - 1


def _unnamed(tariff: Tariff) -> TariffVersionRef:
    """Where nobody will look at the version: taking a digest takes longer than all the rest."""
    return TariffVersionRef(owner=tariff.owner, tariff_id=tariff.id, sha256=_NOT_KEPT)
