"""Meters of our own making: they sign records in every format, with keys that exist for the tests alone."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from ecdsa import SigningKey

from canonical.cdr import SignedMeterData, SignedReading
from settlement.calibration import MeterVerdict, curves
from settlement.calibration.formats.edl40 import Fields

SECRET = 20260305
CURVES: dict[str, ec.EllipticCurve] = {
    "secp192r1": ec.SECP192R1(),
    "secp256k1": ec.SECP256K1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "brainpool256r1": ec.BrainpoolP256R1(),
    "brainpool384r1": ec.BrainpoolP384R1(),
}


@dataclass(frozen=True)
class Meter:
    """One key on one curve."""

    curve: str = "secp256r1"
    secret: int = SECRET

    @property
    def size(self) -> int:
        return curves.size_of(self.curve)

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.secret, CURVES[self.curve])

    def pair(self, signed: bytes) -> tuple[int, int]:
        """r and s over the bytes, always the same ones."""
        if self.curve == curves.SECP192K1:
            raw = self._unlisted.sign_deterministic(signed, hashfunc=hashlib.sha256)
            return int.from_bytes(raw[:24]), int.from_bytes(raw[24:])
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        return decode_dss_signature(self.private.sign(signed, algorithm))

    def der(self, signed: bytes) -> bytes:
        return encode_dss_signature(*self.pair(signed))

    def bare(self, signed: bytes) -> bytes:
        return b"".join(number.to_bytes(self.size) for number in self.pair(signed))

    @property
    def x_and_y(self) -> bytes:
        if self.curve == curves.SECP192K1:
            raw = self._unlisted.get_verifying_key().to_string()
            assert isinstance(raw, bytes)
            return raw
        return self._encoded(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)[1:]

    @property
    def compressed(self) -> bytes:
        return bytes([2 + self.x_and_y[-1] % 2]) + self.x_and_y[: self.size]

    @property
    def spki(self) -> bytes:
        if self.curve == curves.SECP192K1:
            return bytes.fromhex("3046301006072a8648ce3d020106052b8104001f03320004") + self.x_and_y
        return self._encoded(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> str:
        digits = base64.encodebytes(self.spki).decode()
        return f"-----BEGIN PUBLIC KEY-----\n{digits}-----END PUBLIC KEY-----\n"

    @property
    def key(self) -> str:
        return self.spki.hex()

    @property
    def _unlisted(self) -> SigningKey:
        return SigningKey.from_secret_exponent(self.secret, curve=curves._secp192k1())

    def _encoded(self, encoding: serialization.Encoding, form: serialization.PublicFormat) -> bytes:
        return self.private.public_key().public_bytes(encoding, form)


METER = Meter()
OTHER = Meter(secret=SECRET + 1)


def reading(tx: str | None, kwh: str, **changes: object) -> dict[str, object]:
    """One OCMF reading; what is changed to None is left out."""
    minute = {"B": "00", "C": "30"}.get(tx or "", "59")
    stated = {
        "TM": f"2026-03-05T12:{minute}:00,000+0100 S",
        "TX": tx,
        "RV": kwh,
        "RI": "1-b:1.8.0",
        "RU": "kWh",
        "EF": "",
        "ST": "G",
        **changes,
    }
    return {name: value for name, value in stated.items() if value is not None}


def payload(*readings: dict[str, object], **changes: object) -> bytes:
    """An OCMF payload; what is changed to None is left out. Its blanks are meant: what is signed is bytes."""
    stated = {"FV": "1.4", "PG": "T1", "MS": "M1", "IS": True, "IL": "VERIFIED", "IT": "ISO14443", "ID": "04AB"}
    stated |= {"RD": list(readings), **changes}
    return json.dumps({n: v for n, v in stated.items() if v is not None}, separators=(", ", ":  ")).encode()


def ocmf(signed: bytes, meter: Meter = METER, **section: object) -> str:
    """A record; `section` changes the signature's own part of it."""
    stated = {"SA": f"ECDSA-{meter.curve}-SHA256", "SD": meter.der(signed).hex(), **section}
    return f"OCMF|{signed.decode()}|{json.dumps({n: v for n, v in stated.items() if v is not None})}"


