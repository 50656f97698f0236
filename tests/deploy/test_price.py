"""`roam price`: every published example through the command, files cut short, and files that are none."""

import json
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from typer.testing import Result

from tests.adapters.wire import objects as wire
from tests.deploy.given import (
    Document,
    answer,
    at_night,
    codes,
    ended_well,
    file_of,
    is_refused_in_one_line,
    minimal,
    mutated,
    run,
    unusable,
)

_EXACT_ENOUGH = Decimal("0.000000001")
_CENT = Decimal("0.01")


def price(*arguments: str, document: Document | None = None) -> Result:
    body = json.dumps(document).encode() if document is not None else None
    return run("price", "--json", *(("--cdr", "-") if body else ()), *arguments, given=body)


def priced(*arguments: str, document: Document) -> Document:
    result = price(*arguments, document=document)
    assert result.exit_code == 0, result.stderr
    return answer(result)


# The published examples


def example(case: Document, shared: Path) -> Document:
    """The case as a CDR in a file: nothing but what is known of it, volumes as text."""
    tariff = case["tariff_inline"] or json.loads((shared / case["tariff_file"]).read_text())
    periods = [
        {
            "start_date_time": period["start_date_time"],
            "dimensions": [{"type": d["type"], "volume": _decimal(d["volume"])} for d in period["dimensions"]],
        }
        for period in case["charging_periods"]
    ]
    return minimal(
        start_date_time=periods[0]["start_date_time"],
        end_date_time=case["end_date_time"],
        currency=tariff["currency"],
        tariffs=[tariff],
        charging_periods=periods,
    )


def _decimal(text: str) -> str:
    above, _, below = text.partition("/")
    return f"{Decimal(above) / Decimal(below or 1):.10f}"


def cases(shared: Path) -> dict[str, Document]:
    listed = json.loads((shared / "cases/tariffs/worked_examples.json").read_text())
    return {case["id"]: case for case in listed}


def test_every_example_costs_what_it_should_in_each_of_its_versions(shared: Path) -> None:
    for case_id, case in cases(shared).items():
        for version in case["versions"]:
            if not case_id.startswith("na_"):
                got = priced("--ocpi", version, "--timezone", case["time_zone"], document=example(case, shared))
                assert _differences(got, case) == [], (case_id, version)


def _differences(got: Document, case: Document) -> list[str]:
    exact, expected = case["computed_exact"], case["expected"]
    pairs = [
        ("total before tax", got["total"]["before_tax"], exact["total_excl_vat"], _EXACT_ENOUGH),
        ("total after tax", got["total"]["after_tax"], exact["total_incl_vat"], _EXACT_ENOUGH),
        ("rounded before tax", got["rounded"]["before_tax"], expected["total_excl_vat"], _CENT),
        ("rounded after tax", got["rounded"]["after_tax"], expected["total_incl_vat"], _CENT),
    ]
    rows = {row["dimension"]: row for row in got["components"]}
    for dimension, billed in exact["billed"].items():
        pairs += [
            (f"{dimension} billed", rows[dimension]["billed"], billed["volume"], _EXACT_ENOUGH),
            (f"{dimension} before tax", rows[dimension]["before_tax"], billed["excl"], _EXACT_ENOUGH),
            (f"{dimension} after tax", rows[dimension]["after_tax"], billed["incl"], _EXACT_ENOUGH),
        ]
    return [
        f"{what}: {ours}, not {theirs}"
        for what, ours, theirs, enough in pairs
        if ours is None or abs(Decimal(ours) - Decimal(theirs)) > enough
    ]


def test_tax_that_a_tariff_does_not_know_is_null_and_not_zero(shared: Path) -> None:
    got = priced(document=example(cases(shared)["na_exclusive_150min"], shared))
    assert got["total"] == {"before_tax": "5", "after_tax": None}
    assert got["rounded"] == {"before_tax": "5.00", "after_tax": None}


def test_of_a_gross_price_without_a_rate_the_net_alone_is_null(shared: Path) -> None:
    got = priced(document=example(cases(shared)["na_inclusive_150min"], shared))
    assert got["total"] == {"before_tax": None, "after_tax": "5.25"}
    assert got["rounded"] == {"before_tax": None, "after_tax": "5.25"}
    assert "pricing.net_unknown" in codes(got["findings"])


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_the_standards_own_cdr_is_priced(version: str, shared: Path) -> None:
    file = str(shared / "examples/ocpi" / version / "cdr_example.json")
    result = run("price", "--json", "--cdr", file)
    assert result.exit_code == 0
    got = answer(result)
    gross = None if version == "2.1.1" else "4.40"
    assert (got["currency"], got["rounded"]) == ("EUR", {"before_tax": "4.00", "after_tax": gross})
    assert "input.version_guessed" not in codes(got["findings"])


