"""A second pricing engine, written apart from the first: slow, plain, in fractions.

It follows the rules of OCPI 2.2.1 and 2.3.0 tariffs one at a time, and shares no code with `settlement.pricing`. Every
rule is a function of its own, so that a test can break one and see that the comparison notices.

What OCPI leaves open it reads as `docs/money.md` does. Restrictions are tested where a stretch begins, and hold until
it ends: `minutes` cuts a session so fine that this makes no difference.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from canonical.cdr import Discount
from canonical.money import Price
from canonical.session import ChargingPeriod, MeterReading, Volume, VolumeDimension
from canonical.tariff import PriceComponent, Tariff, TariffElement, TariffRestrictions, TaxIncluded

_WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_NOTHING = Fraction(0)
_LONGEST = timedelta(days=366)


class Session(Protocol):
    """What is priced: `settlement.pricing.Charge` has these, and so may anything else."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...
    @property
    def periods(self) -> tuple[ChargingPeriod, ...]: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def reservation_expired(self) -> bool: ...
    @property
    def discounts(self) -> tuple[Discount, ...]: ...


class NoPriceError(Exception):
    """The session cannot be priced; the text says why."""


@dataclass(frozen=True)
class Rules:
    """How the parties read what OCPI leaves open: the choices of a `PricingPolicy`, as plain words."""

    step_size: str = "LAST_DIMENSION"
    selection: str = "PER_DIMENSION"
    decimals: int = 2
    rounding: str = "HALF_UP"
    rounding_place: str = "LINE"
    flat_fees: str = "ONCE_PER_ELEMENT"
    nights: str = "DAY_OF_THE_INSTANT"
    minimum_price: str = "EVERY_SESSION"
    price_change: str = "FLAG"


@dataclass(frozen=True)
class Stretch:
    """A part of a session in which one thing happens. `low` and `high` are the bounds of power and current."""

    begin: datetime
    end: datetime
    state: str
    tariff: int
    kwh: Fraction
    kwh_before: Fraction
    seconds_before: Fraction
    power: tuple[Fraction, Fraction] | None
    current: tuple[Fraction, Fraction] | None

    @property
    def hours(self) -> Fraction:
        return _seconds(self.end - self.begin) / 3600


@dataclass(frozen=True)
class Use:
    """A quantity at one price: component `at[2]` of element `at[1]` of tariff `at[0]`."""

    part: str
    dimension: str
    at: tuple[int, int, int]
    quantity: Fraction


@dataclass(frozen=True)
class Amount:
    """What one use, or all uses of one part, cost. `gross` None: its tax is unknown."""

    net: Fraction
    gross: Fraction | None

    def plus(self, other: "Amount") -> "Amount":
        known = self.gross is not None and other.gross is not None
        return Amount(self.net + other.net, self.gross + other.gross if known else None)  # type: ignore[operator]


FREE = Amount(_NOTHING, _NOTHING)


@dataclass(frozen=True)
class Rate:
    """How an amount is taxed: whether it is stated with its taxes, and these by name and percent; None: unknown."""

    included: bool
    taxes: tuple[tuple[str, Decimal], ...] | None


@dataclass(frozen=True)
class Answer:
    """What a session costs: by part and in total before rounding, and the totals as they are billed.

    `quantities` are by part, and apart for those at a price and those at a price of zero.
    """

    parts: dict[str, Amount]
    total: Amount
    quantities: dict[tuple[str, bool], Fraction]
    rounded_net: Fraction
    rounded_gross: Fraction | None


