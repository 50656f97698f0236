"""Every format of signed meter data, every curve, and every wrapping: each record made and signed here."""

import base64
from decimal import Decimal

import pytest

from settlement.calibration import SignatureVerdict, verify, verify_alone
from settlement.calibration.curves import NAMES, SECP192K1
from tests.settlement.meters import (
    ALFEN_METER,
    BEGIN_AND_END,
    EDL_METER,
    METER,
    OTHER,
    SESSION,
    EdlReading,
    Meter,
    alfen,
    charging_process,
    codes,
    data,
    ocmf,
    payload,
    pcdf,
    reading,
)

NEWER = Meter("secp256r1", secret=77)


@pytest.mark.parametrize("curve", NAMES)
def test_every_curve_of_ocmf_verifies_and_a_changed_byte_does_not(curve: str):
    meter = Meter(curve)
    record = ocmf(SESSION, meter)
    verdict = verify(data(record), meter.key)
    assert (verdict.signature, verdict.energy_kwh, verdict.billable) == ("valid", Decimal("20.0"), True)
    tampered = verify(data(record.replace("120.5", "121.5")), meter.key)
    assert (tampered.signature, tampered.billable) == ("invalid", False)
    other = Meter(curve, secret=5)
    assert verify(data(record), other.key).signature is SignatureVerdict.INVALID


@pytest.mark.parametrize(
    "name", ["ECDSA-brainpoolP256r1-SHA256", "ecdsa-brainpool256r1-sha256", "ECDSA-brainpool256r1-SHA256"]
)
def test_a_curve_goes_by_several_names(name: str):
    meter = Meter("brainpool256r1")
    assert verify(data(ocmf(SESSION, meter, SA=name)), meter.key).signature is SignatureVerdict.VALID


@pytest.mark.parametrize("name", ["RSA-2048-SHA256", "ECDSA-secp256r1-SHA512", "ECDSA-secp521r1-SHA256", "x"])
def test_an_algorithm_that_is_not_supported_proves_nothing(name: str):
    verdict = verify(data(ocmf(SESSION, SA=name)), METER.key)
    assert (verdict.signature, verdict.billable) == ("unverifiable", False)
    assert name in verdict.reason


def test_without_a_name_the_curve_is_the_usual_one():
    assert verify(data(ocmf(SESSION, SA=None)), METER.key).signature is SignatureVerdict.VALID


@pytest.mark.parametrize("curve", ["secp256r1", "secp192r1", SECP192K1, "secp384r1"])
def test_a_key_is_the_same_key_in_every_notation(curve: str):
    meter = Meter(curve)
    spki, compressed = meter.spki, meter.compressed
    digits = base64.b64encode(spki).decode()
    notations = [
        spki.hex(),
        spki.hex(" ").upper(),
        spki.hex(":"),
        digits,
        "\n".join(digits[n : n + 20] for n in range(0, len(digits), 20)),
        meter.pem,
        base64.b64encode(meter.pem.encode()).decode(),
        f"oca:base16:asn1:{spki.hex()}",
        "04" + meter.x_and_y.hex(),
        base64.b64encode(b"\x04" + meter.x_and_y).decode(),
        compressed.hex(),
        base64.b32encode(compressed).decode(),
    ]
    record = ocmf(SESSION, meter)
    assert {verify(data(record), key).signature for key in notations} == {SignatureVerdict.VALID}
    bare = verify(data(record, key=spki.hex()), meter.x_and_y.hex())
    assert (bare.signature, codes(bare)) == ("valid-lenient", ["meter.signature_valid_lenient"])
    assert "bare point" in bare.reason


@pytest.mark.parametrize(
    "key", ["zz", "00" * 32, "3059", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "A" * 9999]
)
def test_what_is_no_key_proves_nothing(key: str):
    assert verify(data(BEGIN_AND_END), key).signature is SignatureVerdict.UNVERIFIABLE


def unsigned_der(r: int, s: int, size: int) -> bytes:
    """As some meters write it: no octet in front of an integer whose first bit is set."""
    body = b"".join(bytes([2, size]) + number.to_bytes(size) for number in (r, s))
    return bytes([0x30, len(body)]) + body


def test_signatures_that_strict_readers_refuse_are_read_as_they_are_meant():
    meter = Meter("secp192r1", secret=11)
    signed = next(
        text
        for text in (payload(reading("B", "1"), reading("E", "2"), PG=f"T{n}") for n in range(50))
        if max(meter.pair(text)).bit_length() == 192
    )
    r, s = meter.pair(signed)
    for meant in (unsigned_der(r, s, 24), unsigned_der(r, s, 30), meter.bare(signed), unsigned_der(r, s, 24) + b"\0"):
        verdict = verify(data(ocmf(signed, meter, SD=meant.hex())), meter.key)
        assert (verdict.signature, verdict.billable) == ("valid-lenient", True), verdict
        assert "signature" in verdict.reason
    wrong = verify(data(ocmf(signed, meter, SD=unsigned_der(r, s + 1, 24).hex())), meter.key)
    assert wrong.signature is SignatureVerdict.INVALID


