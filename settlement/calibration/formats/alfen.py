"""Alfen's records: `AP;kind;version;key;data;signature;`, the last three in Base32.

Data are 82 octets, numbers least octet first. The key is a compressed point on secp192r1; the signature is r and s.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from canonical.model import Finding
from settlement.calibration.obis import Register
from settlement.calibration.record import (
    Identification,
    Kind,
    MeterRecord,
    NotReadable,
    Page,
    Reading,
    finding,
    kwh_of,
)

_KINDS: Final[Mapping[str, Kind]] = MappingProxyType({"0": Kind.BEGIN, "1": Kind.END, "2": Kind.DURING})
_LENGTH: Final = 82
_METER: Final = slice(16, 26)
_STATUS: Final = slice(26, 30)
_TIME: Final = slice(34, 38)
_OBIS: Final = slice(38, 44)
_UNIT: Final = 44
_SCALE: Final = slice(45, 46)
_VALUE: Final = slice(46, 54)
_USER: Final = slice(54, 74)
_SESSION: Final = slice(74, 78)
_PAGE: Final = slice(78, 82)

_WATT_HOURS: Final = 30
_METER_ERRORS: Final = (1, 2)
_ADAPTER_ERRORS: Final = (16, 30, 31)
_OTHER_BEGIN: Final = 26
"""Bits of the status word, counted from the least bit of its first octet."""


def read(raw: bytes) -> MeterRecord:
    """Read one record. Raises NotReadable."""
    parts = raw.decode("ascii", "replace").strip().split(";")
    if len(parts) < 6 or parts[0] != "AP" or any(parts[6:]):
        raise NotReadable("not of the form AP;kind;version;key;data;signature;")
    data = _octets(parts[4])
    if len(data) != _LENGTH:
        raise NotReadable(f"the data have {len(data)} octets, not {_LENGTH}")
    status = int.from_bytes(data[_STATUS], "little")
    return MeterRecord(
        signed=data,
        signature=_octets(parts[5]),
        algorithm="ECDSA-secp192r1-SHA256",
        curve="secp192r1",
        is_pair=True,
        meter=data[_METER].hex().upper(),
        readings=(_reading(parts[1], data, status),),
        identification=Identification(data=_text(data[_USER])),
        page=Page("", int.from_bytes(data[_PAGE], "little")),
        transaction=str(int.from_bytes(data[_SESSION], "little")),
        contained_key=_octets(parts[3]).hex(),
        faults=_faults(status),
    )


def _octets(text: str) -> bytes:
    try:
        return base64.b32decode(text)
    except (ValueError, binascii.Error) as error:
        raise NotReadable("a part is not Base32") from error


def _reading(kind: str, data: bytes, status: int) -> Reading:
    if data[_UNIT] != _WATT_HOURS:
        raise NotReadable("the reading is not in watt-hours")
    scale = int.from_bytes(data[_SCALE], "little", signed=True)
    c, d, e, f = data[_OBIS][2:]
    return Reading(
        kind=_KINDS.get(kind, Kind.UNSTATED),
        kwh=kwh_of(str(int.from_bytes(data[_VALUE], "little")), scale - 3),
        register=Register(f"{c:X}", f"{data[38]}-{data[39]}", f"{d:X}.{e:X}" + ("" if f == 0xFF else f"*{f:X}")),
        at=datetime.fromtimestamp(int.from_bytes(data[_TIME], "little"), UTC),
        error="the meter reports an error" if _any(status, _METER_ERRORS) else None,
    )


def _faults(status: int) -> tuple[Finding, ...]:
    faults: list[Finding] = []
    if _any(status, _ADAPTER_ERRORS):
        faults.append(finding("meter.adapter_in_error", "what signs for the meter reports an error of its own"))
    if _any(status, (_OTHER_BEGIN,)):
        said = "the meter's reading at the begin is not the one at the end of the session before"
        faults.append(finding("meter.begin_mismatch", said, blocks=False))
    return tuple(faults)


def _any(status: int, bits: tuple[int, ...]) -> bool:
    return any(status >> bit & 1 for bit in bits)


def _text(padded: bytes) -> str:
    return padded.rstrip(b"\x00").decode("utf-8", "replace").strip()