def answer(session: Session, tariffs: Sequence[Tariff], rules: Rules) -> Answer:
    """The price of a session. Raises NoPriceError."""
    found = stretches(session, tariffs)
    uses = in_whole_steps(uses_of(found, session, tariffs, rules), tariffs, rules.step_size)
    lines: dict[tuple[str, tuple[int, int, int]], Fraction] = {}
    for use in uses:
        lines[use.part, use.at] = lines.get((use.part, use.at), _NOTHING) + use.quantity
    parts: dict[str, Amount] = {}
    quantities: dict[tuple[str, bool], Fraction] = {}
    for (part, at), quantity in lines.items():
        parts[part] = parts.get(part, FREE).plus(amount_of(quantity, at, tariffs))
        priced = part, bool(component_at(at, tariffs).price)
        quantities[priced] = quantities.get(priced, _NOTHING) + quantity
    for (part, at), quantity in lines.items():
        for _, share in shares_off(part, session.discounts):
            off = amount_of(-quantity * share, at, tariffs)
            parts["DISCOUNT"] = parts.get("DISCOUNT", FREE).plus(off)
    total = FREE
    for amount in parts.values():
        total = total.plus(amount)
    rounded = rounded_total(lines, session.discounts, tariffs, rules)
    if any(stretch.state != "RESERVED" for stretch in found):
        least = rules.minimum_price == "EVERY_SESSION" or any(stretch.kwh for stretch in found)
        began_with = tariffs[found[0].tariff]
        whole = limited(total, began_with, least)
        if whole != total:
            known = whole.gross is not None and total.gross is not None
            parts["LIMIT"] = Amount(
                whole.net - total.net,
                whole.gross - total.gross if known else None,  # type: ignore[operator]
            )
        if rules.rounding_place == "LINE":
            rounded = limited(rounded, began_with, least)
        else:
            net = rounded.net if whole.net == total.net else whole.net
            rounded = Amount(net, rounded.gross if whole.gross == total.gross else whole.gross)
        total = whole
    gross = None if rounded.gross is None else to_money(rounded.gross, rules)
    return Answer(parts, total, quantities, to_money(rounded.net, rules), gross)


def gross_alone(session: Session, tariffs: Sequence[Tariff], rules: Rules) -> Fraction | None:
    """What is paid at prices with a tax of which nobody says the rate: the same as if there were none.

    Only limits after tax are of use. None: another tax is unknown, or a limit is stated before tax alone.
    """
    gross = answer(session, [_without_tax_and_limits(tariff) for tariff in tariffs], rules).total.gross
    found = stretches(session, tariffs)
    began_with = tariffs[found[0].tariff]
    if gross is None or all(stretch.state == "RESERVED" for stretch in found):
        return gross
    if any(limit and limit.after_tax is None for limit in (began_with.min_price, began_with.max_price)):
        return None
    at_least = rules.minimum_price == "EVERY_SESSION" or any(stretch.kwh for stretch in found)
    least = _side(began_with.min_price, "after_tax") if at_least else None
    return clamp(gross, _side(began_with.max_price, "after_tax"), least)


def _without_tax_and_limits(tariff: Tariff) -> Tariff:
    untaxed = {"tax_included": TaxIncluded.NOT_APPLICABLE} if tariff.tax_included == "YES" else {}
    return tariff.model_copy(update={"min_price": None, "max_price": None, **untaxed})


# When.


def stretches(session: Session, tariffs: Sequence[Tariff]) -> list[Stretch]:
    """The session in order, each period cut into what was charged and what was parked."""
    periods = session.periods
    if not periods or session.end < session.start or session.end - session.start > _LONGEST:
        raise NoPriceError("no periods, or times that cannot be")
    bounds = [period.start for period in periods] + [session.end]
    if bounds[0] < session.start or any(later < earlier for earlier, later in pairwise(bounds)):
        raise NoPriceError("periods are not in order")
    found: list[Stretch] = []
    for period, end in zip(periods, bounds[1:], strict=True):
        found.extend(_cut(period, end, tariff_of(period, tariffs)))
    arrival = next((s.begin for s in found if s.state != "RESERVED"), None)
    kwh = _NOTHING
    for index, stretch in enumerate(found):
        clock = seconds_before(stretch, session.start, found[0], arrival)
        found[index] = replace(stretch, kwh_before=kwh, seconds_before=clock)
        kwh += stretch.kwh
    return found