@pytest.mark.parametrize(
    ("name", "minutes", "kwh", "net", "gross"),
    [
        ("tariff_15_reservation_5_euro_per_hour.json", 15, 20, "6.75", "7.60"),
        ("tariff_17_reservation_with_expire_fee.json", 22, 20, "6.50", "7.30"),
        ("tariff_17_reservation_with_expire_fee.json", 60, None, "6.00", "7.20"),
        ("tariff_18_reservation_with_expire_time.json", 90, None, "9.00", "10.80"),
    ],
)
def test_a_reservation_is_a_row_of_its_own(
    shared: Path, name: str, minutes: int, kwh: int | None, net: str, gross: str
) -> None:
    begun, arrival = "2024-01-15T10:00:00Z", f"2024-01-15T{10 + minutes // 60}:{minutes % 60:02}:00Z"
    booked = {"start_date_time": begun, "dimensions": [{"type": "RESERVATION_TIME", "volume": f"{minutes / 60:.4f}"}]}
    used = {"start_date_time": arrival, "dimensions": [{"type": "ENERGY", "volume": kwh}]}
    got = priced(
        document=minimal(
            start_date_time=begun,
            end_date_time="2024-01-15T12:00:00Z" if kwh else arrival,
            tariffs=[json.loads((shared / "examples/ocpi/2.2.1" / name).read_text())],
            charging_periods=[booked, used] if kwh else [booked],
        )
    )
    assert got["rounded"] == {"before_tax": net, "after_tax": gross}
    rows = {row["dimension"]: row for row in got["components"]}
    assert set(rows) == ({"RESERVATION_TIME", "ENERGY", "FLAT"} if kwh else {"RESERVATION_TIME"})
    assert rows["RESERVATION_TIME"]["unit"] == "h"


# What the answer is


def test_amounts_are_texts_and_every_price_shows_its_working() -> None:
    tariff = minimal()["tariffs"][0]
    parking = {"type": "PARKING_TIME", "price": 6, "vat": 20, "step_size": 600}
    tariff["elements"][0]["price_components"].append(parking)
    periods = minimal()["charging_periods"]
    periods.append(
        {"start_date_time": "2024-01-15T10:47:00Z", "dimensions": [{"type": "PARKING_TIME", "volume": 0.2167}]}
    )
    got = priced(document=minimal(tariffs=[tariff], charging_periods=periods))
    assert set(got) == {"currency", "total", "rounded", "components", "findings"}
    energy, parked = got["components"]
    assert (energy["dimension"], energy["billed"], energy["before_tax"], energy["after_tax"]) == (
        "ENERGY",
        "20",
        "5",
        "5.5",
    )
    assert parked["dimension"] == "PARKING_TIME"
    assert Fraction(parked["billed"]).limit_denominator(100) == Fraction(1, 3)
    assert parked["rounded"] == {"before_tax": "2.00", "after_tax": "2.40"}
    line = parked["lines"][0]
    assert (line["element"], line["price_component"], line["tax_percent"]) == (0, 1, "20")
    assert Fraction(line["step_added"]).limit_denominator(100) == Fraction(7, 60)
    assert got["rounded"] == {"before_tax": "7.00", "after_tax": "7.90"}


def test_people_get_a_table_with_totals_and_notes() -> None:
    result = run("price", "--cdr", "-", given=json.dumps(minimal()).encode())
    assert result.exit_code == 0
    assert "total before tax: 5.00 EUR" in result.stdout
    assert "total with tax: 5.50 EUR" in result.stdout
    for word in ("measured", "billed", "unit price", "why", "20 kWh", "input.field_missing"):
        assert word in result.stdout


