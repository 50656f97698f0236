"""`roam verify-meter` as a person uses it: two verdicts, each with its reasons, out of whatever file there is."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from deploy.cli import app
from tests.adapters.wire import objects as wire
from tests.settlement.meters import (
    ALFEN_METER,
    BEGIN,
    BEGIN_AND_END,
    END,
    METER,
    OTHER,
    SESSION,
    EdlReading,
    alfen,
    ocmf,
    payload,
    pcdf,
    reading,
)


def run(content: str | bytes, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify-meter", "-", *arguments], input=content)


def verdict(content: str | bytes, *arguments: str) -> dict[str, Any]:
    done = run(content, "--json", *arguments)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    assert done.exit_code == (0 if found["billable"] else 1)
    return found


def ocpi(*records: str, key: str | None = METER.key) -> dict[str, Any]:
    natures = ("Start", "End") if len(records) == 2 else ("End",)
    values = [{"nature": n, "plain_data": "", "signed_data": r} for n, r in zip(natures, records, strict=True)]
    return {"encoding_method": "OCMF", "public_key": key, "signed_values": values}


def test_a_record_with_the_key_of_its_meter():
    assert verdict(BEGIN_AND_END, "--public-key", METER.key) == {
        "signature": "valid",
        "signature_reason": "the signature fits the record and the key",
        "billable": True,
        "findings": [],
        "energy_kwh": "20.0",
        "meter": "M1",
        "begin": {"kwh": "100.5", "at": "2026-03-05T11:00:00Z"},
        "end": {"kwh": "120.5", "at": "2026-03-05T11:59:00Z"},
        "details": [],
    }


@pytest.mark.parametrize("content", [METER.key.encode(), METER.pem.encode(), METER.spki], ids=["hex", "PEM", "DER"])
def test_the_key_may_be_a_file(tmp_path: Path, content: bytes):
    file = tmp_path / "meter.key"
    file.write_bytes(content)
    assert verdict(BEGIN_AND_END, "--public-key", str(file))["signature"] == "valid"


def test_a_changed_record_is_invalid_and_not_billable():
    changed = verdict(BEGIN_AND_END.replace("120.5", "125.5"), "--public-key", METER.key)
    assert (changed["signature"], changed["billable"], changed["energy_kwh"]) == ("invalid", False, "25.0")
    assert changed["findings"] == ["meter.signature_invalid"]


def test_a_single_reading_is_valid_and_not_billable():
    single = verdict(BEGIN, "--public-key", METER.key)
    assert (single["signature"], single["billable"], single["energy_kwh"]) == ("valid", False, None)
    assert single["findings"] == ["meter.reading_missing"]


def test_without_a_key_nothing_is_proved():
    keyless = verdict(BEGIN_AND_END)
    assert (keyless["signature"], keyless["billable"]) == ("unverifiable", False)
    assert "no public key" in keyless["signature_reason"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_ocpi_object(wrapped: bool):
    records = [base64.b64encode(r.encode()).decode() if wrapped else r for r in (BEGIN, END)]
    given = json.dumps(ocpi(*records))
    own = verdict(given)
    assert (own["signature"], own["billable"], own["findings"]) == ("valid", False, ["meter.key_not_registered"])
    assert "proves only" in own["signature_reason"]
    registered = verdict(given, "--public-key", METER.pem)
    assert (registered["signature"], registered["billable"], registered["energy_kwh"]) == ("valid", True, "20.0")
    foreign = verdict(given, "--public-key", OTHER.key)
    assert (foreign["signature"], foreign["findings"]) == ("invalid", ["meter.signature_invalid", "meter.other_key"])


def test_one_signed_value_or_a_text_in_json():
    assert verdict(json.dumps(ocpi(BEGIN_AND_END)["signed_values"][0]), "--public-key", METER.key)["billable"]
    assert verdict(json.dumps(BEGIN_AND_END), "--public-key", METER.key)["billable"]


def test_a_cdr_is_held_against_its_records():
    session = payload(
        reading("B", "100", TM="2026-03-05T11:00:00,000+0100 S"),
        reading("E", "121", TM="2026-03-05T11:59:00,000+0100 S"),
    )
    whole = wire.cdr(signed_data=ocpi(ocmf(session)))
    for given in (whole, {"status_code": 1000, "data": whole}, {"data": [whole]}):
        found = verdict(json.dumps(given), "--public-key", METER.key)
        assert (found["signature"], found["billable"]) == ("valid", False)
        assert "meter.energy_differs" in found["findings"]


def test_what_a_cdr_leaves_out_is_not_held_against_the_records():
    document = wire.cdr(signed_data=ocpi(BEGIN_AND_END), total_energy=20)
    document |= {"start_date_time": "2026-03-05T11:00:00Z", "end_date_time": "2026-03-05T12:00:00Z"}
    document["charging_periods"][0]["start_date_time"] = "2026-03-05T11:00:00Z"
    for left_out in ("total_energy", "cdr_token"):
        shorter = {name: value for name, value in document.items() if name != left_out}
        found = verdict(json.dumps(shorter), "--public-key", METER.key)
        assert (found["billable"], found["findings"]) == (True, []), left_out
    document["total_energy"] = "about 20"
    assert verdict(json.dumps(document), "--public-key", METER.key)["billable"]


@pytest.mark.parametrize("around", ["  \n{}\n\n", "\ufeff{}", "\r\n{}\r\n"])
def test_blank_lines_around_a_record_are_none_of_it(around: str):
    assert verdict(around.format(BEGIN_AND_END), "--public-key", METER.key)["billable"]


def test_a_signature_that_is_missing_or_cut_short_is_invalid_and_said_to_be():
    for signature, words in (("", "has no signature"), (METER.der(SESSION).hex()[:-20], "cannot be read")):
        found = verdict(ocmf(SESSION, SD=signature), "--public-key", METER.key)
        assert (found["signature"], found["billable"]) == ("invalid", False)
        assert words in found["signature_reason"]


def test_other_formats_and_several_records_in_one_file():
    pair = alfen("0", 100_500, 1) + "\n" + alfen("1", 120_500, 2) + "\n"
    assert verdict(pair, "--public-key", ALFEN_METER.compressed.hex())["energy_kwh"] == "20.000"
    assert verdict(f"{BEGIN}\r\n{END}", "--public-key", METER.key)["billable"]
    assert verdict(pcdf(), "--public-key", METER.key)["billable"]
    file = verdict(EdlReading(5000, 41).sml(), "--public-key", ALFEN_METER.x_and_y.hex())
    assert (file["signature"], file["meter"]) == ("valid", "0901454D480000112233")


def test_the_xml_for_drivers_is_written_and_read_again(tmp_path: Path):
    out = tmp_path / "driver.xml"
    first = run(json.dumps(ocpi(BEGIN, END)), "--xml", str(out))
    assert first.exit_code == 1
    again = verdict(out.read_bytes(), "--public-key", METER.key)
    assert (again["signature"], again["billable"], again["energy_kwh"]) == ("valid", True, "20.0")
    assert run(BEGIN, "--xml", str(tmp_path / "none" / "x.xml")).exit_code == 2


def test_people_read_what_speaks_against_it():
    done = run(BEGIN, "--public-key", METER.key)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "signature: valid (the signature fits the record and the key)"
    assert lines[1] == "billable:  no"
    assert "! meter.reading_missing: there is no signed reading of the end" in lines
    fine = run(BEGIN_AND_END, "--public-key", METER.key)
    assert fine.exit_code == 0
    assert "energy:    20.0 kWh" in fine.stdout


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xff\xfe\x00",
        b"{",
        b"[]",
        b"{}",
        b'{"signed_data": {}}',
        b'{"signed_values": [1]}',
        b'{"signed_values": []}',
        b'{"id": "T1", "elements": []}',
        b"<values/>",
        b"<values>",
        b'<!DOCTYPE v [<!ENTITY a "b">]><values><value><signedData>&a;</signedData></value></values>',
        b"A" * (17 * 1024 * 1024),
    ],
    ids=lambda content: content[:24].decode("latin-1") or "empty",
)
def test_a_file_of_something_else_gets_one_line_and_2(content: bytes):
    done = run(content, "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_key_that_is_none_gets_one_line_and_2(tmp_path: Path):
    for key in ("no-such-file.pem", "", str(tmp_path)):
        done = run(BEGIN_AND_END, "--public-key", key)
        assert (done.exit_code, len(done.stderr.strip().splitlines())) == (2, 1)
    wrong = verdict(BEGIN_AND_END, "--public-key", "00" * 64)
    assert wrong["signature"] == "unverifiable"


def test_a_key_of_another_kind_is_called_that():
    ed25519 = "302a300506032b6570032100" + "5a" * 32
    found = verdict(BEGIN_AND_END, "--public-key", ed25519)
    assert (found["signature"], found["signature_reason"]) == ("unverifiable", "the key is not an elliptic-curve key")


def test_standard_input_is_called_that():
    assert run(b"hello").stderr.startswith("standard input is no signed record")


def test_a_missing_file_gets_one_line_and_2(tmp_path: Path):
    done = CliRunner().invoke(app, ["verify-meter", str(tmp_path / "none")])
    assert (done.exit_code, len(done.stderr.strip().splitlines())) == (2, 1)


def test_published_records(shared: Path):
    vectors = json.loads((shared / "cases/ocmf/vectors.json").read_text())
    for vector in vectors:
        key = ["--public-key", vector["public_key"]] if vector["public_key"] else []
        found = verdict(vector["ocmf"], *key)
        inside = verdict(json.dumps({**ocpi(vector["ocmf"], key=vector["public_key"])}))
        assert found["signature"] == inside["signature"], vector["id"]
        assert found["energy_kwh"] == inside["energy_kwh"]
    assert vectors
