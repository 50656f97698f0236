"""Sessions and tariffs of every kind, drawn at random, on the edges where two engines might differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise

from hypothesis import strategies as st

from canonical.cdr import CostComponent, Discount
from canonical.session import ChargingPeriod, MeterReading, VehicleState, Volume, VolumeDimension
from canonical.tariff import PriceComponent, Tariff, TariffElement, TaxIncluded, TaxRate, Weekday
from settlement.pricing import Charge, PricingPolicy, Sample, periods
from settlement.pricing.policy import (
    FlatReading,
    MinimumPrice,
    NightReading,
    PriceChange,
    RoundingPlace,
    SelectionReading,
    StepSizeReading,
)
from settlement.rounding import Rounding
from tests.settlement.build import component, element, tariff
from tests.settlement.oracle import Rules

CHANGES_OF_THE_CLOCK = (
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("America/St_Johns", "2026-03-08T05:30"),
    ("America/St_Johns", "2026-11-01T04:30"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
)
ORDINARY_MIDNIGHTS = (
    ("Europe/Berlin", "2026-06-05T22:00"),
    ("Asia/Kathmandu", "2026-12-31T18:15"),
    ("UTC", "2028-02-29T00:00"),
)
TWO_TAXES = (TaxRate(name="GST", percent=Decimal(5)), TaxRate(name="QST", percent=Decimal("9.975")))
_RATES: tuple[tuple[str | None, ...], ...] = (
    ("19",),
    ("7", "19", "0"),
    ("8.1", "20"),
    ("14.975",),
    ("14.975", "5"),
)
HOURS = {
    VehicleState.CHARGING: VolumeDimension.TIME,
    VehicleState.PARKED: VolumeDimension.PARKING_TIME,
    VehicleState.RESERVED: VolumeDimension.RESERVATION_TIME,
}
_PLACES = {"EUR": 2, "JPY": 0, "BHD": 3}
_POWERS = ("0", "3.7", "7", "11", "22")
_CURRENTS = ("0", "16", "32", "63")


@dataclass(frozen=True)
class Case:
    """One question for both engines. `readings` are there where the periods are to be cut out of them."""

    charge: Charge
    tariffs: tuple[Tariff, ...]
    policy: PricingPolicy
    readings: tuple[MeterReading, ...] = ()

    @property
    def rules(self) -> Rules:
        """The policy in the words of the oracle."""
        p = self.policy
        return Rules(
            step_size=p.step_size.value,
            selection=p.selection.value,
            decimals=_PLACES[self.tariffs[0].currency] if p.decimals is None else p.decimals,
            rounding=p.rounding.value,
            rounding_place=p.rounding_place.value,
            flat_fees=p.flat_fees.value,
            nights=p.nights.value,
            minimum_price=p.minimum_price.value,
            price_change=p.price_change.value,
        )

    def __str__(self) -> str:
        return "\n".join(_told(self))


def _told(case: Case) -> Iterator[str]:
    charge = case.charge
    yield f"{charge.start:%F %T.%f} to {charge.end:%F %T.%f} UTC in {charge.time_zone!r}, by {case.rules}"
    if charge.reservation_expired:
        yield "the reservation expired"
    for discount in charge.discounts:
        yield f"  discount of {discount.percent} % on {', '.join(discount.components) or 'all'}"
    for reading in case.readings:
        yield f"  reading {reading.at:%F %T} {reading.energy_kwh} kWh, {reading.state}"
    for period in () if case.readings else charge.periods:
        volumes = ", ".join(f"{v.dimension} {v.volume}" for v in period.volumes)
        yield f"  period {period.start:%F %T.%f} {period.tariff_id or ''} {volumes}"
    for priced_by in case.tariffs:
        limits = {"min": priced_by.min_price, "max": priced_by.max_price}
        stated = [f"{name} {p.before_tax} / {p.after_tax}" for name, p in limits.items() if p]
        yield f"  tariff {priced_by.id}, tax included {priced_by.tax_included} {', '.join(stated)}"
        for e in priced_by.elements:
            yield f"    if {e.restrictions.model_dump(mode='json', exclude_defaults=True) if e.restrictions else 'any'}"
            for c in e.price_components:
                yield f"      {c.dimension} {c.price}, tax {c.vat_percent} %, step {c.step_size}"


def features(case: Case) -> Iterator[str]:
    """What a case has in it, by name: for counting that everything really occurs."""
    charge = case.charge
    elements = [e for t in case.tariffs for e in t.elements]
    components = [c for e in elements for c in e.price_components]
    for e in elements:
        r = e.restrictions
        yield from (f"restriction {n}" for n in (r.model_dump(exclude_defaults=True) if r else ()))
        if r and r.start_time and r.end_time:
            yield "window " + ("wraps" if r.start_time > r.end_time else "equal" if r.start_time == r.end_time else "")
        if r and bool(r.start_time) != bool(r.end_time):
            yield "window with one edge"
    yield from (f"dimension {c.dimension}" for c in components)
    yield from (f"tax included {t.tax_included}" for t in case.tariffs)
    if any(c.vat_percent is None for c in components):
        yield "unknown rate"
    if len({c.vat_percent for c in components}) > 1:
        yield "several rates"
    if any(c.taxes for c in components):
        yield "several taxes"
    if charge.discounts:
        yield "discount"
    if not any(c.price for c in components):
        yield "free tariff"
    if any(c.step_size > 1 for c in components):
        yield f"step size {case.policy.step_size}"
    yield f"selection {case.policy.selection}"
    if len(case.tariffs) > 1:
        yield "several tariffs"
    yield from (
        f"{name} price {side}"
        for t in case.tariffs
        for name, limit in (("min", t.min_price), ("max", t.max_price))
        if limit
        for side in ("before tax", "after tax")
        if side == "before tax" or limit.after_tax is not None
    )
    p = case.policy
    yield from (
        f"{p.flat_fees}",
        f"{p.nights}",
        f"{p.minimum_price}",
        f"{p.rounding}",
        f"{p.rounding_place}",
        f"{p.price_change}",
    )
    yield f"currency {case.tariffs[0].currency}"
    starts = [p.start for p in charge.periods]
    if any(a == b for a, b in zip(starts, [*starts[1:], charge.end], strict=True)):
        yield "period of no length"
    if starts != sorted(starts):
        yield "periods out of order"
    hours = [{v.dimension for v in p.volumes if v.volume} for p in charge.periods]
    if any(VolumeDimension.RESERVATION_TIME in h for h in hours):
        yield "reservation"
    if any({VolumeDimension.TIME, VolumeDimension.PARKING_TIME} <= h for h in hours):
        yield "charging and parking in one period"
    if charge.reservation_expired:
        yield "reservation expired"
    if not any(VolumeDimension.ENERGY in h for h in hours):
        yield "no energy"
    for zone, at in CHANGES_OF_THE_CLOCK:
        if zone == charge.time_zone and charge.start < _utc(at) < charge.end:
            yield f"change of the clock in {zone}"


# Tariffs.

_clocks = st.sampled_from(("00:00", "00:30", "01:30", "02:00", "02:15", "02:30", "03:00", "06:00", "12:00", "22:00"))
_dates = st.sampled_from(("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"))
_RESTRICTIONS: dict[str, st.SearchStrategy[object]] = {
    "start_time": _clocks,
    "end_time": _clocks,
    "start_date": _dates,
    "end_date": _dates,
    "min_kwh": st.sampled_from(("0", "2", "5.5", "10")),
    "max_kwh": st.sampled_from(("1", "2", "5.5", "10", "30")),
    "min_power_kw": st.sampled_from(_POWERS),
    "max_power_kw": st.sampled_from(_POWERS),
    "min_current_a": st.sampled_from(_CURRENTS),
    "max_current_a": st.sampled_from(_CURRENTS),
    "min_duration_s": st.sampled_from((0, 60, 900, 3600, 7200)),
    "max_duration_s": st.sampled_from((60, 900, 3600, 7200)),
    "days_of_week": st.lists(st.sampled_from(list(Weekday)), min_size=1, max_size=5, unique=True).map(tuple),
}
_PAIRS = (
    ("start_time", "end_time"),
    ("start_time", "end_time"),
    ("start_time",),
    ("end_time",),
    ("start_date", "end_date"),
    ("start_date",),
    ("end_date",),
    ("min_kwh",),
    ("max_kwh",),
    ("min_kwh", "max_kwh"),
    ("min_duration_s",),
    ("max_duration_s",),
    ("min_duration_s", "max_duration_s"),
    ("days_of_week",),
    ("start_time", "end_time", "days_of_week"),
)
_WALKED = tuple(names for names in _PAIRS if "kwh" not in names[0])
_BANDS = (
    ("min_power_kw",),
    ("max_power_kw",),
    ("min_power_kw", "max_power_kw"),
    ("min_current_a",),
    ("max_current_a",),
)
_SOME = st.sampled_from((True, False, False))
_FEW = st.sampled_from((True, *(False,) * 7))
_RARELY = st.sampled_from((True, *(False,) * 15))


@st.composite
def restrictions(draw: st.DrawFn, metered: bool) -> dict[str, object]:
    choices = _WALKED if metered else (*_PAIRS, *_BANDS)
    names = () if draw(_SOME) else draw(st.sampled_from(choices))
    if draw(_FEW):
        names = tuple(dict.fromkeys((*names, *draw(st.sampled_from(choices)))))
    return {name: draw(_RESTRICTIONS[name]) for name in names}


@st.composite
def elements(
    draw: st.DrawFn, rates: Sequence[str | None], reserved: bool, metered: bool, restricted: bool = True
) -> TariffElement:
    kind = draw(st.sampled_from(("RESERVATION", "RESERVATION_EXPIRES", None, None))) if reserved else None
    names = ("TIME", "FLAT") if kind else ("ENERGY", "TIME", "PARKING_TIME", "FLAT")
    prices: tuple[str, ...] = ("0.25", "0.333", "1", "7.77", "12.005", "0")
    if draw(_RARELY):
        prices = ("-0.5",)
    drawn = draw(st.sampled_from((("ENERGY", "TIME", "PARKING_TIME"), ("FLAT", "TIME"), ())))
    drawn = tuple(name for name in drawn if name in names) or draw(
        st.lists(st.sampled_from(names), min_size=1, max_size=3)
    )
    components = [
        _with_taxes(
            component(
                name,
                draw(st.sampled_from(prices)),
                draw(st.sampled_from(rates)),
                draw(st.sampled_from((1, 1, 0, 60, 500, 900, 3600))),
            )
        )
        for name in drawn
    ]
    held = draw(restrictions(metered)) if restricted else {}
    return element(*components, **held, **({"reservation": kind} if kind else {}))


@st.composite
def tariffs(
    draw: st.DrawFn, name: str = "T1", reserved: bool = False, metered: bool = False, currency: str = "EUR"
) -> Tariff:
    included = draw(st.sampled_from((TaxIncluded.NO, TaxIncluded.NO, TaxIncluded.YES, TaxIncluded.NOT_APPLICABLE)))
    known = draw(st.sampled_from(_RATES))
    if draw(_FEW):
        known = (*known, None)
    found = draw(st.lists(elements(known, reserved, metered), min_size=1, max_size=4))
    if draw(st.booleans()):
        found.append(draw(elements(known, reserved=False, metered=metered, restricted=False)))
    if draw(_RARELY):
        found = [element(component("FLAT", "0", None, 0))]
    limits: dict[str, object] = {}
    for limit, amounts in (("min_price", ("0.5", "2", "15")), ("max_price", ("20", "3", "8.5"))):
        if draw(_FEW):
            net = Decimal(draw(st.sampled_from(amounts)))
            gross = draw(st.sampled_from((None, net, net * Decimal("1.19"), net + 4)))
            limits[limit] = {"currency": currency, "before_tax": net, "after_tax": gross}
    return tariff(*found, tax=included, id=name, currency=currency, **limits)


def _with_taxes(component: PriceComponent) -> PriceComponent:
    """Two taxes that make one rate, as in Quebec; or one of them alone."""
    for taxes in (TWO_TAXES, TWO_TAXES[:1]):
        if component.vat_percent == sum(tax.percent for tax in taxes):
            return component.model_copy(update={"taxes": taxes})
    return component


# Sessions.


@st.composite
def starts(draw: st.DrawFn, longest_h: int) -> tuple[str, datetime]:
    zone, at = draw(st.sampled_from((*CHANGES_OF_THE_CLOCK, *ORDINARY_MIDNIGHTS)))
    return zone, _utc(at) - timedelta(minutes=draw(st.integers(0, 4 * longest_h)) * 15)


_lengths = st.one_of(
    st.sampled_from((0, 1, 60, 899, 900, 901, 1800, 3600, 7200)),
    st.integers(1, 3 * 3600),
    st.sampled_from((6, 12, 23, 24, 25)).map(lambda hours: hours * 3600),
)
_kwh = st.one_of(st.sampled_from(("0", "1", "2", "5.5", "0.1152")), st.integers(0, 200_000).map(lambda n: f"{n}e-4"))


@st.composite
def sessions(draw: st.DrawFn, names: Sequence[str], reserved: bool) -> Charge:
    """A session in periods, as a partner might send it: hours rounded, left out, or wrong."""
    zone, start = draw(starts(longest_h=6))
    at = start
    found = []
    count = draw(st.integers(1, 5))
    booked = draw(st.sampled_from((1, 1, 2, count))) if reserved else 0
    flow = draw(st.sampled_from(("stated", "stated", "range", "absent")))
    for index in range(count):
        length = draw(_lengths)
        volumes = {name: Decimal(value) for name, value in draw(_period(length, index < booked, flow)).items()}
        given = tuple(Volume(dimension=VolumeDimension(name), volume=volume) for name, volume in volumes.items())
        name = draw(st.sampled_from((None, *names))) if len(names) > 1 else None
        found.append(ChargingPeriod(start=at, volumes=given, tariff_id=name))
        at += timedelta(seconds=length)
    if found[0].start != found[-1].start and draw(_RARELY):
        found.reverse()
    if draw(_RARELY):
        start -= timedelta(minutes=10)
    return Charge(
        start=start,
        end=at,
        periods=tuple(found),
        time_zone=zone,
        reservation_expired=booked >= count and draw(st.booleans()),
        discounts=draw(discounts()) if draw(_FEW) else (),
    )


@st.composite
def _period(draw: st.DrawFn, length: int, reserved: bool, flow: str) -> dict[str, str]:
    hours = str(round(Decimal(length) / 3600, 4))
    if reserved:
        return {"RESERVATION_TIME": hours if length else "0.25"}
    volumes = {} if draw(_FEW) else {"ENERGY": draw(_kwh)}
    kind = draw(st.sampled_from(("TIME", "TIME", "TIME", "PARKING_TIME", "PARKING_TIME", "both", "none")))
    if kind == "both" and length >= 120:
        charged = length // 60 // 2 * 60
        return {
            **volumes,
            "TIME": str(round(Decimal(charged) / 3600, 4)),
            "PARKING_TIME": str(round(Decimal(length - charged) / 3600, 4)),
        }
    if kind in ("TIME", "PARKING_TIME"):
        volumes[kind] = hours
    if kind == "PARKING_TIME" and not draw(_SOME):
        volumes.pop("ENERGY", None)
        return volumes
    for what, values in (("POWER", _POWERS), ("CURRENT", _CURRENTS)):
        if flow == "stated":
            value = draw(st.sampled_from(values))
            volumes |= draw(st.sampled_from(({what: value}, {f"MIN_{what}": value, f"MAX_{what}": value})))
        elif flow == "range":
            low, high = sorted((draw(st.sampled_from(values)), draw(st.sampled_from(values))), key=Decimal)
            volumes |= {f"MIN_{what}": low, f"MAX_{what}": high}
    return volumes


@st.composite
def discounts(draw: st.DrawFn) -> tuple[Discount, ...]:
    of = ((), (CostComponent.ENERGY,), (CostComponent.TIME, CostComponent.PARKING), (CostComponent.FLAT,))
    percents = draw(st.lists(st.sampled_from((10, 25, 100)), min_size=1, max_size=2))
    return tuple(
        Discount(name=f"D{n}", percent=Decimal(percent), components=draw(st.sampled_from(of)))
        for n, percent in enumerate(percents)
    )


_policies = st.builds(
    PricingPolicy,
    name=st.just("drawn"),
    step_size=st.sampled_from((StepSizeReading.LAST_DIMENSION, *StepSizeReading)),
    selection=st.sampled_from((SelectionReading.PER_DIMENSION, *SelectionReading)),
    rounding=st.sampled_from(list(Rounding)),
    rounding_place=st.sampled_from((RoundingPlace.LINE, *RoundingPlace)),
    decimals=st.sampled_from((None, None, 2, 0, 4)),
    flat_fees=st.sampled_from((FlatReading.ONCE_PER_ELEMENT, *FlatReading)),
    nights=st.sampled_from((NightReading.DAY_OF_THE_INSTANT, *NightReading)),
    minimum_price=st.sampled_from((MinimumPrice.EVERY_SESSION, *MinimumPrice)),
    price_change=st.sampled_from((*(PriceChange.FLAG,) * 7, PriceChange.REFUSE)),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A session in periods, and the tariffs that it names."""
    reserved = draw(_SOME)
    names = draw(st.sampled_from((("T1",), ("T1",), ("T1",), ("T1", "T2"), ("T1", "T2", "T3"))))
    currency = draw(st.sampled_from(("EUR", *_PLACES)))
    found = tuple(draw(tariffs(name, reserved, currency=currency)) for name in names)
    return Case(draw(sessions(names, reserved)), found, draw(_policies))


