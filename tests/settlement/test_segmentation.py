from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from canonical.session import MeterReading, VehicleState, VolumeDimension
from settlement.pricing import DEFAULT_POLICY, Charge, Unpriceable, periods, price
from tests.settlement.build import BERLIN, EXACT, NOON, component, element, reading, tariff

NIGHT_RATE = tariff(
    element(component("TIME", "1"), start_time="22:00", end_time="06:00"),
    element(component("TIME", "2")),
)
DAY_AND_NIGHT = timedelta(days=1)


def charging(start: datetime, duration: timedelta, kwh: str = "24") -> list[MeterReading]:
    return [
        MeterReading(at=start, energy_kwh=Decimal(0), state=VehicleState.CHARGING),
        MeterReading(at=start + duration, energy_kwh=Decimal(kwh), state=VehicleState.CHARGING),
    ]


def cost(readings, priced_by, zone=BERLIN):
    end = readings[-1].at
    segments = periods(readings, end, priced_by, zone)
    charge = Charge(start=readings[0].at, end=end, periods=segments, time_zone=zone)
    return price(charge, priced_by, EXACT).net


def starts(readings, priced_by, zone=BERLIN):
    found = periods(readings, readings[-1].at, priced_by, zone)
    return [p.start.strftime("%H:%M:%S") for p in found]


@pytest.mark.parametrize(
    ("midnight", "hours", "net"),
    [
        # Clocks go forward at 02:00: from 22:00 to 06:00 only seven hours pass, and 23 in the whole day.
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 23, 7 + 2 * 16),
        # Clocks go back at 03:00: nine hours pass, and 25 in the whole day.
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), 25, 9 + 2 * 16),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), 24, 8 + 2 * 16),
    ],
    ids=["spring, 23 h", "autumn, 25 h", "an ordinary day"],
)
def test_a_local_day_has_the_hours_that_pass(midnight: datetime, hours: int, net: int):
    assert cost(charging(midnight, timedelta(hours=hours)), NIGHT_RATE) == net


def test_a_window_that_lies_in_the_hour_that_comes_twice_applies_twice():
    twice = tariff(
        element(component("TIME", "6"), start_time="02:30", end_time="03:00"), element(component("TIME", "0"))
    )
    autumn = charging(datetime(2026, 10, 25, 0, 0, tzinfo=UTC), timedelta(hours=3))
    assert cost(autumn, twice) == 6
    assert starts(autumn, twice) == ["00:00:00", "00:30:00", "01:00:00", "01:30:00", "02:00:00"]


def test_a_window_that_lies_in_the_hour_that_is_skipped_does_not_apply():
    skipped = tariff(
        element(component("TIME", "6"), start_time="02:00", end_time="03:00"), element(component("TIME", "1"))
    )
    spring = charging(datetime(2026, 3, 29, 0, 0, tzinfo=UTC), timedelta(hours=3))
    assert cost(spring, skipped) == 3
    assert starts(spring, skipped) == ["00:00:00"]


def test_over_midnight_the_weekday_changes_at_local_midnight():
    weekend = tariff(element(component("ENERGY", "1"), days_of_week=("SATURDAY",)), element(component("ENERGY", "2")))
    friday_night = charging(datetime(2026, 3, 6, 22, 0, tzinfo=UTC), timedelta(hours=4), "8")
    assert starts(friday_night, weekend) == ["22:00:00", "23:00:00"]
    assert cost(friday_night, weekend) == 2 * 2 + 6 * 1


@pytest.mark.parametrize("edge", [{"start_time": "23:30"}, {"end_time": "23:30"}])
def test_a_window_with_one_edge_has_midnight_for_the_other(edge: dict[str, str]):
    one_edge = tariff(element(component("TIME", "6"), **edge))
    evening = charging(datetime(2026, 3, 6, 22, 0, tzinfo=UTC), timedelta(hours=2))
    assert cost(evening, one_edge) == (3 if "start_time" in edge else 9)


def test_dates_are_local_and_the_last_one_is_exclusive():
    march = tariff(
        element(component("ENERGY", "1"), start_date="2026-03-05", end_date="2026-03-06"),
        element(component("ENERGY", "2")),
    )
    assert cost(charging(datetime(2026, 3, 5, 22, 0, tzinfo=UTC), timedelta(hours=2), "4"), march) == 2 + 4


def test_energy_tiers_are_cut_at_the_exact_energy():
    tiers = tariff(
        element(component("ENERGY", "1"), max_kwh="7"),
        element(component("ENERGY", "2"), min_kwh="7", max_kwh="10"),
        element(component("ENERGY", "3"), min_kwh="10"),
    )
    readings = charging(NOON, timedelta(minutes=61), "22.3333")
    found = periods(readings, readings[-1].at, tiers, BERLIN)
    energies = [p.volume(VolumeDimension.ENERGY) for p in found]
    assert energies == [Decimal("7.0000"), Decimal("3.0000"), Decimal("12.3333")]
    assert all(p.start.microsecond == 0 for p in found)
    assert cost(readings, tiers) == 7 + 2 * 3 + 3 * Decimal("12.334")