def _cut(period: ChargingPeriod, end: datetime, tariff: int) -> list[Stretch]:
    hours = {name: _volume(period, name) for name in ("TIME", "PARKING_TIME", "RESERVATION_TIME")}
    kwh = _volume(period, "ENERGY") or _NOTHING
    if kwh < 0:
        raise NoPriceError("energy below zero")
    states = {"TIME": "CHARGING", "PARKING_TIME": "PARKED", "RESERVATION_TIME": "RESERVED"}
    used = [states[name] for name, volume in hours.items() if volume]
    if "RESERVED" in used and len(used) > 1:
        raise NoPriceError("reserved and used at once")
    if not used:
        used = [
            "CHARGING"
            if hours["TIME"] is not None
            else next((states[name] for name, volume in hours.items() if volume is not None), "CHARGING")
        ]
    middle = end
    if used == ["CHARGING", "PARKED"]:
        middle = min(end, period.start + timedelta(seconds=round((hours["TIME"] or 0) * 3600)))
    bounds = [(period.start, middle), (middle, end)][: len(used)]
    found = []
    for state, (here, there) in zip(used, bounds, strict=True):
        part = kwh if state == used[0] else _NOTHING
        power = spread(period, "POWER") or _average(part, here, there, state)
        current = spread(period, "CURRENT") or (None if state == "CHARGING" else (_NOTHING, _NOTHING))
        found.append(Stretch(here, there, state, tariff, part, _NOTHING, _NOTHING, power, current))
    return found


def _average(kwh: Fraction, here: datetime, there: datetime, state: str) -> tuple[Fraction, Fraction] | None:
    if not kwh and state != "CHARGING":
        return _NOTHING, _NOTHING
    if here == there:
        return None
    mean = kwh / (_seconds(there - here) / 3600)
    return mean, mean


def spread(period: ChargingPeriod, what: str) -> tuple[Fraction, Fraction] | None:
    """Lowest and highest power or current of a period, as far as it states them."""
    low, high, mean = (_volume(period, name) for name in (f"MIN_{what}", f"MAX_{what}", what))
    stated = [value for value in (low, high, mean) if value is not None]
    if not stated:
        return None
    return min(stated), max(stated)


def seconds_before(stretch: Stretch, start: datetime, first: Stretch, arrival: datetime | None) -> Fraction:
    """Durations count from the arrival of the vehicle; while it is awaited, from the booking."""
    if stretch.state == "RESERVED" or arrival is None:
        return _seconds(stretch.begin - start)
    return _seconds(stretch.begin - (arrival if first.state == "RESERVED" else start))


def tariff_of(period: ChargingPeriod, tariffs: Sequence[Tariff]) -> int:
    """A period names its tariff; one that names none has the first."""
    if period.tariff_id is None:
        return 0
    for index, tariff in enumerate(tariffs):
        if tariff.id.upper() == period.tariff_id.upper():
            return index
    raise NoPriceError("a tariff that is not there")


# At which price.


def uses_of(found: Sequence[Stretch], session: Session, tariffs: Sequence[Tariff], rules: Rules) -> list[Use]:
    """Everything that is used, stretch by stretch, with the component that prices it."""
    zone = session.time_zone
    charged = [i for i, s in enumerate(found) if s.state == "CHARGING" and (s.begin < s.end or s.kwh)]
    last_charge = max(charged, default=len(found))
    reserved = [i for i, s in enumerate(found) if s.state == "RESERVED"]
    expired = session.reservation_expired and len(reserved) == len(found)
    uses: list[Use] = []

    def take(part: str, dimension: str, quantity: Fraction, kinds: Sequence[str | None], stretch: Stretch) -> None:
        if not quantity:
            return
        for kind in kinds:
            place = first_match(tariffs[stretch.tariff], dimension, kind, stretch, zone, rules)
            if place is None:
                continue
            use = Use(part, dimension, (stretch.tariff, *place), quantity)
            if dimension != "FLAT" or not is_paid(use, uses, rules.flat_fees):
                uses.append(use)
            return

    for index, stretch in enumerate(found):
        if stretch.state == "RESERVED":
            take("RESERVATION", "TIME", stretch.hours, expiring(expired), stretch)
            take("RESERVATION", "FLAT", Fraction(1), ["RESERVATION"], stretch)
            if expired and index == reserved[-1]:
                take("RESERVATION", "FLAT", Fraction(1), ["RESERVATION_EXPIRES"], stretch)
            continue
        take("FLAT", "FLAT", Fraction(1), [None], stretch)
        take("ENERGY", "ENERGY", stretch.kwh, [None], stretch)
        if stretch.state == "CHARGING":
            take("TIME", "TIME", stretch.hours, [None], stretch)
        else:
            take(idle_or_parking(index, last_charge), "PARKING_TIME", stretch.hours, [None], stretch)
    return uses