SESSION = payload(reading("B", "100.5"), reading("E", "120.5"))
BEGIN_AND_END = ocmf(SESSION)
BEGIN = ocmf(payload(reading("B", "100.5"), PG="T7"))
END = ocmf(payload(reading("E", "120.5"), PG="T8"))


def data(*records: str, key: str | None = None, method: str = "OCMF", natures: Sequence[str] = ()) -> SignedMeterData:
    """As OCPI carries it."""
    named = [*natures, *[""] * len(records)]
    readings = [SignedReading(nature=n, plain_data="", signed_data=r) for n, r in zip(named, records, strict=False)]
    return SignedMeterData(encoding_method=method, public_key=key, readings=tuple(readings))


ALFEN_METER = Meter("secp192r1")


def alfen(
    kind: str,
    watt_hours: int,
    page: int = 1,
    *,
    session: int = 9,
    status: int = 0,
    at: int = 1772708400,
    uid: bytes = b"04AABBCC",
    meter: Meter = ALFEN_METER,
) -> str:
    octets = b"".join(
        (
            bytes(range(10)),  # adapter
            b"FW10",
            b"\x01\x02",
            b"\x0aMETERNO01",
            status.to_bytes(4, "little"),
            (1000).to_bytes(4, "little"),
            at.to_bytes(4, "little"),
            bytes.fromhex("0100010800ff"),
            bytes([30, 0]),
            watt_hours.to_bytes(8, "little"),
            uid.ljust(20, b"\0"),
            session.to_bytes(4, "little"),
            page.to_bytes(4, "little"),
        )
    )
    parts = (meter.compressed, octets, meter.bare(octets))
    return ";".join(("AP", kind, "3", *(base64.b32encode(part).decode() for part in parts))) + ";"


EDL_METER = Meter("secp192r1")
IDENTIFIED = 1779999940


@dataclass(frozen=True)
class EdlReading:
    """A reading as a meter of the EDL40 family signs it, in summer time of Berlin."""

    value: int
    page: int
    user: bytes = b"DE8AACA2B3C4D5"
    logbook: bytes = b"\x00\x07"
    compensated: int = 0
    server: bytes = bytes.fromhex("0901454d480000112233")
    utc: int = 1780000000
    meter: Meter = field(default=EDL_METER)

    @property
    def fields(self) -> Fields:
        newer = self.meter.size == 32
        return Fields(
            server=self.server,
            time=self.utc + 7200,
            status=0x80,
            seconds=4711 + self.page,
            page=self.page,
            unit=30,
            scale=-1,
            value=self.value,
            logbook=self.logbook,
            user=self.user,
            user_time=IDENTIFIED + 7200,
            compensated=self.compensated,
            resistance=1000 if newer else 0,
        )

    def sml(self) -> bytes:
        """The whole file, in the frame that the transport puts around it."""
        newer = self.meter.size == 32
        status = 0x00000100 if newer else 0x00000180  # of newer meters bit 8 becomes bit 7
        values = [
            entry("0100011100ff", unsigned(status, 4), when(self.utc), unsigned(30), signed(-1), signed(self.value, 8)),
            entry(
                "810060080001",
                None,
                None,
                None,
                None,
                lst(unsigned(1), lst(unsigned(1), unsigned(4711 + self.page, 4))),
            ),
            entry("8180817101ff", None, None, None, None, unsigned(self.page, 4)),
            entry("8182815401ff", None, when(IDENTIFIED), None, None, octets(self.user)),
        ]
        if newer:
            values += [
                entry("0100011100c8", None, None, unsigned(30), signed(-1), signed(self.compensated, 8)),
                entry("00af6c6c72ff", None, None, None, None, unsigned(1000, 2)),
            ]
        signature = self.meter.bare(self.fields.block()) + self.logbook
        response = lst(None, octets(self.server), None, None, lst(*values), octets(signature), None)
        body = message(0x0101, lst(None, None, octets(b"1"), octets(self.server), None, None))
        body += message(0x0701, response) + message(0x0201, lst(None))
        body = body.replace(b"\x1b\x1b\x1b\x1b", b"\x1b\x1b\x1b\x1b" * 2)
        fill = -len(body) % 4
        return bytes.fromhex("1b1b1b1b01010101") + body + b"\0" * fill + b"\x1b\x1b\x1b\x1b\x1a" + bytes([fill, 0, 0])

    def xml(self) -> str:
        """The octets ready-made beside their signature."""
        block = self.fields.block()
        parts = {
            "publicKey": self.meter.x_and_y,
            "meterValueSignature": self.meter.bare(block) + self.logbook,
            "encodedMeterValue": block,
        }
        inner = "".join(
            f'<{name} encoding="base64">{base64.b64encode(raw).decode()}</{name}>' for name, raw in parts.items()
        )
        return f'<?xml version="1.0" encoding="UTF-8" ?><signedMeterValue>{inner}</signedMeterValue>'

    def measurement(self, name: str) -> str:
        local = datetime.fromtimestamp(self.utc + 7200, UTC).replace(tzinfo=None).isoformat()
        block = self.fields.block()
        return (
            f"<{name}><Timestamp>{local}+02:00</Timestamp>"
            f"<Signature>{self.meter.bare(block).hex().upper()}</Signature>"
            f"<EventCounter>{int.from_bytes(self.logbook)}</EventCounter><MeterStatus>128</MeterStatus>"
            f"<Value>{self.value}</Value><Scaler>-1</Scaler><Pagination>{self.page}</Pagination>"
            f"<SecondIndex>{4711 + self.page}</SecondIndex></{name}>"
        )