def test_what_has_no_price_is_null_and_ends_with_1() -> None:
    document = minimal(tariffs=[at_night()])
    result = price(document=document)
    assert result.exit_code == 1
    got = answer(result)
    assert got["total"] == got["rounded"] == {"before_tax": None, "after_tax": None}
    assert (got["components"], got["currency"]) == ([], "EUR")
    assert "pricing.time_zone_unknown" in codes(got["findings"])
    assert "There is no price" in run("price", "--cdr", "-", given=json.dumps(document).encode()).stdout


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (("price_components", 0, "type"), "SESSION_TIME"),
        (("price_components", 0, "price"), "0,25"),
        (("price_components", 0, "step_size"), None),
        (("restrictions",), {"day_of_week": ["FUNDAY"]}),
        (("restrictions",), {"start_time": "25:99"}),
    ],
)
@pytest.mark.parametrize("others", [0, 1])
def test_an_element_that_cannot_be_read_leaves_no_price_and_a_code(
    part: tuple[Any, ...], value: Any, others: int, tmp_path: Path
) -> None:
    document = minimal()
    tariff = document["tariffs"][0]
    tariff["elements"] += tariff["elements"] * others
    tariff = json.loads(json.dumps(tariff))
    holder = tariff["elements"][0]
    for step in part[:-1]:
        holder = holder[step]
    holder[part[-1]] = value
    in_cdr = price(document={**document, "tariffs": [tariff]})
    beside = price("--tariff", file_of(tmp_path, tariff), document=document)
    for result in (in_cdr, beside):
        assert result.exit_code == 1, result.stderr
        got = answer(result)
        assert got["total"] == got["rounded"] == {"before_tax": None, "after_tax": None}
        assert {"pricing.unknown_part", "input.element_unreadable"} <= codes(got["findings"])
        assert "input.vat_absent" not in codes(got["findings"])
        (said,) = (finding for finding in got["findings"] if finding["code"] == "input.element_unreadable")
        assert "elements[0]." in said["where"]


def test_an_amount_with_an_unknown_tax_in_it_stays_within_limits_with_tax() -> None:
    document = minimal()
    tariff = document["tariffs"][0] | {"tax_included": "YES", "max_price": {"before_taxes": 4, "after_taxes": 4.5}}
    del tariff["elements"][0]["price_components"][0]["vat"]
    assert priced(document={**document, "tariffs": [tariff]})["total"] == {"before_tax": None, "after_tax": "4.5"}
    tariff["max_price"] = {"before_taxes": 4}
    nobody_knows = price(document={**document, "tariffs": [tariff]})
    assert (nobody_knows.exit_code, answer(nobody_knows)["total"]["after_tax"]) == (1, None)


def test_a_reservation_that_nobody_used_has_expired_where_no_amount_says_otherwise() -> None:
    fee = [{"type": "TIME", "price": 6, "vat": 20, "step_size": 60}]
    tariff = wire.tariff(elements=[{"price_components": fee, "restrictions": {"reservation": "RESERVATION_EXPIRES"}}])
    booked = [{"start_date_time": "2024-01-15T10:00:00Z", "dimensions": [{"type": "RESERVATION_TIME", "volume": 1}]}]
    for stated in ({}, {"total_cost": {"excl_vat": 0}}):
        got = priced(document=minimal(tariffs=[tariff], charging_periods=booked, **stated))
        assert got["total"] == {"before_tax": "6", "after_tax": "7.2"}
        assert "input.reservation_end_unknown" in codes(got["findings"])


def test_people_read_why_there_is_no_price_before_what_the_file_was_like() -> None:
    document = minimal(tariffs=[at_night()])
    lines = run("price", "--cdr", "-", given=json.dumps(document).encode()).stdout.splitlines()
    (why,) = (number for number, line in enumerate(lines) if line.startswith("pricing.time_zone_unknown"))
    (missing,) = (number for number, line in enumerate(lines) if line.startswith("input.field_missing"))
    assert why < missing
    assert "cdr_token, auth_method" in lines[missing]


# Where the zone, the version and the tariff come from


def test_a_clock_is_read_in_the_zone_of_the_option_or_of_the_file() -> None:
    late = minimal(
        start_date_time="2024-01-15T21:30:00Z",
        end_date_time="2024-01-15T22:00:00Z",
        tariffs=[at_night()],
        charging_periods=[
            {"start_date_time": "2024-01-15T21:30:00Z", "dimensions": [{"type": "ENERGY", "volume": 10}]}
        ],
    )
    assert priced("--timezone", "Europe/Berlin", document=late)["rounded"]["before_tax"] == "3.00"
    assert priced("--timezone", "UTC", document=late)["rounded"]["before_tax"] == "4.00"
    oldest = {**late, "location": {"time_zone": "Europe/Berlin"}}
    assert priced("--ocpi", "2.1.1", document=oldest)["rounded"]["before_tax"] == "3.00"
    named = {**late, "cdr_location": {"time_zone": "Europe/Berlin"}}
    assert priced(document=named)["rounded"]["before_tax"] == "3.00"
    assert priced("--timezone", "UTC", document=oldest)["rounded"]["before_tax"] == "4.00"
    nowhere = price(document={**late, "location": {"time_zone": "Mars/Olympus"}})
    assert nowhere.exit_code == 1
    assert {"input.time_zone_unreadable", "pricing.time_zone_unknown"} <= codes(answer(nowhere)["findings"])


