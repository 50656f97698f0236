"""What a tariff will do, in sentences: one for the whole, one an element in their order, and what is free."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from canonical.money import Price
from canonical.tariff import (
    PriceComponent,
    ReservationRestriction,
    Tariff,
    TariffDimension,
    TariffElement,
    TariffRestrictions,
    TaxIncluded,
    Weekday,
)
from settlement.rounding import round_to
from settlement.tariff_lint.cases import Point, window

_SHOWN_DECIMALS: Final = 4
_USUAL_DECIMALS: Final = 2
_DAY: Final = 24 * 60
_WEEK: Final = tuple(Weekday)
_UNITS: Final = ((3600, "h"), (60, "min"), (1, "s"))
_SUBJECT: Final = {
    TariffDimension.ENERGY: ("energy", "per kWh"),
    TariffDimension.TIME: ("charging time", "per hour"),
    TariffDimension.PARKING_TIME: ("parking without charging", "per hour"),
    TariffDimension.FLAT: ("a session by itself", "once"),
}
_TAX: Final = {
    TaxIncluded.NO: "before tax",
    TaxIncluded.YES: "with tax in them",
    TaxIncluded.NOT_APPLICABLE: "and tax does not apply to them",
}


def sentences(tariff: Tariff, time_zone: str | None) -> Iterator[str]:
    yield _whole(tariff)
    for number, element in enumerate(tariff.elements):
        yield f"Element {number + 1}: {_element(element, tariff, time_zone)}."
    yield from _left_free(tariff)
    for limit, words in ((tariff.min_price, "at least"), (tariff.max_price, "at most")):
        if limit:
            yield f"A session costs {words} {_limit(limit)}."


def spoken(example: Mapping[str, Point]) -> str:
    """A situation: `on SUNDAY at 18:00, after 30 kWh`."""
    said: dict[str, Callable[[Point], str]] = {
        "weekday": lambda v: f"on {str(v).capitalize()}",
        "date": lambda v: f"on {v}" if v != "0000-00-00" else "before any date that it names",
        "minute": lambda v: f"at {clock(int(v))}",
        "kwh": lambda v: f"when {number(v)} kWh are charged",
        "current_a": lambda v: f"at {number(v)} A",
        "power_kw": lambda v: f"at {number(v)} kW",
        "duration_s": lambda v: f"{span(int(v))} after the start",
    }
    return ", ".join(words(example[name]) for name, words in said.items() if name in example) or "always"


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def span(seconds: int) -> str:
    """`1 h 30 min`."""
    words: list[str] = []
    for length, unit in _UNITS:
        count, seconds = divmod(seconds, length)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words) or "0 s"


def number(value: Point) -> str:
    text = f"{Decimal(str(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(amount: Decimal | Fraction, currency: str) -> str:
    """With two decimals at least, and four at most."""
    text = f"{round_to(Fraction(amount), _SHOWN_DECIMALS):f}"
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(_USUAL_DECIMALS, '0')} {currency}"


def _whole(tariff: Tariff) -> str:
    kind = f" of type {tariff.type}" if tariff.type else ""
    begin = f", from {tariff.valid_from:%Y-%m-%d %H:%M} UTC" if tariff.valid_from else ""
    end = f", until {tariff.valid_until:%Y-%m-%d %H:%M} UTC" if tariff.valid_until else ""
    prices = f"prices are in {tariff.currency}, {_TAX[tariff.tax_included]}"
    return f"Tariff {tariff.id}{kind}{begin}{end}: {prices}."


def _element(element: TariffElement, tariff: Tariff, time_zone: str | None) -> str:
    conditions = list(_conditions(element.restrictions, time_zone)) if element.restrictions else []
    reservation = element.restrictions.reservation if element.restrictions else None
    # Of two prices for the same the first counts.
    first = {part.dimension: part for part in reversed(element.price_components)}
    parts = [part for part in element.price_components if part is first[part.dimension]]
    prices = "; ".join(_price(part, tariff, reservation) for part in parts)
    return f"{', '.join(conditions) or 'always'}: {prices}"


def _conditions(r: TariffRestrictions, time_zone: str | None) -> Iterator[str]:
    if r.reservation is ReservationRestriction.RESERVATION:
        yield "for a reservation"
    if r.reservation is ReservationRestriction.RESERVATION_EXPIRES:
        yield "for a reservation that nobody used"
    if r.days_of_week:
        yield f"on {_days(r.days_of_week)}"
    bounds = window(r)
    if bounds:
        yield _window(bounds, time_zone)
    if r.start_date or r.end_date:
        yield " ".join(
            filter(
                None, (r.start_date and f"from {r.start_date} on", r.end_date and f"until the day before {r.end_date}")
            )
        )
    yield from _range(r.min_kwh, r.max_kwh, "from {} kWh of the session on", "for the first {} kWh of the session")
    yield from _range(
        r.min_current_a, r.max_current_a, "at {} A or more, over all phases", "below {} A, over all phases"
    )
    yield from _range(r.min_power_kw, r.max_power_kw, "at {} kW or more", "below {} kW")
    if r.min_duration_s is not None:
        yield f"from {span(r.min_duration_s)} after the start of the session on"
    if r.max_duration_s is not None:
        yield f"until {span(r.max_duration_s)} after the start of the session"


def _range(low: Decimal | None, high: Decimal | None, at_least: str, below: str) -> Iterator[str]:
    if low is not None:
        yield at_least.format(number(low))
    if high is not None:
        yield below.format(number(high))


def _window(bounds: tuple[int, int], time_zone: str | None) -> str:
    begin, end = bounds
    zone = time_zone or "local time of the charge point"
    if begin == end % _DAY:
        return f"at all hours ({clock(begin)} to {clock(begin)})"
    over = " over midnight" if end < begin else ""
    return f"from {clock(begin)} to {clock(end)}{over} ({zone})"


def _days(days: Sequence[Weekday]) -> str:
    places = sorted({_WEEK.index(day) for day in days})
    names = [_WEEK[place].capitalize() for place in places]
    in_a_row = len(names) > len(("first", "last")) and places == list(range(places[0], places[-1] + 1))
    return f"{names[0]} to {names[-1]}" if in_a_row else " and ".join(names)


def _price(component: PriceComponent, tariff: Tariff, reservation: ReservationRestriction | None) -> str:
    subject, unit = _SUBJECT[component.dimension]
    if reservation:
        subject = "the time it lasts" if component.dimension is TariffDimension.TIME else "it"
    if not component.price:
        return f"{subject} is free" if component.dimension is not TariffDimension.FLAT else "no fee for it"
    return (
        f"{subject} costs {money(component.price, tariff.currency)} {unit}{_taxed(component, tariff)}{_step(component)}"
    )


def _taxed(component: PriceComponent, tariff: Tariff) -> str:
    if tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return ""
    inside = tariff.tax_included is TaxIncluded.YES
    if component.vat_percent is None:
        return " with tax, and how much of it is tax is not said" if inside else ", and its tax is not said"
    rate, price = Fraction(component.vat_percent), Fraction(component.price)
    percent = f"{number(component.vat_percent)} % VAT"
    if inside:
        return f" with {percent} ({money(price * 100 / (100 + rate), tariff.currency)} before tax)"
    return f" plus {percent} ({money(price * (100 + rate) / 100, tariff.currency)} with tax)"


def _step(component: PriceComponent) -> str:
    if component.dimension is TariffDimension.FLAT or component.step_size <= 1:
        return ""
    if component.dimension is TariffDimension.ENERGY:
        return f", in begun steps of {component.step_size} Wh"
    return f", in begun steps of {span(component.step_size)}"


def _left_free(tariff: Tariff) -> Iterator[str]:
    priced = {
        part.dimension
        for element in tariff.elements
        if not (element.restrictions and element.restrictions.reservation)
        for part in element.price_components
    }
    free = [_SUBJECT[d][0] for d in TariffDimension if d not in priced and d is not TariffDimension.FLAT]
    if free:
        yield f"Not priced, and therefore free: {', '.join(free)}."


def _limit(limit: Price) -> str:
    gross = f", and {money(limit.after_tax, limit.currency)} with tax" if limit.after_tax is not None else ""
    return f"{money(limit.before_tax, limit.currency)} before tax{gross}"
