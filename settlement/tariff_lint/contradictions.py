"""What in a tariff can never apply, or denies something else in it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from canonical.tariff import ReservationRestriction, Tariff, TariffDimension, TariffRestrictions, TaxIncluded
from settlement.tariff_lint.cases import Cases, cases
from settlement.tariff_lint.currencies import CURRENCIES
from settlement.tariff_lint.remarks import Remark, component_at, element_at, remark

_RANGES: Final = (
    ("min_kwh", "max_kwh"),
    ("min_current_a", "max_current_a"),
    ("min_power_kw", "max_power_kw"),
    ("min_duration_s", "max_duration_s"),
)
_OF_RESERVATION: Final = (TariffDimension.FLAT, TariffDimension.TIME)


def contradictions(tariff: Tariff) -> Iterator[Remark]:
    if tariff.currency not in CURRENCIES:
        yield remark("tariff.unknown_currency", f"{tariff.currency} is no currency of ISO 4217", "currency")
    if tariff.valid_from and tariff.valid_until and tariff.valid_from >= tariff.valid_until:
        yield remark("tariff.never_valid", "it begins when it has ended already", "start_date_time")
    yield from _crossed_limits(tariff)
    yield from _tax(tariff)
    for number, element in enumerate(tariff.elements):
        if element.restrictions:
            yield from _empty(number, element.restrictions)
            yield from _reservation(number, tariff)
    for reservation in (None, *ReservationRestriction):
        yield from _unreachable(tariff, cases(tariff, reservation))


def _crossed_limits(tariff: Tariff) -> Iterator[Remark]:
    least, most = tariff.min_price, tariff.max_price
    if not least or not most:
        return
    crossed = least.before_tax > most.before_tax
    if least.after_tax is not None and most.after_tax is not None:
        crossed = crossed or least.after_tax > most.after_tax
    if crossed:
        yield remark("tariff.limits_crossed", "the least that a session costs is above the most", "min_price")


def _tax(tariff: Tariff) -> Iterator[Remark]:
    rates = [
        (component_at(number, place), component.vat_percent, component.price)
        for number, element in enumerate(tariff.elements)
        for place, component in enumerate(element.price_components)
    ]
    unsaid = [where for where, rate, price in rates if rate is None and price]
    said = [where for where, rate, _ in rates if rate]
    if tariff.tax_included is TaxIncluded.YES and unsaid:
        message = "prices have tax in them, and no rate says how much: what is due before tax cannot be known"
        yield remark("tariff.gross_without_rate", message, unsaid[0])
    if tariff.tax_included is TaxIncluded.NOT_APPLICABLE and said:
        yield remark("tariff.rate_without_tax", "tax does not apply, and a rate of it is stated", said[0])


def _empty(number: int, restrictions: TariffRestrictions) -> Iterator[Remark]:
    where = f"{element_at(number)}.restrictions"
    for lower, upper in _RANGES:
        low, high = getattr(restrictions, lower), getattr(restrictions, upper)
        if high is not None and high <= (low if low is not None else Decimal(0)):
            message = f"nothing is from {low or 0} on and below {high}: the element never applies"
            yield remark("tariff.empty_range", message, where)
    begin, end = restrictions.start_date, restrictions.end_date
    if begin and end and begin >= end:
        message = f"from {begin} until the day before {end} there is no day: the element never applies"
        yield remark("tariff.empty_dates", message, where)


def _reservation(number: int, tariff: Tariff) -> Iterator[Remark]:
    element = tariff.elements[number]
    if not element.restrictions or not element.restrictions.reservation:
        return
    for place, component in enumerate(element.price_components):
        if component.dimension not in _OF_RESERVATION:
            message = f"a reservation has no {component.dimension}: only FLAT and TIME are charged for it"
            yield remark("tariff.reservation_dimension", message, component_at(number, place))


def _unreachable(tariff: Tariff, found: Cases) -> Iterator[Remark]:
    """Elements that apply somewhere, and where others come first whenever they do."""
    if not found.whole:
        return
    chosen = {pair for case in found.cases for pair in _chosen(tariff, case.elements)}
    for number in sorted({number for case in found.cases for number in case.elements}):
        parts = range(len(tariff.elements[number].price_components))
        lost = [place for place in parts if (number, place) not in chosen and not _twice(tariff, number, place)]
        if lost and not any((number, place) in chosen for place in parts):
            message = "elements before it always come first, for everything that it prices"
            yield remark("tariff.unreachable_element", message, element_at(number))
        else:
            for place in lost:
                dimension = tariff.elements[number].price_components[place].dimension
                message = f"elements before it always come first for {dimension}"
                yield remark("tariff.unreachable_component", message, component_at(number, place))


def _chosen(tariff: Tariff, applying: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """The components that give a price: for each dimension the first (OCPI 2.2.1 tariffs, Tariff object)."""
    given: set[TariffDimension] = set()
    for number in applying:
        for place, component in enumerate(tariff.elements[number].price_components):
            if component.dimension not in given:
                given.add(component.dimension)
                yield number, place


def _twice(tariff: Tariff, number: int, place: int) -> bool:
    """A dimension that its element has had already: said by a code of its own."""
    parts = tariff.elements[number].price_components
    return parts[place].dimension in {part.dimension for part in parts[:place]}