@pytest.mark.parametrize("text", ["", "zz", "30", "3000", "0" * 128, "30812c", "3006020100020100", "ff" * 500])
def test_a_signature_that_is_none_is_invalid(text: str):
    assert verify(data(ocmf(SESSION, SD=text)), METER.key).signature is SignatureVerdict.INVALID


def test_a_signature_in_base64_may_say_so_or_not():
    digits = base64.b64encode(METER.der(SESSION)).decode()
    assert verify(data(ocmf(SESSION, SD=digits, SE="base64")), METER.key).signature is SignatureVerdict.VALID
    silent = verify(data(ocmf(SESSION, SD=digits)), METER.key)
    assert (silent.signature, silent.reason) == ("valid-lenient", "the signature is in base64, the record says hex")


def test_a_key_on_another_curve_than_the_record_says_has_its_own_reason():
    meter = Meter("secp256k1")
    said = "the record says ECDSA-secp256r1-SHA256, the key is on secp256k1"
    meant = verify(data(ocmf(SESSION, meter, SA="ECDSA-secp256r1-SHA256")), meter.key)
    assert (meant.signature, meant.reason) == ("valid-lenient", said)
    foreign = verify(data(ocmf(SESSION, METER)), meter.key)
    assert (foreign.signature, foreign.reason) == ("invalid", said)


WRAPPINGS = {
    "as it is": lambda raw: raw.decode(),
    "base64": lambda raw: base64.b64encode(raw).decode(),
    "base64 in lines": lambda raw: base64.encodebytes(raw).decode(),
    "base64 for addresses": lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
    "base64 twice": lambda raw: base64.b64encode(base64.b64encode(raw)).decode(),
    "hexadecimal": bytes.hex,
    "hexadecimal in base64": lambda raw: base64.b64encode(raw.hex().encode()).decode(),
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
@pytest.mark.parametrize("record", [BEGIN_AND_END, pcdf()], ids=["OCMF", "PCDF"])
def test_records_may_be_wrapped(wrap, record: str):
    verdict = verify(data(wrap(record.encode()), method=""), METER.key)
    assert (verdict.signature, verdict.energy_kwh) == ("valid", Decimal(20))


def test_line_ends_and_blanks_in_a_payload_are_signed_bytes():
    signed = SESSION.replace(b", ", b",\r\n\t")
    assert verify(data(ocmf(signed)), METER.key).billable
    assert verify(data(ocmf(signed).replace("\r", "")), METER.key).signature is SignatureVerdict.INVALID


def test_alfen():
    begin, middle, end = (
        alfen("0", 100_500, 1),
        alfen("2", 110_000, 2, at=1772709000),
        alfen("1", 120_500, 3, at=1772710000),
    )
    for method in ("Alfen Eichrecht", "ALFEN EICHRECHT", "alfen"):
        verdict = verify(data(begin, middle, end, method=method), ALFEN_METER.key)
        assert (verdict.signature, verdict.energy_kwh, codes(verdict)) == ("valid", Decimal("20.000"), [])
    assert verdict.meter == b"\x0aMETERNO01".hex().upper()
    assert [sample.kwh for sample in verdict.samples] == [Decimal("0.000"), Decimal("9.500"), Decimal("20.000")]
    assert verify(data(begin, end), ALFEN_METER.compressed.hex()).signature is SignatureVerdict.VALID
    assert "meter.pagination_gap" in codes(verify(data(begin, end), ALFEN_METER.key))
    forged = begin.replace(begin.split(";")[5], end.split(";")[5])
    assert verify(data(forged, end), ALFEN_METER.key).signature is SignatureVerdict.INVALID


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ((alfen("0", 1, 1), alfen("1", 2, 2, session=8)), "meter.several_transactions"),
        ((alfen("0", 1, 1), alfen("1", 2, 2, uid=b"DD")), "meter.several_contracts"),
        ((alfen("0", 1, 1), alfen("1", 2, 2, status=1 << 2)), "meter.status_not_good"),
        ((alfen("0", 1, 1), alfen("1", 2, 2, status=1 << 30)), "meter.adapter_in_error"),
        ((alfen("0", 1, 2), alfen("1", 2, 1)), "meter.pages_out_of_order"),
        ((alfen("0", 1, 1, at=3), alfen("1", 2, 2, at=9)), "meter.time_implausible"),
        ((alfen("0", 1, 1), alfen("0", 2, 2)), "meter.reading_missing"),
    ],
)
def test_alfen_that_may_not_be_billed(records: tuple[str, ...], code: str):
    verdict = verify(data(*records, method="Alfen Eichrecht"), ALFEN_METER.key)
    assert (verdict.signature, verdict.billable) == ("valid", False)
    assert code in [finding.code for finding in verdict.findings if finding.blocks]


