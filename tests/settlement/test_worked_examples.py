"""The examples of the OCPI specification, as far as they are right; where the print is wrong, the correct figure."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.session import ChargingPeriod
from canonical.tariff import Tariff
from settlement.pricing import DEFAULT_POLICY, Breakdown, Charge, PricingPolicy, Unpriceable, price
from settlement.pricing.policy import StepSizeReading
from tests.settlement import ocpi_tariff
from tests.settlement.build import EXACT

_FOLDER = "cases/tariffs/worked_examples.json"
_EXACT_ENOUGH = Decimal("0.000000001")
_COMPONENT = {"PARKING_TIME": "PARKING"}

IDS = (
    "simple_025kwh_20",
    "start_025kwh_20",
    "min_price_20kwh",
    "parking_start_40min",
    "simple_2hour_150min",
    "na_exclusive_150min",
    "na_inclusive_150min",
    "3hour_5parking",
    "alt_text_150min",
    "complex_monday",
    "max_power_bands",
    "max_duration_40min",
    "step_switch_1",
    "step_switch_2",
    "cdr_step_21_7",
    "cdr_step_energy_5_4",
    "cdr_step_time_28",
    "cdr_step_21_16",
    "pc_step_energy_115_2wh_1",
    "pc_step_energy_115_2wh_25",
    "pc_step_energy_115_2wh_500",
)


def load(shared: Path) -> dict[str, dict[str, Any]]:
    return {case["id"]: case for case in json.loads((shared / _FOLDER).read_text())}


def tariff_of(case: dict[str, Any], shared: Path) -> Tariff:
    if case["tariff_inline"]:
        return ocpi_tariff.read(json.loads(json.dumps(case["tariff_inline"]), parse_float=Decimal))
    return ocpi_tariff.read(json.loads((shared / case["tariff_file"]).read_text(), parse_float=Decimal))


def charge_of(case: dict[str, Any]) -> Charge:
    periods = tuple(
        ChargingPeriod.model_validate({"start": p["start_date_time"], "volumes": ocpi_tariff.volumes(p["dimensions"])})
        for p in case["charging_periods"]
    )
    return Charge(
        start=periods[0].start,
        end=case["end_date_time"],
        periods=periods,
        time_zone=case["time_zone"],
    )


def test_every_case_is_run(shared: Path):
    assert tuple(load(shared)) == IDS


@pytest.mark.parametrize("case_id", [i for i in IDS if not i.startswith("na_")])
class TestExample:
    def test_is_exact_before_rounding(self, case_id: str, shared: Path):
        case = load(shared)[case_id]
        got = price(charge_of(case), tariff_of(case, shared), EXACT)
        expected = case["computed_exact"]
        assert got.gross is not None
        assert abs(got.net - Decimal(expected["total_excl_vat"])) < _EXACT_ENOUGH
        assert abs(got.gross - Decimal(expected["total_incl_vat"])) < _EXACT_ENOUGH
        for dimension, billed in expected["billed"].items():
            lines = [line for line in got.lines if line.component == _COMPONENT.get(dimension, dimension)]
            quantity = sum(line.quantity for line in lines)
            assert abs(quantity - Decimal(billed["volume"])) < _EXACT_ENOUGH
            assert abs(sum(line.net for line in lines) - Decimal(billed["excl"])) < _EXACT_ENOUGH

    def test_is_within_a_cent_as_it_is_billed(self, case_id: str, shared: Path):
        case = load(shared)[case_id]
        got: Breakdown = price(charge_of(case), tariff_of(case, shared), DEFAULT_POLICY)
        assert abs(got.net - Decimal(case["expected"]["total_excl_vat"])) <= Decimal("0.01")
        assert got.net == sum(line.net for line in got.lines)


def test_tax_that_the_tariff_does_not_know_is_unknown_and_not_zero(shared: Path):
    case = load(shared)["na_exclusive_150min"]
    got = price(charge_of(case), tariff_of(case, shared), DEFAULT_POLICY)
    assert (got.net, got.gross, got.total().after_tax) == (Decimal("5.00"), None, None)


def test_net_of_a_gross_price_without_a_rate_cannot_be_known(shared: Path):
    case = load(shared)["na_inclusive_150min"]
    with pytest.raises(Unpriceable) as refused:
        price(charge_of(case), tariff_of(case, shared), DEFAULT_POLICY)
    assert [f.code for f in refused.value.findings] == ["pricing.net_unknown"]


def example(shared: Path, name: str) -> Tariff:
    text = (shared / "examples/ocpi/2.2.1" / name).read_text()
    return ocpi_tariff.read(json.loads(text, parse_float=Decimal))


def test_complex_saturday_costs_what_its_rules_say_and_not_what_is_printed(shared: Path):
    # Printed 12.28 and 13.861; 114 minutes at 1.25 an hour are 2.375.
    charge = Charge.model_validate(
        {
            "start": "2024-01-13T12:30:00Z",
            "end": "2024-01-13T15:35:00Z",
            "time_zone": "Europe/Berlin",
            "periods": [
                {
                    "start": "2024-01-13T12:30:00Z",
                    "volumes": [
                        {"dimension": "TIME", "volume": "1.9"},
                        {"dimension": "MIN_CURRENT", "volume": "43"},
                        {"dimension": "MAX_CURRENT", "volume": "43"},
                    ],
                },
                {"start": "2024-01-13T14:24:00Z", "volumes": [{"dimension": "PARKING_TIME", "volume": "1.1833"}]},
            ],
        }
    )
    got = price(charge, example(shared, "tariff_4_complex.json"), EXACT)
    assert (got.net, got.gross) == (Decimal("12.375"), Decimal("13.975"))


@pytest.mark.parametrize(
    ("name", "minutes", "kwh", "net", "gross"),
    [
        ("tariff_15_reservation_5_euro_per_hour.json", 15, "20", "6.75", "7.60"),
        ("tariff_16_reservation_2_euro_fee_5_euro_per_hour.json", 13, "20", "8.75", "10.00"),
        ("tariff_17_reservation_with_expire_fee.json", 22, "20", "6.50", "7.30"),
        ("tariff_17_reservation_with_expire_fee.json", 60, None, "6.00", "7.20"),
        ("tariff_18_reservation_with_expire_time.json", 22, "20", "7.00", "7.90"),
        ("tariff_18_reservation_with_expire_time.json", 90, None, "9.00", "10.80"),
    ],
)
def test_reservation(shared: Path, name: str, minutes: int, kwh: str | None, net: str, gross: str):
    booked = {"start": "2024-01-15T10:00:00Z", "volumes": [{"dimension": "RESERVATION_TIME", "volume": str(minutes)}]}
    booked["volumes"] = [{"dimension": "RESERVATION_TIME", "volume": Decimal(minutes) / 60}]
    arrival = f"2024-01-15T{10 + minutes // 60}:{minutes % 60:02}:00Z"
    used = {"start": arrival, "volumes": [{"dimension": "ENERGY", "volume": kwh}]}
    charge = Charge.model_validate(
        {
            "start": booked["start"],
            "end": "2024-01-15T12:00:00Z" if kwh else arrival,
            "time_zone": "UTC",
            "periods": [booked, used] if kwh else [booked],
            "reservation_expired": kwh is None,
        }
    )
    got = price(charge, example(shared, name), EXACT)
    assert (got.net, got.gross) == (Decimal(net), Decimal(gross))


@pytest.mark.parametrize(("kwh", "net", "gross"), [("50", "10.00", "11.00"), ("30", "8.00", "8.85")])
def test_maximum_price(shared: Path, kwh: str, net: str, gross: str):
    charge = Charge.model_validate(
        {
            "start": "2019-03-15T10:00:00Z",
            "end": "2019-03-15T11:00:00Z",
            "time_zone": "UTC",
            "periods": [{"start": "2019-03-15T10:00:00Z", "volumes": [{"dimension": "ENERGY", "volume": kwh}]}],
        }
    )
    got = price(charge, example(shared, "tariff_6_025kwh_start_max_price.json"), DEFAULT_POLICY)
    assert (got.net, got.gross) == (Decimal(net), Decimal(gross))
    assert got.total().before_tax == sum(line.net for line in got.lines)
    assert got.total().after_tax == sum(line.gross for line in got.lines if line.gross is not None)


def test_free_tail_is_not_rounded_and_the_last_price_takes_the_step(shared: Path):
    # 19:40: 12 minutes of charging, then 20 of parking, of which the last 12 are free. Edition 2 prints 0.73.
    charge = Charge.model_validate(
        {
            "start": "2024-01-15T18:40:00Z",
            "end": "2024-01-15T19:12:00Z",
            "time_zone": "Europe/Berlin",
            "periods": [
                {"start": "2024-01-15T18:40:00Z", "volumes": [{"dimension": "TIME", "volume": "0.2"}]},
                {"start": "2024-01-15T18:52:00Z", "volumes": [{"dimension": "PARKING_TIME", "volume": "0.1333"}]},
                {"start": "2024-01-15T19:00:00Z", "volumes": [{"dimension": "PARKING_TIME", "volume": "0.2"}]},
            ],
        }
    )
    got = price(charge, example(shared, "tariff_14_step_size.json"), DEFAULT_POLICY)
    assert got.net == Decimal("0.73")
    assert [f.code for f in got.notes] == ["pricing.gap"]


@pytest.mark.parametrize(
    ("reading", "net"),
    [
        (StepSizeReading.PER_DIMENSION, "0.75"),
        (StepSizeReading.COMBINED_TIME, "0.383333"),
        (StepSizeReading.LAST_DIMENSION, "0.55"),
        (StepSizeReading.IGNORED, "0.333333"),
    ],
)
def test_each_edition_read_a_step_size_in_its_own_way(shared: Path, reading: StepSizeReading, net: str):
    # 16:55: 10 minutes of charging, then 2 of parking. Printed by 2.2, 2.2-d2 and 2.3.0 edition 2, in this order.
    charge = Charge.model_validate(
        {
            "start": "2024-01-15T15:55:00Z",
            "end": "2024-01-15T16:07:00Z",
            "time_zone": "Europe/Berlin",
            "periods": [
                {"start": "2024-01-15T15:55:00Z", "volumes": [{"dimension": "TIME", "volume": "0.0833"}]},
                {"start": "2024-01-15T16:00:00Z", "volumes": [{"dimension": "TIME", "volume": "0.0833"}]},
                {"start": "2024-01-15T16:05:00Z", "volumes": [{"dimension": "PARKING_TIME", "volume": "0.0333"}]},
            ],
        }
    )
    policy = PricingPolicy(name="reading", decimals=6, step_size=reading)
    assert price(charge, example(shared, "tariff_14_step_size.json"), policy).net == Decimal(net)
