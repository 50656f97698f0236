"""Whatever we bill passes our own check, and no single figure of it can be changed without being found."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.cdr import Cdr
from canonical.money import Price
from canonical.session import MeterReading, Session, VehicleState, Volume, VolumeDimension
from canonical.tariff import Tariff, TaxIncluded
from settlement.validation import Basis, Outcome, Validation, validate
from tests.settlement.build import BERLIN, ENERGY_AND_IDLE, NOON, component, dossier, element, reading, session, tariff

TARIFFS = (
    ENERGY_AND_IDLE,
    tariff(element(component("FLAT", "0.75"), component("ENERGY", "0.39"), component("TIME", "1.30", step=60))),
    tariff(element(component("ENERGY", "0.41"), component("TIME", "0.90"), component("PARKING_TIME", "3.17", "7"))),
    tariff(
        element(component("ENERGY", "0.29"), start_time="20:00", end_time="07:00"),
        element(component("ENERGY", "0.49")),
    ),
    tariff(element(component("ENERGY", "0.59"), max_kwh="7"), element(component("ENERGY", "0.39"), min_kwh="7")),
    tariff(element(component("ENERGY", "0.48"), component("TIME", "1.20")), tax=TaxIncluded.YES),
    tariff(element(component("ENERGY", "0.44", None)), tax=TaxIncluded.NOT_APPLICABLE),
    tariff(element(component("ENERGY", "0.52")), max_price=Price(currency="EUR", before_tax=Decimal("6.00"))),
)
OFF = st.sampled_from(("0.02", "-0.02", "1", "-1.37", "250")).map(Decimal)
LATER = st.sampled_from((timedelta(minutes=6), timedelta(hours=-1), timedelta(hours=2), timedelta(days=400)))


@st.composite
def readings(draw: st.DrawFn) -> list[MeterReading]:
    """A car that charges, pauses, and stays: never more power than an AC socket has, and at least a kWh."""
    minutes, kwh, seen = 0, Decimal(0), [reading(0, "0")]
    begun = NOON + timedelta(minutes=draw(st.integers(0, 24 * 60)))
    for charging, lasted, tenths in draw(
        st.lists(st.tuples(st.booleans(), st.integers(1, 240), st.integers(1, 10)), min_size=1, max_size=6)
    ):
        minutes += lasted
        kwh += Decimal(tenths * lasted) / 10 if seen[-1].state is VehicleState.CHARGING else 0
        seen.append(reading(minutes, f"{kwh}", VehicleState.CHARGING if charging else VehicleState.PARKED))
    last = seen[-1].model_copy(update={"at": seen[-1].at + timedelta(minutes=20), "energy_kwh": kwh + 1})
    seen[-1] = seen[-1].model_copy(update={"state": VehicleState.CHARGING})
    return [one.model_copy(update={"at": begun + (one.at - NOON)}) for one in (*seen, last)]


def billed(of: Sequence[MeterReading], by: Tariff) -> tuple[Cdr, Session]:
    cdr = dossier(readings=of, priced_by=by).cdr
    return cdr, session(of, charging_periods=cdr.charging_periods)


def check(cdr: Cdr, seen: Session, held: Tariff) -> Validation:
    return validate(cdr, session=seen, tariff_held=held, time_zone=BERLIN)


@settings(max_examples=60, deadline=None)
@given(readings(), st.sampled_from(TARIFFS))
def test_whatever_we_bill_passes_our_own_check(of: list[MeterReading], by: Tariff) -> None:
    got = check(*billed(of, by), by)
    assert (got.findings, got.outcome) == ((), Outcome.ACCEPTED)
    assert got.explained_by == tuple(Basis)


Corruption = Callable[[Cdr], Cdr | None]


def amount(name: str, by: Decimal) -> Corruption:
    def corrupt(cdr: Cdr) -> Cdr | None:
        price: Price | None = getattr(cdr, name)
        if price is None:
            return None
        gross = None if price.after_tax is None else price.after_tax + by
        return cdr.model_copy(update={name: Price(currency="EUR", before_tax=price.before_tax + by, after_tax=gross)})

    return corrupt


def tax(name: str, by: Decimal) -> Corruption:
    def corrupt(cdr: Cdr) -> Cdr | None:
        price: Price | None = getattr(cdr, name)
        if price is None or price.after_tax is None:
            return None
        return cdr.model_copy(update={name: price.model_copy(update={"after_tax": price.after_tax + by})})

    return corrupt


def currency(cdr: Cdr) -> Cdr:
    return cdr.model_copy(update={"currency": "SEK"})


def energy(by: Decimal) -> Corruption:
    return lambda cdr: cdr.model_copy(update={"total_energy_kwh": cdr.total_energy_kwh + by})


def energy_of_a_period(by: Decimal) -> Corruption:
    def corrupt(cdr: Cdr) -> Cdr:
        first, *rest = cdr.charging_periods
        kwh = (first.volume(VolumeDimension.ENERGY) or Decimal(0)) + by
        others = tuple(volume for volume in first.volumes if volume.dimension is not VolumeDimension.ENERGY)
        volumes = (Volume(dimension=VolumeDimension.ENERGY, volume=kwh), *others)
        return cdr.model_copy(update={"charging_periods": (first.model_copy(update={"volumes": volumes}), *rest)})

    return corrupt


def moment(name: str, by: timedelta) -> Corruption:
    return lambda cdr: cdr.model_copy(update={name: getattr(cdr, name) + by})


def hours(name: str, by: Decimal) -> Corruption:
    return lambda cdr: None if getattr(cdr, name) is None else cdr.model_copy(update={name: getattr(cdr, name) + by})


COSTS = ("total_cost", "total_energy_cost", "total_time_cost", "total_parking_cost", "total_fixed_cost")
CORRUPTIONS = st.one_of(
    st.builds(amount, st.sampled_from(COSTS), OFF),
    st.builds(tax, st.sampled_from(COSTS), OFF),
    st.just(currency),
    st.builds(energy, OFF),
    st.builds(energy_of_a_period, OFF),
    st.builds(moment, st.sampled_from(("start", "end")), LATER),
    st.builds(hours, st.sampled_from(("total_time_h", "total_parking_time_h")), OFF),
)


@settings(max_examples=250, deadline=None)
@given(readings(), st.sampled_from(TARIFFS), CORRUPTIONS)
def test_no_single_figure_can_be_changed_without_being_found(
    of: list[MeterReading], by: Tariff, corrupt: Corruption
) -> None:
    cdr, seen = billed(of, by)
    corrupted = corrupt(cdr)
    if corrupted is not None:
        assert check(corrupted, seen, by).findings, f"{cdr!r} became {corrupted!r}"
