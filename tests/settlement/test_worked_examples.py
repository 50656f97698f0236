"""The published examples, in each version of OCPI that has them; where the print is wrong, the correct figure.

Each prices the tariff of its version. The same results, and those that no file has, are in
`test_reference_results.py` as data of our own.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.session import ChargingPeriod
from canonical.tariff import Tariff
from settlement.pricing import DEFAULT_POLICY, Breakdown, Charge, Unpriceable, price
from tests.settlement import ocpi_tariff
from tests.settlement.build import EXACT
from tests.settlement.test_reference_results import RESULTS

_FOLDER = "cases/tariffs/worked_examples.json"
_EXACT_ENOUGH = Decimal("0.000000001")
_COMPONENTS = {"PARKING_TIME": ("PARKING", "IDLE")}

BOTH = ("2.2.1", "2.3.0")
CASES = {
    "simple_025kwh_20": BOTH,
    "start_025kwh_20": BOTH,
    "min_price_20kwh": BOTH,
    "parking_start_40min": BOTH,
    "simple_2hour_150min": BOTH,
    "na_exclusive_150min": ("2.3.0",),
    "na_inclusive_150min": ("2.3.0",),
    "3hour_5parking": BOTH,
    "alt_text_150min": BOTH,
    "complex_monday": BOTH,
    "max_power_bands": BOTH,
    "max_duration_40min": BOTH,
    "step_switch_1": BOTH,
    "step_switch_2": BOTH,
    "cdr_step_21_7": BOTH,
    "cdr_step_energy_5_4": BOTH,
    "cdr_step_time_28": BOTH,
    "cdr_step_21_16": BOTH,
    "pc_step_energy_115_2wh_1": BOTH,
    "pc_step_energy_115_2wh_25": BOTH,
    "pc_step_energy_115_2wh_500": BOTH,
}
IN_EACH_VERSION = [(case, version) for case, versions in CASES.items() for version in versions]


def load(shared: Path) -> dict[str, dict[str, Any]]:
    return {case["id"]: case for case in json.loads((shared / _FOLDER).read_text())}


def tariff_of(case: dict[str, Any], shared: Path, version: str) -> Tariff:
    if case["tariff_inline"]:
        document = json.loads(json.dumps(case["tariff_inline"]), parse_float=Decimal)
        if version == "2.3.0":
            document["tax_included"] = "N/A"
    else:
        # The cases name one version's file; every version that has the example has it under the same name.
        folder, _, name = case["tariff_file"].rpartition("/")
        file = shared / Path(folder).parent / version / name
        document = json.loads(file.read_text(), parse_float=Decimal)
    return ocpi_tariff.read(document)


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


def assert_gross(got: Breakdown, expected: str, file: str | None, version: str) -> None:
    """The step size example names no rate: no tax in 2.2.1, but in 2.3.0 its prices are before an unknown one."""
    if version == "2.3.0" and file and file.endswith("tariff_14_step_size.json"):
        assert got.gross is None
    else:
        assert got.gross is not None
        assert abs(got.gross - Decimal(expected)) < _EXACT_ENOUGH


def test_every_case_is_run(shared: Path):
    assert {name: tuple(case["versions"]) for name, case in load(shared).items()} == CASES


@pytest.mark.parametrize(("case_id", "version"), [c for c in IN_EACH_VERSION if not c[0].startswith("na_")])
class TestExample:
    def test_is_exact_before_rounding(self, case_id: str, version: str, shared: Path):
        case = load(shared)[case_id]
        got = price(charge_of(case), tariff_of(case, shared, version), EXACT)
        expected = case["computed_exact"]
        assert abs(got.net - Decimal(expected["total_excl_vat"])) < _EXACT_ENOUGH
        assert_gross(got, expected["total_incl_vat"], case["tariff_file"], version)
        for dimension, billed in expected["billed"].items():
            lines = [line for line in got.lines if line.component in _COMPONENTS.get(dimension, (dimension,))]
            assert abs(sum(line.quantity for line in lines) - Decimal(billed["volume"])) < _EXACT_ENOUGH
            assert abs(sum(line.net for line in lines) - Decimal(billed["excl"])) < _EXACT_ENOUGH

    def test_is_within_a_cent_as_it_is_billed(self, case_id: str, version: str, shared: Path):
        case = load(shared)[case_id]
        got: Breakdown = price(charge_of(case), tariff_of(case, shared, version), DEFAULT_POLICY)
        assert abs(got.net - Decimal(case["expected"]["total_excl_vat"])) <= Decimal("0.01")
        assert got.net == sum(line.net for line in got.lines)


def test_tax_that_the_tariff_does_not_know_is_unknown_and_not_zero(shared: Path):
    case = load(shared)["na_exclusive_150min"]
    got = price(charge_of(case), tariff_of(case, shared, "2.3.0"), DEFAULT_POLICY)
    assert (got.net, got.gross, got.total().after_tax) == (Decimal("5.00"), None, None)


def test_net_of_a_gross_price_without_a_rate_cannot_be_known(shared: Path):
    case = load(shared)["na_inclusive_150min"]
    with pytest.raises(Unpriceable) as refused:
        price(charge_of(case), tariff_of(case, shared, "2.3.0"), DEFAULT_POLICY)
    assert [f.code for f in refused.value.findings] == ["pricing.net_unknown"]


# The examples that have no case, from the files: the cases of `test_reference_results.py` under the real tariffs.
FILES = {
    "tariff_3_alt_url.json": "step of 100 Wh",
    "tariff_4_complex.json": "complex, Saturday",
    "tariff_6_025kwh_start_max_price.json": "maximum price, reached",
    "tariff_14_step_size.json": "evening, 19:40",
    "tariff_15_reservation_5_euro_per_hour.json": "reservation",
    "tariff_16_reservation_2_euro_fee_5_euro_per_hour.json": "reservation with a fee",
    "tariff_17_reservation_with_expire_fee.json": "reservation expired, fee",
    "tariff_18_reservation_with_expire_time.json": "reservation expired, dearer",
}


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(("name", "result"), FILES.items())
def test_other_published_tariff(shared: Path, name: str, result: str, version: str):
    document = json.loads((shared / "examples/ocpi" / version / name).read_text(), parse_float=Decimal)
    _, charge, net, gross = RESULTS[result]
    got = price(charge, ocpi_tariff.read(document), EXACT)
    assert abs(got.net - Decimal(net)) < _EXACT_ENOUGH
    assert_gross(got, gross, name, version)


@pytest.mark.parametrize("version", ["2.1.1", *BOTH])
def test_free_of_charge_costs_nothing_and_that_is_known(shared: Path, version: str):
    text = (shared / "examples/ocpi" / version / "tariff_5_free_of_charge.json").read_text()
    got = price(RESULTS["energy"][1], ocpi_tariff.read(json.loads(text, parse_float=Decimal)), DEFAULT_POLICY)
    assert (got.net, got.gross) == (Decimal(0), Decimal(0))
