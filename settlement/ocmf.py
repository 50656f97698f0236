"""Open Charge Metering Format 1.x: what a signed record says, read without touching a byte of what was
signed.

A record is `OCMF|payload|signature`: two JSON documents, of which the first is signed exactly as it stands.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_ENERGY_REGISTER = re.compile(r"^0?1-(?:0?0|b|[0-9]{1,2}):(?:0?1|B[0-3])\.0?8\.", re.IGNORECASE)
"""OBIS of imported active energy: the plain register, and the loss-compensated and transaction ones of
OCMF.
"""

_IN_KWH = {"KWH": Decimal(1), "WH": Decimal("0.001")}
_BEGIN = frozenset("B")
_END = frozenset("ELRAP")
_INHERITED = ("TM", "TX", "RI", "RU", "RT", "EF", "ST")
"""A reading that leaves one of these out means the one of the reading before it."""

DEFAULT_ALGORITHM = "ECDSA-secp256r1-SHA256"


class NotOcmf(Exception):
    """The bytes are no OCMF record."""


@dataclass(frozen=True)
class OcmfReading:
    """One energy reading. `tx` is the cause of it (B begin, C charging, E end …), `status` G when the meter
    is well.
    """

    tx: str
    kwh: Decimal
    time: str
    status: str
    error_flags: str

    @property
    def is_begin(self) -> bool:
        return self.tx in _BEGIN

    @property
    def is_end(self) -> bool:
        return self.tx in _END


@dataclass(frozen=True)
class OcmfRecord:
    """`signed` are the bytes under the signature; `meter` is the serial number of the meter, or of its
    gateway.
    """

    signed: bytes
    algorithm: str
    signature: bytes
    meter: str
    readings: tuple[OcmfReading, ...]


def parse(raw: bytes) -> OcmfRecord:
    """Read one record. Raises NotOcmf."""
    parts = raw.strip().split(b"|")
    if len(parts) != 3 or parts[0] != b"OCMF":
        raise NotOcmf("not of the form OCMF|payload|signature")
    payload, signature = _json_object(parts[1]), _json_object(parts[2])
    return OcmfRecord(
        signed=parts[1],
        algorithm=str(signature.get("SA") or DEFAULT_ALGORITHM),
        signature=_binary(str(signature.get("SD", "")), str(signature.get("SE") or "hex")),
        meter=str(payload.get("MS") or payload.get("GS") or ""),
        readings=_readings(payload),
    )


def unwrap(text: str) -> bytes:
    """The bytes of a record as partners carry it: as text, as Base64, or as hexadecimal digits of it."""
    if text.lstrip().startswith("OCMF|"):
        return text.encode()
    compact = "".join(text.split())
    for decode in (bytes.fromhex, lambda t: base64.b64decode(t, validate=True)):
        try:
            raw = decode(compact)
        except (ValueError, binascii.Error):
            continue
        if raw.lstrip().startswith(b"OCMF|"):
            return raw
    raise NotOcmf("does not begin with OCMF|, neither as text nor in Base64 or hexadecimal")


def _json_object(raw: bytes) -> Mapping[str, object]:
    try:
        document: object = json.loads(raw, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise NotOcmf("a section is not JSON") from error
    if not isinstance(document, dict):
        raise NotOcmf("a section is not a JSON object")
    return document


def _binary(text: str, encoding: str) -> bytes:
    try:
        if encoding.lower() == "base64":
            return base64.b64decode("".join(text.split()), validate=True)
        return bytes.fromhex(text)
    except (ValueError, binascii.Error) as error:
        raise NotOcmf(f"the signature is not {encoding}") from error


def _readings(payload: Mapping[str, object]) -> tuple[OcmfReading, ...]:
    entries = payload.get("RD")
    if not isinstance(entries, list):
        raise NotOcmf("there are no readings")
    found: list[OcmfReading] = []
    inherited: dict[str, object] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            raise NotOcmf("a reading is not a JSON object")
        inherited |= {name: entry[name] for name in _INHERITED if entry.get(name) is not None}
        factor = _IN_KWH.get(str(inherited.get("RU", "")).upper())
        register = str(inherited.get("RI", ""))
        if factor is None or (register and not _ENERGY_REGISTER.match(register)):
            continue
        found.append(
            OcmfReading(
                tx=str(inherited.get("TX", "")),
                kwh=_number(entry.get("RV")) * factor,
                time=str(inherited.get("TM", "")),
                status=str(inherited.get("ST", "")),
                error_flags=str(inherited.get("EF", "")),
            )
        )
    return tuple(found)


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise NotOcmf("a reading is not a number") from error
    if not number.is_finite():
        raise NotOcmf("a reading is not a number")
    return number