@st.composite
def metered(draw: st.DrawFn) -> Case:
    """A session of our own, in the periods that we cut out of its readings."""
    zone, readings, priced_by = draw(journeys())
    policy = draw(_policies)
    end = readings[-1].at
    cut = periods(readings, end, priced_by, zone, policy)
    charge = Charge(start=readings[0].at, end=end, periods=cut, time_zone=zone)
    return Case(charge, (priced_by,), policy, readings)


@st.composite
def sampled(draw: st.DrawFn) -> Case:
    """A session with a period for each state of the vehicle, whatever the price does, and signed readings to cut it.

    Nothing is cut where another element takes over at the same price, so that there are fewer lines to be rounded than
    in a session cut everywhere: the total is what is rounded here.
    """
    zone, readings, priced_by = draw(journeys())
    as_agreed = {"price_change": PriceChange.SPLIT, "rounding_place": RoundingPlace.TOTAL}
    policy = draw(_policies).model_copy(update=as_agreed)
    charge = Charge(
        start=readings[0].at,
        end=readings[-1].at,
        periods=one_a_state(readings),
        time_zone=zone,
        samples=tuple(Sample(at=reading.at, kwh=reading.energy_kwh) for reading in readings),
    )
    return Case(charge, (priced_by,), policy, readings)


