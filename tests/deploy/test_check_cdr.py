"""`roam check-cdr`: what the platform would do with a partner's CDR, from files."""

import json
from pathlib import Path

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


def taxed() -> Document:
    """A CDR that is right in all it says."""
    tariff = wire.tariff(elements=[{"price_components": [{"type": "ENERGY", "price": 1, "vat": 19, "step_size": 1}]}])
    cost = {"excl_vat": 10, "incl_vat": 11.9}
    return wire.cdr(tariffs=[tariff], total_cost=cost, total_energy_cost=cost)


def check(document: Document, *arguments: str) -> Result:
    return run("check-cdr", "--json", "--cdr", "-", *arguments, given=json.dumps(document).encode())


def test_a_cdr_that_is_right_is_accepted() -> None:
    result = check(taxed())
    assert result.exit_code == 0, result.stdout
    got = answer(result)
    assert set(got) == {"outcome", "findings", "repriced"}
    assert got["outcome"] in {"ACCEPTED", "ACCEPTED_WITH_FINDINGS"}
    assert not any(finding["blocks"] for finding in got["findings"])
    assert got["repriced"]["rounded"] == {"before_tax": "10.00", "after_tax": "11.90"}


def test_an_amount_that_does_not_follow_is_held_up_with_both_sides() -> None:
    dear = {"excl_vat": 12, "incl_vat": 14.28}
    result = check({**taxed(), "total_cost": dear, "total_energy_cost": dear})
    assert result.exit_code == 1
    got = answer(result)
    assert got["outcome"] == "QUARANTINED"
    found = next(finding for finding in got["findings"] if finding["code"] == "cdr.energy_cost_differs")
    assert set(found) >= {"code", "message", "where", "expected", "stated", "blocks"}
    assert (found["expected"], found["stated"], found["blocks"]) == ("10.00", "12", True)


def test_the_tariff_that_was_published_and_the_session_count(tmp_path: Path) -> None:
    cheap = wire.tariff(elements=[{"price_components": [{"type": "ENERGY", "price": 0.5, "vat": 19, "step_size": 1}]}])
    result = check(taxed(), "--tariff", file_of(tmp_path, cheap))
    assert result.exit_code == 1
    got = answer(result)
    assert "cdr.priced_by_other_tariff" in codes(got["findings"])
    assert got["repriced"]["rounded"]["before_tax"] == "5.00"
    seen = wire.session(kwh=7, status="COMPLETED", end_date_time="2026-03-01T10:00:00Z")
    other = check(taxed(), "--session", file_of(tmp_path, seen))
    assert (other.exit_code, "cdr.energy_differs" in codes(answer(other)["findings"])) == (1, True)


def test_what_a_partners_adapter_would_refuse_is_refused_and_priced_all_the_same() -> None:
    document = taxed()
    del document["cdr_token"]
    result = check(document)
    assert result.exit_code == 1
    got = answer(result)
    assert got["outcome"] == "REFUSED"
    assert [(f["code"], f["where"], f["blocks"]) for f in got["findings"]] == [("wire.missing", "cdr_token", True)]
    assert got["repriced"]["rounded"]["before_tax"] == "10.00"


def test_a_price_that_depends_on_an_unknown_zone_waits_for_a_person() -> None:
    document = {**taxed(), "tariffs": [at_night()]}
    result = check(document)
    assert result.exit_code == 1
    assert {"cdr.unpriceable", "pricing.time_zone_unknown"} <= codes(answer(result)["findings"])
    cheaper = {"excl_vat": 4, "incl_vat": 4.76}
    known = check({**document, "total_cost": cheaper, "total_energy_cost": cheaper}, "--timezone", "Europe/Berlin")
    assert known.exit_code == 0, known.stdout


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_the_standards_own_cdrs_are_read(version: str, shared: Path) -> None:
    file = shared / "examples/ocpi" / version / "cdr_example.json"
    result = run("check-cdr", "--json", "--cdr", str(file))
    got = answer(result)
    assert got["outcome"] != "REFUSED"
    assert got["repriced"]["rounded"]["before_tax"] == "4.00"
    assert result.exit_code == int(any(finding["blocks"] for finding in got["findings"]))


def test_people_get_the_outcome_first() -> None:
    result = run("check-cdr", "--cdr", "-", given=json.dumps(taxed()).encode())
    assert result.stdout.startswith("outcome: ACCEPTED")
    assert "total before tax: 10.00 EUR" in result.stdout


def test_what_is_no_cdr_is_refused_in_one_line(tmp_path: Path) -> None:
    for name, path in unusable(tmp_path).items():
        assert is_refused_in_one_line(run("check-cdr", "--cdr", str(path))), name
        assert is_refused_in_one_line(check(taxed(), "--session", str(path))), name
    assert is_refused_in_one_line(check(wire.location()))
    assert is_refused_in_one_line(check(taxed(), "--session", file_of(tmp_path, wire.location())))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=mutated(taxed) | mutated(minimal))
def test_no_document_ends_in_a_traceback(body: bytes) -> None:
    assert ended_well(run("check-cdr", "--json", "--timezone", "Europe/Berlin", "--cdr", "-", given=body))
