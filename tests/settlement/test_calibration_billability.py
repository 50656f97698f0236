"""A valid signature is not enough: what else has to hold before signed energy may be billed, code by code."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from settlement.calibration import Billed, MeterVerdict, SignatureVerdict, verify
from tests.settlement.build import dossier
from tests.settlement.meters import BEGIN, BEGIN_AND_END, END, METER, SESSION, data, ocmf, payload, reading

B, E = reading("B", "100.5"), reading("E", "120.5")


def judged(*payloads: bytes, billed: Billed | None = None) -> MeterVerdict:
    return verify(data(*map(ocmf, payloads)), METER.key, billed)


def blocking(verdict: MeterVerdict) -> list[str]:
    return [finding.code for finding in verdict.findings if finding.blocks]


def remarks(verdict: MeterVerdict) -> list[str]:
    return [finding.code for finding in verdict.findings if not finding.blocks]


@pytest.mark.parametrize(
    ("payloads", "code"),
    [
        ([payload(B)], "meter.reading_missing"),
        ([payload(E)], "meter.reading_missing"),
        ([payload()], "meter.reading_missing"),
        ([payload(reading("C", "100"), reading("C", "101"))], "meter.reading_missing"),
        ([payload(B, reading("B", "101"), E)], "meter.several_begins"),
        ([payload(B, E, reading("R", "121"))], "meter.several_ends"),
        ([payload(B, reading("E", "99"))], "meter.runs_backwards"),
        (
            [payload(B, reading("C", "110"), reading("C", "109", TM="2026-03-05T12:31:00,000+0100 S"), E)],
            "meter.runs_backwards",
        ),
        ([payload(B, reading("E", "120.5", TM="2026-03-05T11:00:00,000+0100 S"))], "meter.ends_before_begin"),
        ([payload(B, reading("E", "120.5", ST="T"))], "meter.status_not_good"),
        ([payload(reading("B", "100.5", ST="M"), reading("E", "120.5"))], "meter.status_not_good"),
        ([payload(reading("B", "100.5", ST=None), reading("E", "120.5", ST=None))], "meter.status_missing"),
        ([payload(B, reading("E", "120.5", EF="E"))], "meter.energy_in_error"),
        ([payload(B, reading("X", "110"), E)], "meter.error_while_charging"),
        ([payload(reading("B", "1", EI=1), reading("E", "2", EI=2))], "meter.event_between"),
        ([payload(B, reading("E", "120.5", TM="2026-03-05T12:59:00,000+0100 U"))], "meter.time_not_synchronised"),
        ([payload(reading("B", "1", TM="1970-01-01T01:00:00,000+0100 I"), E)], "meter.time_implausible"),
        ([payload(reading("B", "1", TM="2026-03-05T12:00:00,000+0100 R"), E)], "meter.time_not_continuous"),
        ([payload(B, reading("E", "120.5", TM="2026-02-30T12:00:00,000+0100 S"))], "meter.time_unreadable"),
        ([payload(B, reading("E", "120.5", TM="12:00"))], "meter.time_unreadable"),
        ([payload(B, reading("E", "120.5", TM="2026-03-05T12:59:00,000+0100"))], "meter.time_status_missing"),
        ([payload(reading("B", "1", RI="1-0:1.8.0"), reading("E", "2", RI="1-0:B1.8.0"))], "meter.registers_differ"),
        ([payload(B, E, PG="F4")], "meter.not_of_a_transaction"),
        ([payload(B, E, MS=None)], "meter.serial_missing"),
        ([payload(B, E, IL="MISMATCH")], "meter.identification_failed"),
        ([payload(B, E, IL="INVALID")], "meter.identification_failed"),
        ([payload(B, E, IL="OUTDATED")], "meter.identification_failed"),
        ([payload(B, E, IL="UNKNOWN")], "meter.identification_failed"),
        ([payload(B, E, IL="SURE")], "meter.identification_unknown"),
        ([payload(B, reading("E", "120.5", CL="-0.1"))], "meter.compensation_wrong"),
        ([payload(reading("B", "1", CL="0.1"), reading("E", "2", CL="0.2"))], "meter.compensation_wrong"),
        ([payload(B, PG="T1"), payload(E, PG="T3")], "meter.pagination_gap"),
        ([payload(B, PG="T3"), payload(E, PG="T2")], "meter.pages_out_of_order"),
        ([payload(B, PG="T3"), payload(E, PG="T3")], "meter.page_repeated"),
        ([payload(B, PG=None), payload(E, PG="T3")], "meter.page_missing"),
        ([payload(B, PG=None), payload(E, PG=None)], "meter.page_missing"),
        ([payload(B, PG="T1"), payload(E, PG="F2")], "meter.pages_mixed"),
        ([payload(B), payload(E, PG="T2", MS="M2")], "meter.several_meters"),
        ([payload(B), payload(E, PG="T2", ID="04FF")], "meter.several_contracts"),
        ([payload(B, CI="A"), payload(E, PG="T2", CI="B")], "meter.several_charge_points"),
        (
            [payload(B, LC={"LR": 1, "LU": "mOhm"}), payload(E, PG="T2", LC={"LR": 2, "LU": "mOhm"})],
            "meter.several_cables",
        ),
    ],
)
def test_a_valid_signature_is_not_enough(payloads: list[bytes], code: str):
    verdict = judged(*payloads)
    assert (verdict.signature, verdict.billable) == (SignatureVerdict.VALID, False)
    assert code in blocking(verdict)


@pytest.mark.parametrize(
    ("signed", "code"),
    [
        (payload(B, reading("E", "120.5", TM="2026-03-05T12:59:00,000+0100 I")), "meter.time_informative"),
        (payload(B, reading("E", "120.5", EF="t")), "meter.time_in_error"),
        (payload(B, E, IS=False, IL="NONE"), "meter.not_identified"),
        (payload(B, E, LC={"LN": "cable", "LR": 2, "LU": "mOhm"}), "meter.compensated"),
        (payload(B, E, LC={"LN": "cable"}), "meter.compensation_incomplete"),
    ],
)
def test_what_a_person_should_know_stops_nothing(signed: bytes, code: str):
    verdict = judged(signed)
    assert (verdict.billable, blocking(verdict)) == (True, [])
    assert code in remarks(verdict)


@pytest.mark.parametrize("tx", "ELRAP")
def test_a_session_may_end_in_five_ways(tx: str):
    assert judged(payload(B, reading(tx, "120.5"))).billable


def test_deleting_a_record_in_the_middle_shows_although_every_signature_holds():
    whole = [payload(B), payload(reading("C", "110"), PG="T2"), payload(E, PG="T3")]
    assert judged(*whole).billable
    shortened = judged(whole[0], whole[2])
    assert (shortened.signature, blocking(shortened)) == (SignatureVerdict.VALID, ["meter.pagination_gap"])


def test_an_end_may_give_the_begin_again_and_a_record_may_come_twice():
    assert judged(payload(B), payload(B, E, PG="T2")).billable
    assert verify(data(BEGIN, BEGIN, END, END), METER.key).billable


def test_a_driver_may_be_identified_after_plugging_in():
    assert judged(payload(B, IS=False, IL="NONE", IT="NONE", ID=""), payload(E, PG="T2")).billable


def test_records_may_come_in_any_order():
    verdict = verify(data(END, BEGIN), METER.key)
    assert (verdict.billable, verdict.energy_kwh) == (True, Decimal("20.0"))


def test_a_reading_that_leaves_something_out_means_the_one_before():
    signed = payload(B, {"TM": "2026-03-05T12:59:00,000+0100 S", "TX": "E", "RV": 120.5})
    assert (judged(signed).billable, judged(signed).energy_kwh) == (True, Decimal("20.0"))


def test_units_and_notations_of_registers_and_numbers():
    watt_hours = payload(
        reading("B", "       1500", RU="Wh", RI="01-00:01.08.00*FF"), reading("E", "2500", RU="Wh", RI="1-0:1.8.0.255")
    )
    assert judged(watt_hours).energy_kwh == Decimal(1)
    time_too = payload(B, E, reading("E", "30", RI="01-00:00.08.06.FF", RU="sec"))
    export_too = payload(B, reading("B", "4", RI="1-0:2.8.0"), E, reading("E", "9", RI="1-0:2.8.0"))
    for signed in (time_too, export_too):
        assert (judged(signed).billable, judged(signed).energy_kwh) == (True, Decimal("20.0"))
    assert not judged(payload(reading("B", "1", RI="1-0:2.8.0"), reading("E", "2", RI="1-0:2.8.0"))).billable


def test_of_several_registers_the_energy_of_the_vehicle_is_billed():
    def pair(code: str, begin: str, end: str) -> list[dict[str, object]]:
        return [reading("B", begin, RI=f"01-0B:{code}.08.00*FF"), reading("E", end, RI=f"01-0B:{code}.08.00*FF")]

    mains, device, transaction = pair("01", "2935.6", "2965.1"), pair("B1", "2905.6", "2934.6"), pair("B3", "0", "29.0")
    verdict = judged(payload(*mains, *device, *transaction, LC={"LR": 2, "LU": "mOhm"}))
    assert (verdict.billable, verdict.energy_kwh, verdict.begin_kwh) == (True, Decimal("29.0"), Decimal(0))
    assert "meter.registers_disagree" in blocking(judged(payload(*device, *pair("B3", "0", "30.0"))))


@pytest.mark.parametrize("number", ["1e999999999", "NaN", "Infinity", "x", "1" * 40, "1E-400", "true"])
def test_a_reading_that_no_meter_shows_is_refused(number: str):
    verdict = judged(payload(reading("B", number), E))
    assert (verdict.signature, blocking(verdict)) == (SignatureVerdict.UNVERIFIABLE, ["meter.not_readable"])


HOUR = {"start": datetime(2026, 3, 5, 11, tzinfo=UTC), "end": datetime(2026, 3, 5, 12, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("billed", "code"),
    [
        (Billed(energy_kwh=Decimal("20.0011")), "meter.energy_differs"),
        (Billed(energy_kwh=Decimal(20000)), "meter.energy_differs"),
        (Billed(token_uid="04AC"), "meter.other_contract"),
        (Billed(token_uid="AB04"), "meter.other_contract"),
        (
            Billed(start=datetime(2026, 3, 6, 11, tzinfo=UTC), end=datetime(2026, 3, 6, 12, tzinfo=UTC)),
            "meter.other_time",
        ),
        (
            Billed(start=datetime(2026, 3, 1, 11, tzinfo=UTC), end=datetime(2026, 3, 1, 12, tzinfo=UTC)),
            "meter.other_time",
        ),
    ],
)
def test_records_of_something_else_than_the_cdr_says(billed: Billed, code: str):
    verdict = judged(SESSION, billed=billed)
    assert (verdict.billable, blocking(verdict)) == (False, [code])


def test_records_that_agree_with_their_cdr():
    said = Billed(energy_kwh=Decimal("20.001"), token_uid="04:ab", contract_id="DE-MOB-1", meter_id="m1", **HOUR)
    assert (judged(SESSION, billed=said).billable, judged(SESSION, billed=said).findings) == (True, ())
    assert remarks(judged(SESSION, billed=Billed(meter_id="M2"))) == ["meter.other_meter"]
    generated = payload(B, E, IT="CENTRAL", ID="7c9e6679")
    assert judged(generated, billed=Billed(token_uid="04FF")).billable


def test_a_cdr_is_held_against_its_own_records():
    cdr = dossier(signed=data(BEGIN_AND_END), registered_key=METER.key).cdr
    assert cdr.signed_data is not None
    verdict = verify(cdr.signed_data, METER.key, Billed.of(cdr))
    assert (verdict.billable, verdict.findings) == (True, ())
    assert Billed.of(cdr.model_copy(update={"total_energy_kwh": -cdr.total_energy_kwh})).energy_kwh == Decimal(20)