def expiring(expired: bool) -> list[str | None]:
    """The price of an expired reservation takes the place of that of a reservation, where there is one."""
    return ["RESERVATION_EXPIRES", "RESERVATION"] if expired else ["RESERVATION"]


def is_paid(fee: Use, before: Sequence[Use], flat_fees: str) -> bool:
    """A flat fee is due once for its element, however often that applies; or once in all."""
    fees = [use for use in before if use.dimension == "FLAT" and use.part == fee.part]
    return any(flat_fees == "ONCE_PER_SESSION" or use.at[:2] == fee.at[:2] for use in fees)


def idle_or_parking(index: int, last_charge: int) -> str:
    return "IDLE" if index > last_charge else "PARKING"


def first_match(
    tariff: Tariff, dimension: str, kind: str | None, stretch: Stretch, zone: str, rules: Rules
) -> tuple[int, int] | None:
    """The element and the component that price a dimension, if any do."""
    for e, element in enumerate(tariff.elements):
        if (element.restrictions.reservation if element.restrictions else None) != kind:
            continue
        c = _component(element, dimension)
        if c is None and rules.selection == "PER_DIMENSION":
            continue
        if element.restrictions is None or holds(element.restrictions, stretch, zone, rules.nights):
            return None if c is None else (e, c)
    return None


def _component(element: TariffElement, dimension: str) -> int | None:
    return next((c for c, component in enumerate(element.price_components) if component.dimension == dimension), None)


def holds(r: TariffRestrictions, stretch: Stretch, zone: str, nights: str) -> bool:
    """Whether all restrictions hold where the stretch begins."""
    if r.start_time or r.end_time or r.start_date or r.end_date or r.days_of_week:
        local = local_time(stretch.begin, zone)
        if not in_window(local.strftime("%H:%M"), r.start_time, r.end_time):
            return False
        if not in_dates(local.strftime("%Y-%m-%d"), r.start_date, r.end_date):
            return False
        if r.days_of_week and weekday(local, r.start_time, r.end_time, nights) not in r.days_of_week:
            return False
    if not in_band(stretch.kwh_before, stretch.kwh_before, r.min_kwh, r.max_kwh):
        return False
    if not in_band(stretch.seconds_before, stretch.seconds_before, r.min_duration_s, r.max_duration_s):
        return False
    for bounds, least, most in (
        (stretch.power, r.min_power_kw, r.max_power_kw),
        (stretch.current, r.min_current_a, r.max_current_a),
    ):
        if least is None and most is None:
            continue
        if bounds is None:
            raise NoPriceError("power or current is unknown")
        if not in_band(bounds[0], bounds[1], least, most):
            return False
    return True


def local_time(at: datetime, zone: str) -> datetime:
    try:
        return at.astimezone(ZoneInfo(zone))
    except (ValueError, OSError, KeyError):
        raise NoPriceError("time zone is unknown") from None


def in_window(clock: str, start: str | None, end: str | None) -> bool:
    """Local time; 00:00 as an end is the end of the day, and a window with one time for both is the whole day."""
    if start is None and end is None:
        return True
    begin = start or "00:00"
    finish = "24:00" if end in (None, "00:00") else str(end)
    if begin == finish or start == end:
        return True
    if begin < finish:
        return begin <= clock < finish
    return clock >= begin or clock < finish


def weekday(local: datetime, start: str | None, end: str | None, nights: str) -> str:
    """The day of the instant; or, in a night that is one window, the day on which it began."""
    in_the_morning = start is not None and end is not None and local.strftime("%H:%M") < end < start
    if nights == "DAY_IT_BEGAN" and in_the_morning:
        local -= timedelta(days=1)
    return _WEEKDAYS[local.weekday()]


def in_dates(date: str, first: str | None, beyond: str | None) -> bool:
    return (first is None or first <= date) and (beyond is None or date < beyond)


def in_band(low: Fraction, high: Fraction, least: Decimal | int | None, most: Decimal | int | None) -> bool:
    """Lower bounds are inclusive, upper ones exclusive."""
    return (least is None or Fraction(least) <= low) and (most is None or high < Fraction(most))


