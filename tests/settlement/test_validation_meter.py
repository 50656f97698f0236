from decimal import Decimal

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from canonical.cdr import Cdr, SignedMeterData, SignedReading
from settlement.agreement import STANDARD, UnprovedEnergy
from settlement.validation import Circumstances, Outcome, Validation, validate
from tests.settlement.build import BERLIN, ENERGY_AND_IDLE, charged, dossier, session

KEY = ec.derive_private_key(20260305, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(20260306, ec.SECP256R1())
STRICT = STANDARD.model_copy(update={"unproved_energy": UnprovedEnergy.QUARANTINED})


def public(key: ec.EllipticCurvePrivateKey) -> str:
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return der.hex()


def signed(begin: str = "100.5", end: str = "120.5", key: ec.EllipticCurvePrivateKey = KEY) -> SignedMeterData:
    readings = ",".join(
        f'{{"TM":"2026-03-05T{time}:00,000+0100 S","TX":"{kind}","RV":{kwh},"RI":"1-b:1.8.0","RU":"kWh","ST":"G"}}'
        for time, kind, kwh in (("12:00", "B", begin), ("13:40", "E", end))
    )
    payload = (
        '{"FV":"1.0","GI":"ABL","GS":"G1","PG":"T7","MV":"EMH","MM":"eHZ","MS":"M1","IS":true,"IL":"VERIFIED",'
        f'"IF":["RFID_PLAIN"],"IT":"ISO14443","ID":"04AB","RD":[{readings}]}}'
    )
    signature = key.sign(payload.encode(), ec.ECDSA(hashes.SHA256()))
    record = f'OCMF|{payload}|{{"SA":"ECDSA-secp256r1-SHA256","SD":"{signature.hex()}"}}'
    return SignedMeterData(
        encoding_method="OCMF",
        readings=(SignedReading(nature="End", plain_data="", signed_data=record),),
    )


UNREADABLE = SignedMeterData(
    encoding_method="Unheard", readings=(SignedReading(nature="End", plain_data="", signed_data="0123456789"),)
)


def cdr(data: SignedMeterData | None) -> Cdr:
    return dossier().cdr.model_copy(update={"signed_data": data})


def check(data: SignedMeterData | None, *, key: str | None = None, strict: bool = False) -> Validation:
    return validate(
        cdr(data),
        session=session(charged()),
        tariff_held=ENERGY_AND_IDLE,
        time_zone=BERLIN,
        agreement=STRICT if strict else STANDARD,
        circumstances=Circumstances(registered_key=key),
    )


def blocking(got: Validation) -> list[str]:
    return [finding.code for finding in got.findings if finding.blocks]


@pytest.mark.parametrize("strict", [True, False])
def test_energy_that_a_registered_meter_signed_is_proved(strict: bool):
    got = check(signed(), key=public(KEY), strict=strict)
    assert got.outcome is not Outcome.QUARANTINED, got.text


@pytest.mark.parametrize("strict", [True, False])
def test_a_signature_that_does_not_hold_blocks_whatever_was_agreed(strict: bool):
    got = check(signed(key=OTHER_KEY), key=public(KEY), strict=strict)
    assert "meter.signature_invalid" in blocking(got)


@pytest.mark.parametrize(
    ("data", "key"),
    [(None, public(KEY)), (signed(), None), (UNREADABLE, public(KEY))],
)
def test_what_is_not_proved_waits_where_the_agreement_asks_for_proof(data: SignedMeterData | None, key: str | None):
    assert "cdr.energy_unproved" in blocking(check(data, key=key, strict=True))
    assert blocking(check(data, key=key)) == []


@pytest.mark.parametrize("strict", [True, False])
def test_another_energy_than_the_signed_one_blocks(strict: bool):
    got = check(signed(end="119.9"), key=public(KEY), strict=strict)
    found = next(finding for finding in got.findings if finding.code == "cdr.signed_energy_differs")
    assert (found.blocks, Decimal(found.expected or 0), found.stated) == (True, Decimal("19.4"), "20.0000")


def test_the_signed_meter_tells_wh_from_kwh():
    got = check(signed(begin="100.500", end="100.520"), key=public(KEY))
    assert "cdr.energy_factor_1000" in blocking(got)