@pytest.mark.parametrize("meter", [EDL_METER, NEWER], ids=["secp192r1", "secp256r1"])
@pytest.mark.parametrize("form", ["sml", "sml in base64", "xml"])
def test_edl40(meter: Meter, form: str):
    compensated = (9000, 9180) if meter is NEWER else (0, 0)
    readings = [
        EdlReading(5000, 41, meter=meter, compensated=compensated[0]),
        EdlReading(5200, 42, meter=meter, compensated=compensated[1], utc=1780003600),
    ]
    carried = {
        "sml": lambda one: one.sml().hex(" "),
        "sml in base64": lambda one: base64.b64encode(one.sml()).decode(),
        "xml": EdlReading.xml,
    }[form]
    verdict = verify(data(*map(carried, readings), method="EDL40 E-Mobility Extension"), meter.x_and_y.hex())
    assert (verdict.signature, verdict.billable) == ("valid", True), verdict
    assert verdict.energy_kwh == (Decimal("0.0180") if meter is NEWER else Decimal("0.0200"))
    if form != "xml":
        assert verdict.begin_at is not None
        assert int(verdict.begin_at.timestamp()) == 1780000000
    swapped = verify(data(*map(carried, reversed(readings)), natures=("Start", "End")), meter.key)
    assert {"meter.pages_out_of_order", "meter.runs_backwards"} <= set(codes(swapped))


@pytest.mark.parametrize("change", [{"value": 5100}, {"page": 44}, {"user": b"X"}, {"logbook": b"\0\x08"}])
def test_edl40_signs_reading_page_user_and_logbook(change: dict[str, object]):
    honest = EdlReading(5000, 41)
    forged = EdlReading(**{"value": 5000, "page": 41, **change})  # type: ignore[arg-type]
    xml = honest.xml().replace(
        base64.b64encode(honest.fields.block()).decode(), base64.b64encode(forged.fields.block()).decode()
    )
    assert verify(data(xml), EDL_METER.key).signature is SignatureVerdict.INVALID


def test_an_event_in_the_logbook_between_begin_and_end_stops_billing():
    records = EdlReading(5000, 41).xml(), EdlReading(5200, 42, logbook=b"\0\x08").xml()
    assert "meter.event_between" in codes(verify(data(*records), EDL_METER.key))


def test_edl40_in_the_xml_of_mennekes():
    process = charging_process(EdlReading(5000, 41), EdlReading(5200, 42, utc=1780003600))
    verdict = verify(data(process, method="EDL40 Mennekes"), EDL_METER.x_and_y.hex())
    assert (verdict.signature, verdict.energy_kwh, codes(verdict)) == ("valid", Decimal("0.0200"), [])
    assert verify_alone(data(process), None).signature is SignatureVerdict.VALID
    forged = process.replace("<Value>5200<", "<Value>5300<")
    assert verify(data(forged), EDL_METER.key).signature is SignatureVerdict.INVALID


def test_pcdf():
    verdict = verify(data(pcdf(), method="PCDF"), METER.key)
    assert (verdict.signature, verdict.energy_kwh, verdict.billable) == ("valid", Decimal("20.000"), True)
    assert verify(data(pcdf().replace("0020.000", "0021.000")), METER.key).signature is SignatureVerdict.INVALID
    assert "meter.other_key" in codes(verify(data(pcdf()), OTHER.key))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"BV": "0"}, "meter.not_for_billing"),
        ({"SP": "0"}, "meter.not_stopped"),
        ({"TV": "0"}, "meter.time_not_synchronised"),
    ],
)
def test_pcdf_that_verifies_and_may_not_be_billed(changes: dict[str, str], code: str):
    verdict = verify(data(pcdf(**changes), method="PCDF"), METER.key)
    assert (verdict.signature, verdict.billable) == ("valid", False)
    assert code in codes(verdict)


def test_the_format_is_seen_and_not_believed():
    verdict = verify(data(pcdf(), method="OCMF"), METER.key)
    assert (verdict.billable, codes(verdict)) == (True, ["meter.format_misnamed"])


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00,000+1400 S", "9999-12-31T23:59:59,999-1400 S"])
def test_a_time_that_is_in_no_calendar_is_unreadable(stamp: str):
    record = payload(reading("B", "100.5", TM=stamp), reading("E", "120.5"))
    assert "meter.time_unreadable" in codes(verify(data(ocmf(record)), METER.key))


@pytest.mark.parametrize("sign", ["\0", "\ud800"])
@pytest.mark.parametrize("field", ["MS", "IL"])
def test_what_no_text_can_hold_is_not_let_out_of_a_record(field: str, sign: str):
    verdict = verify(
        data(ocmf(payload(reading("B", "100.5"), reading("E", "120.5"), **{field: f"x{sign}"}))), METER.key
    )
    assert codes(verdict) == ["meter.not_readable"]
    assert "\\u" not in verdict.model_dump_json()


def test_what_no_text_can_hold_is_not_let_out_of_a_line():
    assert codes(verify(data(pcdf(HW="x\0")), METER.key)) == ["meter.not_readable"]


def test_of_many_records_on_the_slow_curve_none_is_verified():
    meter = Meter(SECP192K1)
    verdict = verify(data(*[ocmf(SESSION, meter)] * 101), meter.key)
    assert verdict.signature is SignatureVerdict.UNVERIFIABLE
    assert "more than 100 records" in verdict.reason
