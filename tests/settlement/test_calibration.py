"""What the platform asks of signed meter data: the verdicts, and whose key counts."""

import hashlib
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.calibration import SignatureVerdict, verify, verify_alone
from settlement.calibration.transparency import container
from tests.settlement.build import dossier
from tests.settlement.meters import (
    ALFEN_METER,
    BEGIN,
    BEGIN_AND_END,
    END,
    METER,
    OTHER,
    EdlReading,
    alfen,
    charging_process,
    codes,
    data,
    ocmf,
    payload,
    pcdf,
    reading,
)


def test_a_valid_record_proves_its_energy():
    verdict = verify(data(BEGIN_AND_END), METER.key)
    assert (verdict.signature, codes(verdict), verdict.billable) == (SignatureVerdict.VALID, [], True)
    assert (verdict.begin_kwh, verdict.end_kwh) == (Decimal("100.5"), Decimal("120.5"))
    assert verdict.end_sha256 == hashlib.sha256(BEGIN_AND_END.encode()).hexdigest()
    assert [(f"{s.at:%H:%M}", s.kwh) for s in verdict.samples] == [("11:00", Decimal(0)), ("11:59", Decimal(20))]


def test_two_records_are_linked_by_two_digests():
    link = verify(data(BEGIN, END), METER.key).link()
    assert link is not None
    assert link.begin_sha256 == hashlib.sha256(BEGIN.encode()).hexdigest()
    assert link.end_sha256 == hashlib.sha256(END.encode()).hexdigest()
    assert link.verdict == "valid"


@pytest.mark.parametrize(
    "tampered",
    [
        BEGIN_AND_END.replace("120.5", "121.5"),
        BEGIN_AND_END.replace("  ", " "),
        BEGIN_AND_END.replace("M1", "M2"),
    ],
)
def test_a_changed_byte_breaks_the_signature(tampered: str):
    verdict = verify(data(tampered), METER.key)
    assert (verdict.signature, verdict.billable) == (SignatureVerdict.INVALID, False)
    assert [f.code for f in verdict.findings if f.blocks] == ["meter.signature_invalid"]


def test_one_bad_record_among_good_ones_is_the_verdict():
    assert verify(data(BEGIN, END.replace("120.5", "130.5")), METER.key).signature is SignatureVerdict.INVALID


def test_a_key_that_came_with_the_data_proves_nothing():
    verdict = verify(data(BEGIN_AND_END, key=METER.key), None)
    assert (verdict.signature, verdict.billable) == (SignatureVerdict.UNVERIFIABLE, False)
    assert "not registered" in verdict.reason
    assert not any(finding.blocks for finding in verdict.findings)
    assert verify(data(BEGIN_AND_END, key=METER.key), OTHER.key).signature is SignatureVerdict.INVALID
    assert verify(data(BEGIN_AND_END), None).signature is SignatureVerdict.UNVERIFIABLE
    disagrees = verify(data(BEGIN_AND_END, key=OTHER.key), None)
    assert disagrees.signature is SignatureVerdict.INVALID


def test_another_key_than_the_registered_one_is_told_whatever_its_notation():
    assert "meter.other_key" in codes(verify(data(BEGIN_AND_END, key=OTHER.key), METER.key))
    assert codes(verify(data(BEGIN_AND_END, key=METER.pem), METER.key)) == []


def test_a_person_without_a_register_sees_that_data_and_key_agree_and_no_more():
    verdict = verify_alone(data(BEGIN_AND_END, key=METER.key), None)
    assert (verdict.signature, verdict.billable) == (SignatureVerdict.VALID, False)
    assert codes(verdict) == ["meter.key_not_registered"]
    assert verify_alone(data(BEGIN_AND_END, key=OTHER.key), METER.key).billable
    assert verify_alone(data(BEGIN_AND_END), None).signature is SignatureVerdict.UNVERIFIABLE
    contained = verify_alone(data(alfen("0", 1, 1), alfen("1", 2, 2), method=""), None)
    assert (contained.signature, codes(contained)) == (SignatureVerdict.VALID, ["meter.key_not_registered"])


@pytest.mark.parametrize(
    "text",
    [
        "OCMF|{}",
        "OCMF|{|{}",
        'OCMF|{"RD":[1]}|{"SD":"00"}',
        "OCMF|[]|[]",
        "AP;0;3;A;B;C;",
        "128.8.0(ST:1)",
        "1b1b1b1b01010101",
    ],
)
def test_what_cannot_be_read_is_unverifiable_and_no_error(text: str):
    verdict = verify(data(text), METER.key)
    assert (verdict.signature, verdict.billable) == (SignatureVerdict.UNVERIFIABLE, False)
    assert codes(verdict) == ["meter.not_readable"]
    assert verdict.findings[0].blocks


@pytest.mark.parametrize("length", [512, 5000])
def test_a_record_that_was_cut_is_told_so(length: int):
    long = ocmf(payload(reading("B", "1"), reading("E", "2"), TT="x" * 6000))
    verdict = verify(data(long[:length]), METER.key)
    assert codes(verdict) == ["meter.not_readable"]
    assert "cut" in verdict.reason