def test_the_version_is_seen_and_a_guess_is_said() -> None:
    whole = wire.cdr()
    assert priced(document=whole)["findings"] == [] or "input.version_guessed" not in codes(
        priced(document=whole)["findings"]
    )
    assert "input.version_guessed" in codes(
        priced(document={**minimal(), "tariffs": wire_tariff_without_marks()})["findings"]
    )
    limits = {"min_price": {"before_taxes": 9, "after_taxes": 9.9}, "tax_included": "NO"}
    newest = minimal(tariffs=[minimal()["tariffs"][0] | limits])
    got = priced(document=newest)
    assert (got["rounded"], "input.version_guessed" in codes(got["findings"])) == (
        {"before_tax": "9.00", "after_tax": "9.90"},
        False,
    )
    older_words = minimal(tariffs=[minimal()["tariffs"][0] | {"min_price": {"excl_vat": 9, "incl_vat": 9.9}}])
    for version in ("2.2.1", "2.3.0"):
        assert priced("--ocpi", version, document=older_words)["rounded"] == {"before_tax": "9.00", "after_tax": "9.90"}


def wire_tariff_without_marks() -> list[Document]:
    tariff = minimal()["tariffs"][0]
    del tariff["elements"][0]["price_components"][0]["vat"]
    return [tariff]


def test_without_vat_none_applies_where_the_version_says_so_and_is_unknown_where_it_has_no_word_for_it() -> None:
    untaxed = minimal(tariffs=wire_tariff_without_marks())
    got = priced("--ocpi", "2.2.1", document=untaxed)
    assert (got["total"], "input.vat_absent" in codes(got["findings"])) == ({"before_tax": "5", "after_tax": "5"}, True)
    assert priced("--ocpi", "2.1.1", document=untaxed)["total"] == {"before_tax": "5", "after_tax": None}


def test_a_tariff_with_the_words_of_a_later_version_is_read_in_that_one() -> None:
    limited = minimal()["tariffs"][0] | {"max_price": {"excl_vat": 4, "incl_vat": 4.4}}
    got = priced("--ocpi", "2.1.1", document=minimal(tariffs=[limited]))
    assert got["rounded"] == {"before_tax": "4.00", "after_tax": "4.40"}
    assert "input.word_of_another_version" in codes(got["findings"])
    assert {row["dimension"] for row in got["components"]} == {"ENERGY", "LIMIT"}


def test_a_tariff_that_is_given_takes_the_place_of_the_one_inside(tmp_path: Path) -> None:
    dearer = minimal()["tariffs"][0]
    dearer["elements"][0]["price_components"][0]["price"] = 1
    got = priced("--tariff", file_of(tmp_path, dearer), document=minimal())
    assert got["rounded"]["before_tax"] == "20.00"
    assert "input.tariff_replaced" in codes(got["findings"])
    same = priced("--tariff", file_of(tmp_path, minimal()["tariffs"][0]), document=minimal())
    assert "input.tariff_replaced" not in codes(same["findings"])
    named = minimal()
    named["charging_periods"][0]["tariff_id"] = "X"
    other = priced("--tariff", file_of(tmp_path, dearer | {"id": "Y"}), document=named)
    assert (other["rounded"]["before_tax"], "input.tariff_replaced" in codes(other["findings"])) == ("20.00", True)
    alone = priced("--tariff", file_of(tmp_path, dearer), document=minimal(tariffs=[]))
    assert alone["rounded"]["before_tax"] == "20.00"


def test_what_is_peculiar_about_a_cdr_is_said() -> None:
    got = priced(document=wire.cdr(credit=True, credit_reference_id="C0", currency="CHF"))
    assert {"input.credit", "input.currency_differs"} <= codes(got["findings"])
    assert got["currency"] == "EUR"


def test_what_repeats_is_said_once_and_counted() -> None:
    period = minimal()["charging_periods"][0]
    period["dimensions"][0]["volume"] = "0.1"
    got = priced(document=minimal(charging_periods=[period] * 60))
    said = [finding["message"] for finding in got["findings"] if finding["code"] == "input.number_as_text"]
    assert (len(said), said[-1]) == (21, "the same at 40 more places")


# Files cut short


