"""`roam lint-tariff`: a tariff in words, and what speaks against it."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from typer.testing import Result

from adapters.priced_document import read_cdr, read_tariffs
from settlement.tariff_lint import CODES
from tests.adapters.wire import objects as wire
from tests.deploy.given import (
    Document,
    answer,
    at_night,
    codes,
    ended_well,
    is_refused_in_one_line,
    mutated,
    run,
    unusable,
)

PROJECT = Path(__file__).parents[2]


def lint(document: object, *arguments: str) -> Result:
    return run("lint-tariff", "-", "--json", *arguments, given=json.dumps(document).encode())


def with_start_fee() -> Document:
    parts = [
        {"type": "ENERGY", "price": 0.5, "vat": 19, "step_size": 1},
        {"type": "FLAT", "price": 1, "vat": 19, "step_size": 1},
    ]
    return wire.tariff(elements=[{"price_components": parts}])


def test_it_says_what_the_tariff_does() -> None:
    got = answer(lint(at_night(), "--timezone", "Europe/Berlin"))
    assert got["tariff"] == "T1"
    assert got["sentences"][1] == (
        "Element 1: from 22:00 to 06:00 over midnight (Europe/Berlin): energy costs 0.30 EUR per kWh plus 19 % VAT "
        "(0.357 EUR with tax)."
    )
    shown = run("lint-tariff", "-", given=json.dumps(at_night()).encode())
    assert shown.exit_code == 0
    assert "Element 2: always: energy costs 0.40 EUR per kWh" in shown.stdout


@pytest.mark.parametrize(("power", "exit_code"), [(None, 0), ("22", 0), ("50", 1), ("150", 1)])
def test_a_session_fee_is_forbidden_from_50_kw_on(power: str | None, exit_code: int) -> None:
    result = lint(with_start_fee(), *(("--power", power) if power else ()))
    assert result.exit_code == exit_code
    fees = [each for each in answer(result)["findings"] if each["code"] == "tariff.afir_session_fee"]
    assert bool(fees) == (power != "22")
    if fees:
        assert "AFIR article 5(4)" in fees[0]["message"]
        assert ("50 kW and more" in fees[0]["message"]) == (power is None)


def test_a_contradiction_ends_with_1() -> None:
    restricted = {"price_components": [{"type": "ENERGY", "price": 1, "vat": 19, "step_size": 1}],
                  "restrictions": {"min_kwh": 10, "max_kwh": 5}}  # fmt: skip
    result = lint(wire.tariff(elements=[restricted]))
    assert result.exit_code == 1
    assert "tariff.empty_range" in codes(answer(result)["findings"])


def test_a_misspelt_field_is_named() -> None:
    element = {"price_components": [{"type": "ENERGY", "price": 1, "vat": 19, "step_size": 1}],
               "restrictions": {"dayOfWeek": ["SUNDAY"]}}  # fmt: skip
    result = lint(wire.tariff(elements=[element]))
    (found,) = (each for each in answer(result)["findings"] if each["code"] == "tariff.unknown_field")
    assert found["where"] == "elements[0].restrictions.dayOfWeek"
    assert "day_of_week may be meant" in found["message"]
    assert result.exit_code == 1  # nothing can be priced by it


def test_several_tariffs_are_told_apart() -> None:
    got = answer(lint([wire.tariff(), with_start_fee() | {"id": "T2"}]))
    assert [each["tariff"] for each in got["tariffs"]] == ["T1", "T2"]


def test_the_standards_own_tariffs_make_sense(shared: Path) -> None:
    """But one: prices with tax in them, and no rate."""
    files = [
        file for version in ("2.1.1", "2.2.1", "2.3.0") for file in (shared / "examples/ocpi" / version).glob("tariff*")
    ]
    whole = [file for file in files if "patch" not in file.name]
    assert len(whole) > 40
    denied = {file.name for file in whole if run("lint-tariff", str(file)).exit_code != 0}
    assert denied == {"tariff_20_simple_north_american_inclusive.json"}


def test_each_tariff_of_a_list_has_its_own_findings() -> None:
    bare = wire.tariff()
    del bare["last_updated"]
    whole, cut = answer(lint([wire.tariff(id="A"), bare]))["tariffs"]
    assert [finding["where"] for finding in cut["findings"] if finding["kind"] == "INPUT"] == ["[1].last_updated"]
    assert not [finding for finding in whole["findings"] if finding["kind"] == "INPUT"]


def test_a_word_that_there_is_not_is_named() -> None:
    odd = [{"price_components": [{"type": "SESSION_TIME", "price": 1, "step_size": 1}]}]
    result = lint(wire.tariff(elements=odd))
    assert is_refused_in_one_line(result)
    assert 'elements[0].price_components[0].type is not a TariffDimensionType: "SESSION_TIME"' in result.stderr


def test_what_is_no_tariff_is_refused_in_one_line(tmp_path: Path) -> None:
    for name, path in unusable(tmp_path).items():
        assert is_refused_in_one_line(run("lint-tariff", str(path))), name
    assert is_refused_in_one_line(lint(wire.cdr()))
    assert is_refused_in_one_line(lint([]))
    for power in ("much", "-1", "NaN", "1e9", "0"):
        assert is_refused_in_one_line(lint(wire.tariff(), "--power", power)), power


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=mutated(at_night) | mutated(with_start_fee))
def test_no_document_ends_in_a_traceback(body: bytes) -> None:
    assert ended_well(run("lint-tariff", "-", "--json", "--timezone", "Europe/Berlin", given=body))


# The page that lists the codes


def _documented(start: str) -> set[str]:
    page = (PROJECT / "docs" / "pricing.md").read_text(encoding="utf-8")
    return set(re.findall(rf"^\| `({start}\.\w+)` \|", page, re.MULTILINE))


def test_every_code_of_the_lint_is_documented_and_used() -> None:
    assert _documented("tariff") == set(CODES)
    source = "".join(file.read_text(encoding="utf-8") for file in (PROJECT / "settlement/tariff_lint").glob("*.py"))
    said = re.findall(r'remark\(\s*"(tariff\.\w+)"', source)
    assert set(said) == set(CODES)


def test_every_code_of_a_file_is_documented() -> None:
    modules = (read_cdr.__module__, read_tariffs.__module__, "adapters.rules.for_price", "deploy.commands.price")
    files = {PROJECT / f"{module.replace('.', '/')}.py" for module in modules}
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    assert _documented("input") == set(re.findall(r'"(input\.\w+)"', source))