def price_changes_inside(session: Session, tariffs: Sequence[Tariff], rules: Rules) -> bool | None:
    """Whether a price changes while a stretch lasts; None: an element changes, at the same price.

    Tried at every quarter of an hour, where all clocks and all restrictions used here change, at every duration, and
    where the energy reaches a bound if it flows evenly.
    """
    found = stretches(session, tariffs)
    used = any(stretch.state != "RESERVED" for stretch in found)
    outcome: bool | None = False
    for stretch in found:
        for dimension, kinds in _asked(stretch, session.reservation_expired and not used):
            tariff = tariffs[stretch.tariff]
            begin = _first_of(kinds, tariff, dimension, stretch, session.time_zone, rules)
            for moment in _moments(stretch, tariff):
                there = _first_of(kinds, tariff, dimension, moment, session.time_zone, rules)
                if there == begin:
                    continue
                if dimension == "FLAT" or _price_of(begin, tariff) == _price_of(there, tariff):
                    outcome = None
                elif stretch.kwh if dimension == "ENERGY" else stretch.hours:
                    return True
    return outcome


def _first_of(
    kinds: Sequence[str | None], tariff: Tariff, dimension: str, stretch: Stretch, zone: str, rules: Rules
) -> tuple[int, int] | None:
    places = (first_match(tariff, dimension, kind, stretch, zone, rules) for kind in kinds)
    return next((place for place in places if place is not None), None)


def _asked(stretch: Stretch, expired: bool) -> list[tuple[str, list[str | None]]]:
    if stretch.state == "RESERVED":
        fee: list[tuple[str, list[str | None]]] = [("FLAT", ["RESERVATION_EXPIRES"])] if expired else []
        return [("TIME", expiring(expired)), ("FLAT", ["RESERVATION"]), *fee]
    return [(d, [None]) for d in ("FLAT", "ENERGY", "TIME" if stretch.state == "CHARGING" else "PARKING_TIME")]


def _moments(stretch: Stretch, tariff: Tariff) -> Iterable[Stretch]:
    """The same stretch as if it began later."""
    length = _seconds(stretch.end - stretch.begin)
    quarter = 900 - (stretch.begin - datetime(2020, 1, 1, tzinfo=UTC)) % timedelta(seconds=900) // timedelta(seconds=1)
    after = {Fraction(seconds) for seconds in range(quarter, int(length) + 1, 900)}
    for r in (element.restrictions for element in tariff.elements if element.restrictions):
        durations = (Fraction(bound) for bound in (r.min_duration_s, r.max_duration_s) if bound is not None)
        after |= {bound - stretch.seconds_before for bound in durations}
        energies = [Fraction(bound) for bound in (r.min_kwh, r.max_kwh) if bound is not None and stretch.kwh]
        after |= {(bound - stretch.kwh_before) / stretch.kwh * length for bound in energies}
        if not length:
            yield from (
                replace(stretch, kwh_before=kwh) for kwh in energies if 0 < kwh - stretch.kwh_before < stretch.kwh
            )
    for seconds in sorted(after):
        if 0 < seconds < length:
            yield replace(
                stretch,
                begin=stretch.begin + timedelta(microseconds=int(seconds * 1_000_000)),
                seconds_before=stretch.seconds_before + seconds,
                kwh_before=stretch.kwh_before + stretch.kwh * seconds / length,
            )


def _price_of(place: tuple[int, int] | None, tariff: Tariff) -> tuple[Decimal, Decimal | None]:
    if place is None:
        return Decimal(0), Decimal(0)
    component = tariff.elements[place[0]].price_components[place[1]]
    return component.price, component.vat_percent if component.price else Decimal(0)


# How much of it.


def in_whole_steps(uses: list[Use], tariffs: Sequence[Tariff], reading: str) -> list[Use]:
    """Begun steps are billed in full, each pool at the price that was billed last in it."""
    billed = [use for use in uses if component_at(use.at, tariffs).price]
    energy = [use for use in billed if use.part == "ENERGY"]
    booked = [use for use in billed if use.part == "RESERVATION" and use.dimension == "TIME"]
    charged = [use for use in billed if use.part == "TIME"]
    parked = [use for use in billed if use.dimension == "PARKING_TIME"]
    time = [use for use in billed if use in charged or use in parked]
    pools = {
        "IGNORED": [],
        "PER_DIMENSION": [(energy, 1000), (booked, 3600), (charged, 3600), (parked, 3600)],
        "COMBINED_TIME": [(energy, 1000), (booked, 3600), (time, 3600)],
        "LAST_DIMENSION": [(energy, 1000), (booked, 3600), (last_dimension(time), 3600)],
    }[reading]
    return uses + [surplus for pool, unit in pools for surplus in _rounding_up(pool, unit, tariffs)]