def one_a_state(readings: Sequence[MeterReading]) -> tuple[ChargingPeriod, ...]:
    """Charging periods that begin where the state changes, and nowhere else."""
    found = []
    for state, run in groupby(pairwise(readings), key=lambda pair: pair[0].state):
        legs = list(run)
        begin, end = legs[0][0], legs[-1][1]
        hours = round(Decimal((end.at - begin.at) // timedelta(seconds=1)) / 3600, 4)
        volumes = {HOURS[state]: hours, VolumeDimension.ENERGY: end.energy_kwh - begin.energy_kwh}
        given = tuple(Volume(dimension=name, volume=volume) for name, volume in volumes.items())
        found.append(ChargingPeriod(start=begin.at, volumes=given))
    return tuple(found)


@st.composite
def journeys(draw: st.DrawFn) -> tuple[str, tuple[MeterReading, ...], Tariff]:
    """Readings at whole minutes, with flows that are exact to four decimals a minute; their zone, and a tariff."""
    zone, at = draw(starts(longest_h=2))
    kwh = Decimal(0)
    readings = []
    reserved = draw(_SOME)
    states = [VehicleState.CHARGING, VehicleState.PARKED]
    for index in range(draw(st.integers(1, 4))):
        state = VehicleState.RESERVED if reserved and index == 0 else draw(st.sampled_from(states))
        readings.append(MeterReading(at=at, energy_kwh=kwh, state=state))
        length = draw(st.integers(1, 90))
        at += timedelta(minutes=length)
        if state is VehicleState.CHARGING:
            kwh += length * Decimal(draw(st.integers(0, 3000))).scaleb(-4)
    readings.append(MeterReading(at=at, energy_kwh=kwh, state=VehicleState.PARKED))
    return zone, tuple(readings), draw(tariffs(reserved=reserved, metered=True))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