def test_power_bands_are_cut_where_the_power_crosses_them():
    bands = tariff(
        element(component("ENERGY", "1", step=0), max_power_kw="16"),
        element(component("ENERGY", "2", step=0), max_power_kw="32"),
        element(component("ENERGY", "3", step=0)),
    )
    readings = [reading(0, "0"), reading(30, "5"), reading(60, "20"), reading(90, "45"), reading(120, "46")]
    assert starts(readings, bands) == ["11:00:00", "11:30:00", "12:00:00", "12:30:00"]
    assert cost(readings, bands) == 5 + 2 * 15 + 3 * 25 + 1


def test_current_that_no_reading_states_has_no_price():
    bands = tariff(element(component("TIME", "1"), max_current_a="32"), element(component("TIME", "2")))
    with pytest.raises(Unpriceable, match=r"pricing\.current_unknown"):
        periods(charging(NOON, timedelta(hours=1)), NOON + timedelta(hours=1), bands, BERLIN)


def test_duration_counts_from_the_arrival_and_not_from_the_reservation():
    grace = tariff(element(component("PARKING_TIME", "6", step=0), min_duration_s=3600))
    readings = [
        reading(0, "0", VehicleState.RESERVED),
        reading(30, "0", VehicleState.PARKED),
        reading(120, "0", VehicleState.PARKED),
    ]
    assert starts(readings, grace) == ["11:00:00", "11:30:00", "12:30:00"]
    assert cost(readings, grace) == 3


def test_volumes_sum_to_the_totals_to_the_last_digit():
    readings = [
        reading(0, "0"),
        reading(7, "1.00005"),
        reading(13.37, "2.71828", VehicleState.PARKED),
        reading(20, "2.71828"),
        reading(61, "9.99995"),
    ]
    found = periods(readings, readings[-1].at, NIGHT_RATE, BERLIN)
    kwh = [p.volume(VolumeDimension.ENERGY) or Decimal(0) for p in found]
    hours = [p.volume(VolumeDimension.TIME) or p.volume(VolumeDimension.PARKING_TIME) for p in found]
    assert sum(kwh) == Decimal("10.0000")
    assert sum(h for h in hours if h) == Decimal("1.0167")
    assert all(a.start < b.start for a, b in pairwise(found))


def test_readings_alone_make_no_period():
    many = [reading(minute, str(minute)) for minute in range(61)]
    assert len(periods(many, many[-1].at, NIGHT_RATE, BERLIN)) == 1


def test_order_of_readings_does_not_matter():
    readings = [reading(0, "0"), reading(30, "4"), reading(60, "9")]
    assert periods(readings[::-1], readings[-1].at, NIGHT_RATE, BERLIN) == periods(
        readings, readings[-1].at, NIGHT_RATE, BERLIN
    )


@pytest.mark.parametrize(
    ("readings", "code"),
    [
        ([], "readings.missing"),
        ([reading(0, "0"), reading(10, "5"), reading(20, "4")], "readings.energy_decreases"),
        ([reading(0, "0"), reading(60, "5"), reading(61, "6")], "readings.after_end"),
    ],
)
def test_contradictions_have_no_price(readings, code: str):
    with pytest.raises(Unpriceable) as refused:
        periods(readings, NOON + timedelta(hours=1), None, BERLIN)
    assert refused.value.findings[0].code == code


def test_local_time_without_a_time_zone_has_no_price():
    with pytest.raises(Unpriceable, match=r"pricing\.time_zone_unknown"):
        cost(charging(NOON, timedelta(hours=1)), NIGHT_RATE, zone="")
    assert cost(charging(NOON, timedelta(hours=1)), tariff(element(component("TIME", "2"))), zone="") == 2


def test_a_third_of_an_hour_is_a_third():
    third = charging(NOON, timedelta(minutes=20))
    assert cost(third, tariff(element(component("TIME", "0.03", step=0)))) == Decimal("0.01")


def test_a_flat_fee_is_due_once_however_often_its_element_applies():
    twice = tariff(
        element(component("FLAT", "1"), start_time="12:00", end_time="13:00"),
        element(component("FLAT", "5"), component("TIME", "0"), start_time="13:00", end_time="14:00"),
    )
    readings = charging(NOON, timedelta(hours=26))
    assert cost(readings, twice) == 1 + 5


def test_a_session_of_no_length_still_has_a_period():
    only = [reading(0, "0")]
    assert len(periods(only, NOON, None, BERLIN)) == 1
    charge = Charge(start=NOON, end=NOON, periods=periods(only, NOON, NIGHT_RATE, BERLIN), time_zone=BERLIN)
    assert price(charge, NIGHT_RATE, DEFAULT_POLICY).net == 0