def last_dimension(time: list[Use]) -> list[Use]:
    return [use for use in time if use.dimension == time[-1].dimension]


def _rounding_up(pool: list[Use], unit: int, tariffs: Sequence[Tariff]) -> Iterable[Use]:
    if not pool:
        return
    last = pool[-1]
    step = component_at(last.at, tariffs).step_size
    if not step:
        return
    total = sum((use.quantity for use in pool), _NOTHING) * unit
    yield replace(last, quantity=(begun(total / step) * step - total) / unit)


def begun(steps: Fraction) -> int:
    return -(-steps.numerator // steps.denominator)


# And what it costs.


def component_at(at: tuple[int, int, int], tariffs: Sequence[Tariff]) -> PriceComponent:
    return tariffs[at[0]].elements[at[1]].price_components[at[2]]


def amount_of(quantity: Fraction, at: tuple[int, int, int], tariffs: Sequence[Tariff]) -> Amount:
    return taxed(quantity * Fraction(component_at(at, tariffs).price), at, tariffs)


def taxed(stated: Fraction, at: tuple[int, int, int], tariffs: Sequence[Tariff]) -> Amount:
    """An amount as the tariff states it: before tax, after tax, or where there is none."""
    included = tariffs[at[0]].tax_included
    percent = component_at(at, tariffs).vat_percent
    if not stated or included == "N/A":
        return Amount(stated, stated)
    if percent is None:
        if included == "YES":
            raise NoPriceError("net of a gross price without a rate")
        return Amount(stated, None)
    factor = 1 + Fraction(percent) / 100
    return Amount(stated / factor, stated) if included == "YES" else Amount(stated, stated * factor)


def is_discounted(part: str, discount: Discount) -> bool:
    """A discount that names no component is on all of them."""
    return not discount.components or part in discount.components


def shares_off(part: str, discounts: Sequence[Discount]) -> list[tuple[str, Fraction]]:
    """What each discount takes off a component: its share of the price, and together no more than the whole."""
    left = Fraction(1)
    found = []
    for discount in discounts:
        if is_discounted(part, discount):
            share = min(left, Fraction(discount.percent) / 100)
            left -= share
            found.append((discount.name, share))
    return found


def limited(total: Amount, tariff: Tariff, at_least: bool) -> Amount:
    """Lowest and highest price bind before tax and after tax, each by itself.

    Where only the net is limited, the tax changes with it; a tax on nothing is unknown.
    """
    lowest = tariff.min_price if at_least else None
    net = clamp(total.net, _side(tariff.max_price, "before_tax"), _side(lowest, "before_tax"))
    gross = total.gross
    if gross is None:
        return Amount(net, None)
    if tariff.tax_included == "N/A" and gross == total.net:
        return Amount(net, net)
    most, least = _side(tariff.max_price, "after_tax"), _side(lowest, "after_tax")
    if net != total.net:
        binding = tariff.max_price if net < total.net else lowest
        if _side(binding, "after_tax") is None:
            if not total.net:
                return Amount(net, None)
            gross = gross * net / total.net
    return Amount(net, clamp(gross, most, least))


def _side(price: Price | None, name: str) -> Fraction | None:
    value = None if price is None else getattr(price, name)
    return None if value is None else Fraction(value)


def clamp(value: Fraction, most: Fraction | None, least: Fraction | None) -> Fraction:
    if most is not None:
        value = min(value, most)
    return value if least is None else max(value, least)


def rounded_total(
    lines: dict[tuple[str, tuple[int, int, int]], Fraction],
    discounts: Sequence[Discount],
    tariffs: Sequence[Tariff],
    rules: Rules,
) -> Amount:
    """LINE: each line is rounded, and so is what discounts take off one rate. TOTAL: what they sum to is.

    Either way each tax is taken from the sum of all that it is on, and rounded once.
    """
    stated: dict[Rate, Fraction] = {}
    off: dict[Rate, Fraction] = {}
    unknown = False
    for (part, at), quantity in lines.items():
        amount = quantity * Fraction(component_at(at, tariffs).price)
        rate = rate_of(at, tariffs)
        unknown = unknown or bool(amount and rate.taxes is None)
        if rules.rounding_place == "LINE":
            amount = to_money(amount, rules)
        stated[rate] = stated.get(rate, _NOTHING) + amount
        off[rate] = off.get(rate, _NOTHING) - amount * sum((s for _, s in shares_off(part, discounts)), _NOTHING)
    for rate, amount in off.items():
        stated[rate] += to_money(amount, rules) if rules.rounding_place == "LINE" else amount
    without = to_money(sum((a for rate, a in stated.items() if not rate.included), _NOTHING), rules)
    included = to_money(sum((a for rate, a in stated.items() if rate.included), _NOTHING), rules)
    added = sum(taxes_on({rate: a for rate, a in stated.items() if not rate.included}, rules), _NOTHING)
    contained = sum(taxes_on({rate: a for rate, a in stated.items() if rate.included}, rules), _NOTHING)
    return Amount(without + included - contained, None if unknown else without + included + added)


def rate_of(at: tuple[int, int, int], tariffs: Sequence[Tariff]) -> Rate:
    side, component = tariffs[at[0]].tax_included, component_at(at, tariffs)
    if side == "N/A":
        return Rate(included=False, taxes=())
    named = tuple((tax.name, tax.percent) for tax in component.taxes)
    if not named and component.vat_percent is not None:
        named = (("VAT", component.vat_percent),)
    return Rate(side == "YES", named or None)


def taxes_on(stated: dict[Rate, Fraction], rules: Rules) -> Iterable[Fraction]:
    """Each tax once, on everything that it is on: of a price with taxes, on what is left without them."""
    bases: dict[tuple[str, Decimal, Fraction], Fraction] = {}
    for rate, amount in stated.items():
        whole = 1 + sum((Fraction(percent) for _, percent in rate.taxes or ()), _NOTHING) / 100
        divisor = whole if rate.included else Fraction(1)
        for name, percent in rate.taxes or ():
            tax = name, percent, divisor
            bases[tax] = bases.get(tax, _NOTHING) + amount / divisor
    for (_, percent, _), base in bases.items():
        yield to_money(base * Fraction(percent) / 100, rules)


def to_money(amount: Fraction, rules: Rules) -> Fraction:
    """To the last decimal of the currency. A tie goes away from zero, or to the even neighbour."""
    scaled = abs(amount) * 10**rules.decimals
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    up = twice > scaled.denominator or (twice == scaled.denominator and (rules.rounding == "HALF_UP" or whole % 2 == 1))
    rounded = Fraction(whole + up, 10**rules.decimals)
    return rounded if amount >= 0 else -rounded


# A session cut by the minute.


def minutes(readings: Sequence[MeterReading]) -> tuple[ChargingPeriod, ...]:
    """One period a minute. Energy flows evenly between readings, which stand at whole minutes."""
    names = {"CHARGING": "TIME", "PARKED": "PARKING_TIME", "RESERVED": "RESERVATION_TIME"}
    found = []
    for here, there in pairwise(readings):
        count = int((there.at - here.at) / timedelta(minutes=1))
        for minute in range(count):
            volumes = {
                names[here.state]: Decimal(1) / 60,
                "ENERGY": (there.energy_kwh - here.energy_kwh) / count,
            }
            found.append(
                ChargingPeriod(
                    start=here.at + timedelta(minutes=minute),
                    volumes=tuple(Volume(dimension=VolumeDimension(n), volume=v) for n, v in volumes.items()),
                )
            )
    return tuple(found)


def _volume(period: ChargingPeriod, name: str) -> Fraction | None:
    return next((Fraction(v.volume) for v in period.volumes if v.dimension == name), None)


def _seconds(length: timedelta) -> Fraction:
    return Fraction(length // timedelta(microseconds=1), 1_000_000)
