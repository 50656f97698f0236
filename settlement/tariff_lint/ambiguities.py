"""What in a tariff two parties may read in two ways, or what was perhaps not meant so."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from canonical.tariff import PriceComponent, Tariff, TariffDimension, TariffElement, TariffRestrictions, TaxIncluded
from settlement.currency import minor_digits
from settlement.pricing.oddities import oddities
from settlement.tariff_lint.cases import Cases, cases, of_class, window
from settlement.tariff_lint.remarks import Remark, component_at, element_at, remark
from settlement.tariff_lint.words import clock, span, spoken

_DAY: Final = 24 * 60
_TIMES: Final = (TariffDimension.TIME, TariffDimension.PARKING_TIME)
_USUAL_DIGITS: Final = 2
_LEAST_PER_KWH: Final = Decimal("0.01")
_LEAST_PER_HOUR: Final = Decimal("0.6")
_MOST_PER_KWH: Final = Decimal(10)
_MOST_PER_HOUR: Final = Decimal(100)
_UNREAD: Final = frozenset({"pricing.misspelt_field", "pricing.unknown_field", "pricing.unknown_part"})
_CLOCKS_OF: Final = 2025
"""The year whose clock changes an older tariff is held against: it is read for what it does from now on."""
_LIKE_THE_EURO: Final = frozenset({"AUD", "CAD", "CHF", "EUR", "GBP", "USD"})
"""Currencies in which a kWh never costs tens, nor an hour hundreds."""


def ambiguities(tariff: Tariff, power_kw: Decimal | None, time_zone: str | None) -> Iterator[Remark]:
    yield from _of_the_whole(tariff)
    for number, element in enumerate(tariff.elements):
        yield from _of_element(number, element)
        for place, component in enumerate(element.price_components):
            yield from _of_component(component_at(number, place), component, tariff)
        if element.restrictions:
            yield from _of_restrictions(f"{element_at(number)}.restrictions", element.restrictions, time_zone, tariff)
            yield from _out_of_reach(f"{element_at(number)}.restrictions", element.restrictions, power_kw)
    yield from _steps_that_differ(tariff)
    found = cases(tariff)
    yield from _free_somewhere(tariff, found)
    yield from _overlaps(tariff, found)
    if not found.whole:
        message = "its elements meet in too many ways to look at all: gaps and overlaps were not looked for"
        yield remark("tariff.too_many_cases", message, "elements")


def _of_the_whole(tariff: Tariff) -> Iterator[Remark]:
    if tariff.alt_url:
        message = "a page has the price to show: the elements may be no more than an indication"
        yield remark("tariff.alt_url", message, "tariff_alt_url")
    if tariff.type and tariff.type.startswith("PROFILE_"):
        message = f"{tariff.type} applies where the driver chose that preference: without one, another tariff is due"
        yield remark("tariff.profile_type", message, "type")
    for name, limit in (("min_price", tariff.min_price), ("max_price", tariff.max_price)):
        if limit and limit.after_tax is None and tariff.tax_included is not TaxIncluded.NOT_APPLICABLE:
            message = "the limit is stated before tax alone: how it binds after tax follows from the rates in use"
            yield remark("tariff.limit_one_sided", message, name)
    priced = _dimensions(tariff)
    if TariffDimension.TIME in priced and TariffDimension.PARKING_TIME not in priced:
        message = (
            "charging time has a price, parking without charging has none: a car that is full stands there for free"
        )
        yield remark("tariff.time_without_parking", message, "elements")
    flats = [
        number
        for number in of_class(tariff, None)
        if any(
            part.dimension is TariffDimension.FLAT and part.price for part in tariff.elements[number].price_components
        )
    ]
    if len(flats) > 1:
        message = "several elements have a fee for a session: each is due once when it begins to apply, so they add up"
        yield remark("tariff.flats_add_up", message, element_at(flats[1]))
    for oddity in oddities(tariff):
        if oddity.code in _UNREAD:
            yield remark("tariff.unknown_field", oddity.message, oddity.where, blocks=oddity.blocks)


def _of_element(number: int, element: TariffElement) -> Iterator[Remark]:
    seen: set[TariffDimension] = set()
    for place, component in enumerate(element.price_components):
        if component.dimension in seen:
            message = f"a second price for {component.dimension} in one element: the first is taken"
            yield remark("tariff.duplicate_dimension", message, component_at(number, place))
        seen.add(component.dimension)
    restrictions = element.restrictions
    if restrictions is None or restrictions.reservation:
        return
    flat = [part for part in element.price_components if part.dimension is TariffDimension.FLAT and part.price]
    if flat:
        message = "the fee is due once, when the element first applies, which may be in the middle of a session"
        yield remark("tariff.flat_restricted", message, element_at(number))
    if restrictions.min_duration_s is not None and TariffDimension.PARKING_TIME in seen:
        message = (
            f"{span(restrictions.min_duration_s)} count from the start of the session, not from when the car stopped "
            "charging: a time for which parking is free cannot be said in OCPI"
        )
        yield remark("tariff.min_duration_on_parking", message, element_at(number))


def _of_component(where: str, component: PriceComponent, tariff: Tariff) -> Iterator[Remark]:
    if component.price and component.vat_percent is None and tariff.tax_included is TaxIncluded.NO:
        message = "no VAT is stated: to some that is no tax, to others a tax that is not known"
        yield remark("tariff.vat_absent", message, where)
    if component.step_size > 1 and component.dimension is not TariffDimension.FLAT and component.price:
        yield remark("tariff.step_size", _readings(component), where)
    if component.price < 0:
        yield remark("tariff.negative_price", "the driver is paid: few engines bill a negative price", where)
    yield from _implausible(where, component, tariff.currency)


def _readings(component: PriceComponent) -> str:
    if component.dimension is TariffDimension.ENERGY:
        return f"begun {component.step_size} Wh are billed in full: of the whole session, at the last price of energy"
    return (
        f"begun {span(component.step_size)} are billed in full: of the time dimension that was billed last (the text "
        "as it is today), of charging and parking together, or of each (as earlier editions were read). A step of 1 "
        "leaves no question"
    )


def _implausible(where: str, component: PriceComponent, currency: str) -> Iterator[Remark]:
    price = component.price
    if minor_digits(currency) != _USUAL_DIGITS or price <= 0 or component.dimension is TariffDimension.FLAT:
        return
    per_kwh = component.dimension is TariffDimension.ENERGY
    if per_kwh and price < _LEAST_PER_KWH:
        yield remark("tariff.price_per_wh", f"{price} for a kWh: is it the price of a Wh?", where)
    if not per_kwh and price < _LEAST_PER_HOUR:
        yield remark("tariff.price_per_minute", f"{price} for an hour: is it the price of a minute?", where)
    most = _MOST_PER_KWH if per_kwh else _MOST_PER_HOUR
    if currency in _LIKE_THE_EURO and price >= most:
        unit = "kWh" if per_kwh else "hour"
        yield remark("tariff.price_in_minor_units", f"{price} {currency} for a {unit}: are these cents?", where)


def _of_restrictions(
    where: str, restrictions: TariffRestrictions, time_zone: str | None, tariff: Tariff
) -> Iterator[Remark]:
    bounds = window(restrictions)
    if bounds and bounds[0] == bounds[1] % _DAY and restrictions.start_time and restrictions.end_time:
        message = "begin and end are the same: read as the whole day, by others as never"
        yield remark("tariff.window_start_is_end", message, where)
    elif bounds and bounds[1] < bounds[0] and restrictions.days_of_week:
        message = (
            f"after midnight it is the next day: until {restrictions.end_time} it applies on the days named, not on "
            "the mornings after them. Others take the whole window as belonging to the day on which it begins"
        )
        yield remark("tariff.wrapping_window_with_weekday", message, where)
    if bounds and (restrictions.start_date or restrictions.end_date):
        message = "the window counts on each day between the dates; others read one stretch from the first to the last"
        yield remark("tariff.dates_with_times", message, where)
    measured = (
        restrictions.min_power_kw,
        restrictions.max_power_kw,
        restrictions.min_current_a,
        restrictions.max_current_a,
    )
    if any(bound is not None for bound in measured):
        message = "it depends on power or current: every charging period has to say them, or nobody can check the price"
        yield remark("tariff.measured_power_needed", message, where)
    if bounds and time_zone:
        yield from _at_clock_change(where, bounds, ZoneInfo(time_zone), (tariff.valid_from or tariff.last_updated).year)


def _at_clock_change(where: str, bounds: tuple[int, int], zone: ZoneInfo, year: int) -> Iterator[Remark]:
    for day, first, last in _clock_changes(zone, year):
        if any(first <= bound % _DAY < last for bound in bounds):
            message = (
                f"on {day} the clock jumps between {clock(first)} and {clock(last)}: that hour is not there, or twice"
            )
            yield remark("tariff.window_at_clock_change", message, where)
            return


def _clock_changes(zone: ZoneInfo, year: int) -> Iterator[tuple[str, int, int]]:
    """The days of a year on which the local clock jumps, and the minutes of the day that are skipped or come twice."""
    half_hours = 2 * 24 * 366
    begin = datetime(max(year, _CLOCKS_OF), 1, 1, tzinfo=ZoneInfo("UTC"))
    moments = (begin + timedelta(minutes=30 * n) for n in range(half_hours))
    before: datetime | None = None
    for moment in moments:
        local = moment.astimezone(zone)
        if before is not None and before.utcoffset() != local.utcoffset():
            at = local.hour * 60 + local.minute
            jump = ((local.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())) // timedelta(minutes=1)
            yield f"{local:%Y-%m-%d}", min(at, at - jump), max(at, at - jump)
        before = local


def _out_of_reach(where: str, restrictions: TariffRestrictions, power_kw: Decimal | None) -> Iterator[Remark]:
    least = restrictions.min_power_kw
    if power_kw is not None and least is not None and least > power_kw:
        message = f"a connector of {power_kw} kW never gives {least} kW"
        yield remark("tariff.power_out_of_reach", message, where)


def _steps_that_differ(tariff: Tariff) -> Iterator[Remark]:
    for together in ((TariffDimension.ENERGY,), _TIMES):
        steps = {
            part.step_size: component_at(number, place)
            for number in of_class(tariff, None)
            for place, part in enumerate(tariff.elements[number].price_components)
            if part.dimension in together and part.price
        }
        if len(steps) > 1:
            named = ", ".join(str(step) for step in sorted(steps))
            message = f"steps of {named}: the one of the last price of a session counts for all that is rounded with it"
            yield remark("tariff.step_sizes_differ", message, steps[max(steps)])


def _free_somewhere(tariff: Tariff, found: Cases) -> Iterator[Remark]:
    for dimension in TariffDimension:
        if dimension is TariffDimension.FLAT or dimension not in _dimensions(tariff):
            continue
        gap = next((case for case in found.cases if not any(_has(tariff, n, dimension) for n in case.elements)), None)
        if gap:
            message = f"no element prices {dimension} {spoken(gap.example)}: it is free then"
            yield remark("tariff.no_fallback", message, "elements")


def _overlaps(tariff: Tariff, found: Cases) -> Iterator[Remark]:
    """Two elements of which neither is the exception of the other, with different prices where both apply."""
    if not found.whole:
        return
    numbers = of_class(tariff, None)
    where = {n: sum(1 << place for place, case in enumerate(found.cases) if n in case.elements) for n in numbers}
    for place, second in enumerate(numbers):
        for first in numbers[:place]:
            alone = where[first] & ~where[second] and where[second] & ~where[first]
            if not (alone and where[first] & where[second]):
                continue
            differing = _priced_differently(tariff.elements[first], tariff.elements[second])
            if differing:
                message = (
                    f"where it meets element {first + 1}, that one gives the price of {' and '.join(differing)}, "
                    "because it stands before: is that meant?"
                )
                yield remark("tariff.overlapping_elements", message, element_at(second))
                break


def _priced_differently(one: TariffElement, other: TariffElement) -> list[str]:
    prices = {part.dimension: part for part in reversed(one.price_components)}
    return sorted(
        part.dimension.value
        for part in {part.dimension: part for part in reversed(other.price_components)}.values()
        if part.dimension in prices and part != prices[part.dimension]
    )


def _dimensions(tariff: Tariff) -> frozenset[TariffDimension]:
    """What the use of the charge point is charged for."""
    return frozenset(
        part.dimension
        for number in of_class(tariff, None)
        for part in tariff.elements[number].price_components
        if part.price
    )


def _has(tariff: Tariff, number: int, dimension: TariffDimension) -> bool:
    return any(part.dimension is dimension for part in tariff.elements[number].price_components)
