import base64
import hashlib
import json
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from canonical.cdr import SignedMeterData, SignedReading
from settlement.calibration import MeterVerdict, verify
from settlement.signature import SignatureVerdict
from tests.settlement.build import charged, dossier

KEY = ec.derive_private_key(20260305, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(20260306, ec.SECP256R1())


def spki(key: ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo).hex()


def payload(*readings: tuple[str, str], status: str = "G", flags: str = "", meter: str = "M1") -> bytes:
    entries = ",".join(
        f'{{"TM":"2026-03-05T12:00:00,000+0100 S","TX":"{tx}","RV":{kwh},"RI":"1-b:1.8.0","RU":"kWh",'
        f'"EF":"{flags}","ST":"{status}"}}'
        for tx, kwh in readings
    )
    # The blanks are meant: what is signed is bytes, not what they mean.
    return f'{{"FV":"1.0",  "MS":"{meter}", "RD":[{entries}] }}'.encode()


def record(signed: bytes, key: ec.EllipticCurvePrivateKey = KEY, *, bare: bool = False) -> str:
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    if bare:
        r, s = decode_dss_signature(signature)
        signature = r.to_bytes(32) + s.to_bytes(32)
    return f'OCMF|{signed.decode()}|{{"SA":"ECDSA-secp256r1-SHA256","SD":"{signature.hex()}"}}'


def data(*records: str, public_key: str | None = None) -> SignedMeterData:
    natures = ("Start", "End")
    return SignedMeterData(
        encoding_method="OCMF",
        public_key=public_key,
        readings=tuple(
            SignedReading(nature=natures[min(n, 1)], plain_data="", signed_data=text) for n, text in enumerate(records)
        ),
    )


BEGIN_AND_END = record(payload(("B", "100.5"), ("E", "120.5")))


def codes(verdict: MeterVerdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def test_a_valid_record_proves_its_energy():
    verdict = verify(data(BEGIN_AND_END), spki(KEY))
    assert (verdict.signature, verdict.reason, codes(verdict)) == (SignatureVerdict.VALID, None, [])
    assert (verdict.begin_kwh, verdict.end_kwh) == (Decimal("100.5"), Decimal("120.5"))
    assert verdict.end_sha256 == hashlib.sha256(BEGIN_AND_END.encode()).hexdigest()


def test_two_records_are_linked_by_two_digests():
    begin, end = record(payload(("B", "100.5"))), record(payload(("E", "120.5")))
    link = verify(data(begin, end), spki(KEY)).link()
    assert link is not None
    assert link.begin_sha256 == hashlib.sha256(begin.encode()).hexdigest()
    assert link.end_sha256 == hashlib.sha256(end.encode()).hexdigest()
    assert link.verdict == "valid"


@pytest.mark.parametrize("wrap", [lambda raw: base64.b64encode(raw).decode(), bytes.hex])
def test_records_may_be_wrapped(wrap):
    assert verify(data(wrap(BEGIN_AND_END.encode())), spki(KEY)).signature is SignatureVerdict.VALID


@pytest.mark.parametrize(
    "tampered",
    [
        BEGIN_AND_END.replace("120.5", "121.5"),
        BEGIN_AND_END.replace("  ", " "),
        BEGIN_AND_END.replace("M1", "M2"),
    ],
)
def test_a_changed_byte_breaks_the_signature(tampered: str):
    verdict = verify(data(tampered), spki(KEY))
    assert verdict.signature is SignatureVerdict.INVALID
    assert [f.code for f in verdict.findings if f.blocks] == ["meter.signature_invalid"]


def test_a_key_that_came_with_the_data_proves_nothing():
    verdict = verify(data(BEGIN_AND_END, public_key=spki(KEY)), None)
    assert verdict.signature is SignatureVerdict.UNVERIFIABLE
    assert verify(data(BEGIN_AND_END, public_key=spki(KEY)), spki(OTHER_KEY)).signature is SignatureVerdict.INVALID
    assert "meter.other_key" in codes(verify(data(BEGIN_AND_END, public_key=spki(OTHER_KEY)), spki(KEY)))
    assert verify(data(BEGIN_AND_END), None).signature is SignatureVerdict.UNVERIFIABLE


def test_malformed_but_meant_is_valid_with_its_reason():
    bare_signature = verify(data(record(payload(("B", "1"), ("E", "2")), bare=True)), spki(KEY))
    point = KEY.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    bare_key = verify(data(BEGIN_AND_END), point[1:].hex())
    for verdict in (bare_signature, bare_key):
        assert verdict.signature is SignatureVerdict.VALID_LENIENT
        assert verdict.reason
        assert not any(f.blocks for f in verdict.findings)


@pytest.mark.parametrize(
    ("signed", "code"),
    [
        (payload(("B", "100")), "meter.reading_missing"),
        (payload(("E", "100")), "meter.reading_missing"),
        (payload(("B", "100"), ("E", "99")), "meter.runs_backwards"),
        (payload(("B", "100"), ("E", "101"), status="T"), "meter.status_not_good"),
        (payload(("B", "100"), ("E", "101"), flags="E"), "meter.energy_in_error"),
    ],
)
def test_a_valid_signature_is_not_enough(signed: bytes, code: str):
    verdict = verify(data(record(signed)), spki(KEY))
    assert verdict.signature is SignatureVerdict.VALID
    assert code in [f.code for f in verdict.findings if f.blocks]


def test_records_of_two_meters_are_no_session():
    verdict = verify(data(record(payload(("B", "1"))), record(payload(("E", "2"), meter="M2"))), spki(KEY))
    assert codes(verdict) == ["meter.several_meters"]


@pytest.mark.parametrize("text", ["", "AP;0;3;", "OCMF|{}", "OCMF|{|{}", 'OCMF|{"RD":[1]}|{"SD":"00"}', "OCMF|[]|[]"])
def test_what_cannot_be_read_is_unverifiable_and_no_error(text: str):
    verdict = verify(data(text), spki(KEY))
    assert verdict.signature is SignatureVerdict.UNVERIFIABLE
    assert codes(verdict) == ["meter.not_readable"]


def test_another_format_is_kept_and_stops_nothing():
    alfen = data("AP;0;3;ALCV").model_copy(update={"encoding_method": "Alfen Eichrecht"})
    verdict = verify(alfen, spki(KEY))
    assert verdict.signature is SignatureVerdict.UNVERIFIABLE
    assert [(f.code, f.blocks) for f in verdict.findings] == [("meter.format_not_supported", False)]


def test_the_dossier_links_its_energy_to_the_meter():
    signed = data(BEGIN_AND_END, public_key=spki(KEY))
    good = dossier(signed=signed, registered_key=spki(KEY))
    assert good.meter is not None
    assert good.meter.end_kwh - good.meter.begin_kwh == good.cdr.total_energy_kwh
    assert good.provenance.findings == ()
    assert good.cdr.signed_data == signed
    wrong = dossier(readings=charged(kwh="21"), signed=signed, registered_key=spki(KEY))
    assert [f.code for f in wrong.provenance.findings] == ["meter.energy_differs"]


def test_records_of_real_stations(shared: Path):
    vectors = json.loads((shared / "cases/ocmf/vectors.json").read_text())
    expected = {
        "valid": SignatureVerdict.VALID,
        "INVALID-SIGNATURE": SignatureVerdict.INVALID,
        "no-public-key": SignatureVerdict.UNVERIFIABLE,
    }
    for vector in vectors:
        verdict = verify(data(vector["ocmf"]), vector["public_key"])
        assert verdict.signature is expected[vector["expected_signature"]], vector["id"]
        kinds = set(vector["reading_types"])
        assert (verdict.begin_kwh is not None) == ("B" in kinds), vector["id"]
        assert (verdict.end_kwh is not None) == ("E" in kinds), vector["id"]