def test_another_format_is_kept_and_stops_nothing():
    verdict = verify(data("{...}", method="chargeIT BSM"), METER.key)
    assert (verdict.signature, verdict.billable) == (SignatureVerdict.UNVERIFIABLE, False)
    assert [(f.code, f.blocks) for f in verdict.findings] == [("meter.format_not_supported", False)]


def test_the_dossier_links_its_energy_to_the_meter():
    made = dossier(signed=data(BEGIN_AND_END, key=METER.key), registered_key=METER.key)
    assert made.meter is not None
    assert made.meter.verdict == "valid"
    assert made.cdr.signed_data is not None
    assert made.cdr.signed_data.readings[0].signed_data == BEGIN_AND_END
    assert not any(f.blocks for f in made.provenance.findings)


def test_signed_energy_that_was_not_billed_blocks():
    other = ocmf(payload(reading("B", "100"), reading("E", "121")))
    made = dossier(signed=data(other), registered_key=METER.key)
    assert "meter.energy_differs" in [f.code for f in made.provenance.findings if f.blocks]


def test_published_records(shared: Path):
    expected = {
        "valid": (SignatureVerdict.VALID, SignatureVerdict.VALID_LENIENT),
        "INVALID-SIGNATURE": (SignatureVerdict.INVALID,),
        "no-public-key": (SignatureVerdict.UNVERIFIABLE,),
    }
    vectors = json.loads((shared / "cases/ocmf/vectors.json").read_text())
    differing = []
    for vector in vectors:
        verdict = verify(data(vector["ocmf"]), vector["public_key"])
        whole = {"B", "E"} <= set(vector["reading_types"])
        if verdict.signature not in expected[vector["expected_signature"]] or (verdict.energy_kwh is not None) != whole:
            differing.append(vector["id"])
        if not whole:
            assert not verdict.billable
    assert vectors
    assert differing == []


SEEDS = [
    BEGIN_AND_END,
    alfen("0", 1),
    pcdf(),
    EdlReading(5000, 41).xml(),
    EdlReading(5000, 41).sml().hex(),
    charging_process(EdlReading(5000, 41), EdlReading(5200, 42)),
]


def both(text: str, key: str | None) -> None:
    signed = data(text, key=key)
    verdict = verify(signed, None)
    assert verdict.signature in (SignatureVerdict.UNVERIFIABLE, SignatureVerdict.INVALID)
    assert not verdict.billable
    assert verify_alone(signed, ALFEN_METER.key).reason
    container(signed)


@given(st.text(max_size=60), st.none() | st.text(max_size=60))
def test_no_text_makes_it_fail(text: str, key: str | None):
    for prefix in ("", "OCMF|", "OCMF|{}|", "AP;", "1b1b1b1b01010101", "<signedMeterValue", "128.8.0("):
        both(prefix + text, key)


@given(st.data())
def test_no_damage_to_a_record_makes_it_fail_or_valid(draw: st.DataObject):
    seed = draw.draw(st.sampled_from(SEEDS))
    start = draw.draw(st.integers(0, len(seed) - 1))
    end = draw.draw(st.integers(start, min(len(seed), start + 40)))
    put = draw.draw(st.text(max_size=20))
    both(seed[:start] + put + seed[end:], None)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=8)
        | st.sampled_from(["1e999999999", "NaN", "1E-400"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(reading("B", "1"))), inner),
        max_leaves=8,
    ),
    st.sampled_from(["RD", "PG", "IS", "IL", "ID", "LC", "CI", "MS", "RV", "TM", "CL", "RI"]),
)
def test_no_value_of_a_field_makes_it_fail(value: object, name: str):
    inner = {**reading("B", "1"), name: value} if len(name) == 2 and name in ("RV", "TM", "CL", "RI") else value
    readings = [inner, reading("E", "2")] if isinstance(inner, dict) else [reading("B", "1")]
    signed = payload(*readings, **({} if name in ("RV", "TM", "CL", "RI") else {name: value}))
    record = f"OCMF|{signed.decode().replace('|', '')}|{{}}"
    both(record, METER.key)


def test_nothing_is_taken_from_outside_an_xml_document():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><signedMeterValue>&a;</signedMeterValue>'
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><ChargingProcess>&a;</ChargingProcess>'
    for text in (bomb, outside):
        assert codes(verify(data(text), METER.key)) == ["meter.not_readable"]


def test_lists_in_lists_without_end_are_refused():
    for raw in (b"\x71" * 5000, b"\xff" * 5000, b"\x7f" * 100):
        file = bytes.fromhex("1b1b1b1b01010101") + raw + bytes.fromhex("1b1b1b1b1a000000")
        assert codes(verify(data(file.hex()), METER.key)) == ["meter.not_readable"]


def test_every_code_is_explained():
    project = Path(__file__).parents[2]
    explained = set(re.findall(r"meter\.[a-z_]+", (project / "docs/meter-data.md").read_text()))
    code = "".join(path.read_text() for path in (project / "settlement/calibration").rglob("*.py"))
    used = set(re.findall(r'"(meter\.[a-z_]+)"', code))
    assert len(used) > 40
    assert used - explained == set()