def test_numbers_in_quotes_are_read_and_said() -> None:
    document = minimal()
    document["charging_periods"][0]["dimensions"][0]["volume"] = "20.000"
    document["tariffs"][0]["elements"][0]["price_components"][0] |= {"price": "0.25", "step_size": "1", "vat": "10"}
    got = priced(document=document)
    assert got["rounded"] == {"before_tax": "5.00", "after_tax": "5.50"}
    assert "input.number_as_text" in codes(got["findings"])
    document["charging_periods"][0]["dimensions"][0]["volume"] = "20,5"
    result = price(document=document)
    assert is_refused_in_one_line(result)
    assert "charging_periods[0].dimensions[0].volume" in result.stderr


def test_what_can_be_meant_in_one_way_only_is_read_and_said() -> None:
    volumes = [{"type": "ENERGY", "volume": 20}, {"type": "MAX_POWER", "volume": 22}, {"type": "FLAT", "volume": 1}]
    period = {"start_date_time": "2024-01-15T10:00:00Z", "tariff_id": "nowhere", "dimensions": volumes}
    tariff = minimal()["tariffs"][0] | {"currency": "eur"}
    tariff["elements"][0]["restrictions"] = {"start_time": "8:00", "end_time": "24:00", "min_power": 1}
    del tariff["id"]
    document = minimal(charging_periods=[period], tariffs=[tariff])
    got = priced("--timezone", "UTC", "--ocpi", "2.1.1", document=document)
    assert got["rounded"]["before_tax"] == "5.00"
    assert codes(got["findings"]) >= {
        "input.volume_of_another_version",
        "input.time_of_day_spelling",
        "input.currency_spelling",
    }
    newer = priced("--timezone", "UTC", "--ocpi", "2.2.1", document=document)
    assert (newer["rounded"]["before_tax"], "input.flat_among_volumes" in codes(newer["findings"])) == ("5.00", True)


@pytest.mark.parametrize("field", ["start_date_time", "end_date_time", "currency", "tariffs", "charging_periods"])
def test_what_a_price_needs_has_to_be_there(field: str) -> None:
    document = minimal()
    del document[field]
    result = price(document=document)
    assert is_refused_in_one_line(result)
    assert field in result.stderr


@pytest.mark.parametrize("field", sorted(set(wire.cdr()) - {"start_date_time", "end_date_time", "currency", "tariffs",
                                                             "charging_periods"}))  # fmt: skip
@pytest.mark.parametrize("instead", ["nothing", [], {}, 5, "x" * 300])
def test_what_a_price_does_not_need_is_a_finding_when_it_is_missing_or_wrong(field: str, instead: Any) -> None:
    document = wire.cdr(**{field: instead})
    if instead == "nothing":
        del document[field]
    got = priced(document=document)
    assert got["rounded"]["before_tax"] == "10.00"
    said = [finding for finding in got["findings"] if (finding["where"] or "").startswith(field)]
    accepted = (instead == 5 and field.startswith("total_")) or field == "id"
    assert said or accepted


def test_an_answer_as_it_came_over_http_is_read_too() -> None:
    got = priced(document={"data": minimal(), "status_code": 1000, "timestamp": "2024-01-15T12:00:00Z"})
    assert (got["rounded"]["before_tax"], "input.unwrapped" in codes(got["findings"])) == ("5.00", True)
    assert is_refused_in_one_line(price(document={"data": [minimal(), minimal()], "status_code": 1000}))


# Files that are none


def test_what_is_no_cdr_is_refused_in_one_line(tmp_path: Path) -> None:
    for name, path in unusable(tmp_path).items():
        assert is_refused_in_one_line(run("price", "--cdr", str(path))), name
    assert is_refused_in_one_line(price(document=wire.tariff()))
    assert is_refused_in_one_line(price(document=wire.location()))
    assert is_refused_in_one_line(price("--tariff", file_of(tmp_path, wire.cdr()), document=minimal()))
    assert is_refused_in_one_line(price(document=minimal(start_date_time="0001-01-01T00:00:00+14:00")))
    assert is_refused_in_one_line(price("--ocpi", "2.2", document=minimal()))
    assert is_refused_in_one_line(price("--timezone", "Mars/Olympus", document=minimal()))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=mutated(wire.cdr) | mutated(minimal))
def test_no_document_ends_in_a_traceback(body: bytes) -> None:
    assert ended_well(run("price", "--json", "--timezone", "Europe/Berlin", "--cdr", "-", given=body))


def test_it_is_a_command_of_its_own(tmp_path: Path) -> None:
    file = file_of(tmp_path, minimal())
    done = subprocess.run(
        [sys.executable, "-m", "deploy", "price", "--cdr", file, "--json"], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rounded"] == {"before_tax": "5.00", "after_tax": "5.50"}