def charging_process(begin: EdlReading, end: EdlReading) -> str:
    identified = datetime.fromtimestamp(IDENTIFIED + 7200, UTC).replace(tzinfo=None).isoformat()
    return (
        '<Billing xmlns="http://www.mennekes.de/Mennekes.EdlVerification.xsd"><ChargingProcess>'
        f"<ServerId>{begin.server.hex()}</ServerId><PublicKey>{begin.meter.x_and_y.hex()}</PublicKey>"
        f"<CustomerIdent>{begin.user.hex()}</CustomerIdent>"
        f"<TimestampCustomerIdent>{identified}+02:00</TimestampCustomerIdent>"
        f"{begin.measurement('MeasurementStart')}{end.measurement('MeasurementEnd')}</ChargingProcess></Billing>"
    )


def lst(*parts: bytes | None) -> bytes:
    return bytes([0x70 | len(parts)]) + b"".join(b"\x01" if part is None else part for part in parts)


def octets(raw: bytes) -> bytes:
    if len(raw) < 15:
        return bytes([1 + len(raw)]) + raw
    length = len(raw) + 2
    return bytes([0x80 | length >> 4, length & 0x0F]) + raw


def unsigned(number: int, length: int = 1) -> bytes:
    return bytes([0x61 + length]) + number.to_bytes(length)


def signed(number: int, length: int = 1) -> bytes:
    return bytes([0x51 + length]) + number.to_bytes(length, signed=True)


def when(utc: int) -> bytes:
    return lst(unsigned(3), lst(unsigned(utc, 4), signed(60, 2), signed(60, 2)))


def entry(code: str, *parts: bytes | None) -> bytes:
    return lst(octets(bytes.fromhex(code)), *parts, None)


def message(tag: int, content: bytes) -> bytes:
    inner = (octets(b"1"), unsigned(0), unsigned(0), lst(unsigned(tag, 2), content), unsigned(0, 2))
    return b"\x76" + b"".join(inner) + b"\0"


def pcdf(kwh: str = "0020.000", *, meter: Meter = METER, **changes: str) -> str:
    stated = {
        "ST": "260305110000",
        "CT": "260305115900",
        "CD": "005900",
        "TV": "1",
        "BV": "1",
        "CSC": "1",
        "SP": "1",
        "RV": f"{kwh}*kWh",
        "SI": "04AABBCC*1*7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "HW": "12345678901",
        "DT": "0",
        "PK": f"04{meter.x_and_y.hex()}",
        **changes,
    }
    signed_text = "128.8.0" + "".join(f"({name}:{value})" for name, value in stated.items())
    return f"{signed_text}(SG:{meter.der(signed_text.encode()).hex()})"


def codes(verdict: MeterVerdict) -> list[str]:
    return [finding.code for finding in verdict.findings]
