"""Two engines that share no code agree on any session and any tariff."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.cdr import CostComponent
from canonical.session import MeterReading, VehicleState, VolumeDimension
from canonical.tariff import Tariff, Weekday
from settlement.pricing import DEFAULT_POLICY, Charge, periods, price
from tests.settlement import oracle
from tests.settlement.build import EXACT, component, element, tariff

ZONES = ("Europe/Berlin", "UTC", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu")
_clocks = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
_restrictions = st.fixed_dictionaries(
    {},
    optional={
        "start_time": _clocks,
        "end_time": _clocks,
        "days_of_week": st.lists(st.sampled_from(list(Weekday)), min_size=1, max_size=5, unique=True).map(tuple),
        "min_duration_s": st.integers(0, 400).map(lambda minutes: 60 * minutes),
        "max_duration_s": st.integers(1, 400).map(lambda minutes: 60 * minutes),
    },
)
_components = st.builds(
    component,
    st.sampled_from(["ENERGY", "TIME", "PARKING_TIME", "FLAT"]),
    st.sampled_from(["0", "0.25", "0.333", "1", "7.77"]),
    st.sampled_from(["0", "7", "19", "8.1"]),
    st.sampled_from([0, 1, 60, 300, 900, 500]),
)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    elements = [
        element(*draw(st.lists(_components, min_size=1, max_size=4)), **draw(_restrictions))
        for _ in range(draw(st.integers(1, 4)))
    ]
    return tariff(*elements)


@st.composite
def sessions(draw: st.DrawFn) -> list[MeterReading]:
    """Readings at whole minutes, flows that are exact to four decimals a minute, near changes of the clock or not."""
    day = draw(st.sampled_from(["2026-03-28T21:00", "2026-10-24T20:00", "2026-10-31T23:30", "2026-06-05T06:07"]))
    at = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 600)))
    kwh = Decimal(0)
    readings = []
    for _ in range(draw(st.integers(1, 4))):
        state = draw(st.sampled_from([VehicleState.CHARGING, VehicleState.PARKED]))
        readings.append(MeterReading(at=at, energy_kwh=kwh, state=state))
        minutes = draw(st.integers(1, 300))
        at += timedelta(minutes=minutes)
        if state is VehicleState.CHARGING:
            kwh += minutes * Decimal(draw(st.integers(0, 3000))).scaleb(-4)
    return [*readings, MeterReading(at=at, energy_kwh=kwh, state=VehicleState.PARKED)]


@settings(max_examples=150, deadline=None)
@given(sessions(), tariffs(), st.sampled_from(ZONES))
def test_both_engines_agree(readings: list[MeterReading], priced_by: Tariff, zone: str):
    end = readings[-1].at
    segments = periods(readings, end, priced_by, zone)
    charge = Charge(start=readings[0].at, end=end, periods=segments, time_zone=zone)

    got = price(charge, priced_by, EXACT)
    expected, by_component = oracle.cost(readings, priced_by, zone)

    tolerance = Fraction(1, 10**9)
    assert abs(Fraction(got.net) - expected) < tolerance
    for name, amount in by_component.items():
        priced = got.component(CostComponent(name))
        assert abs(Fraction(priced.before_tax if priced else 0) - amount) < tolerance
    energies = [p.volume(VolumeDimension.ENERGY) or Decimal(0) for p in segments]
    assert sum(energies) == readings[-1].energy_kwh
    assert "pricing.period_spans_price_change" not in {note.code for note in got.notes}


@settings(max_examples=100, deadline=None)
@given(sessions(), tariffs(), st.sampled_from(ZONES))
def test_rounded_amounts_add_up(readings: list[MeterReading], priced_by: Tariff, zone: str):
    end = readings[-1].at
    segments = periods(readings, end, priced_by, zone)
    got = price(Charge(start=readings[0].at, end=end, periods=segments, time_zone=zone), priced_by, DEFAULT_POLICY)

    assert got.net == sum((line.net for line in got.lines), Decimal(0))
    assert got.gross == sum((line.gross or Decimal(0) for line in got.lines), Decimal(0))
    for rate in got.rates:
        assert rate.percent is not None
        assert rate.tax is not None
        assert abs(rate.base * rate.percent / 100 - rate.tax) <= Decimal("0.005")
    parts = [got.component(c) for c in CostComponent]
    assert got.total().before_tax == sum((p.before_tax for p in parts if p), Decimal(0))
