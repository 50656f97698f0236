"""From the text that a partner carries to signed records, whatever the format and however it is wrapped.

What a partner says about format and wrapping is often wrong: both are seen from the bytes, and only then is it asked.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from settlement.calibration.formats import alfen, edl40_sml, edl40_xml, ocmf, pcdf, sml
from settlement.calibration.record import Format, MeterRecord, NotReadable, NotSupported

_DEEPEST: Final = 3
"""A record in Base64 in Base64 has been seen; in four, never."""
_LONGEST: Final = 1024 * 1024
_CUT_AT: Final = (512, 5000)
"""Lengths at which OCPI once ended a signed value: a record just as long was cut."""
_PCDF: Final = b"128.8.0("

_NAMES: Final = MappingProxyType(
    {
        "OCMF": Format.OCMF,
        "ALFEN": Format.ALFEN,
        "ALFENEICHRECHT": Format.ALFEN,
        "EDL40": Format.EDL40,
        "EDL40P": Format.EDL40,
        "EDL40EMOBILITYEXTENSION": Format.EDL40,
        "EDL40MENNEKES": Format.MENNEKES,
        "EDL40SIG": Format.EDL40,
        "PCDF": Format.PCDF,
    }
)


@dataclass(frozen=True)
class Carried:
    """What one text holds. `plain` is the text without its wrappings; of binary records, their hexadecimal digits."""

    format: Format
    records: tuple[MeterRecord, ...]
    plain: str


def format_named(name: str) -> Format | None:
    """The format that OCPI, or the transparency software, calls so, however it is spelt; None when unknown."""
    return _NAMES.get(re.sub(r"[^A-Z0-9]", "", name.upper()))


def recognised(text: str) -> Format | None:
    """The format that the text, or what is wrapped in it, looks like."""
    found = None if len(text) > _LONGEST else _unwrapped(text.encode("utf-8", "surrogatepass"), _DEEPEST)
    return found[0] if found else None


def read(text: str) -> Carried:
    """The signed records in `text`. Raises NotReadable; NotSupported when no format is recognised at all."""
    if len(text) > _LONGEST:
        raise NotReadable("longer than any signed record")
    raw = text.encode("utf-8", "surrogatepass")
    found = _unwrapped(raw, _DEEPEST)
    if found is None:
        raise NotSupported("not OCMF, Alfen, EDL40 or PCDF, neither as it stands nor in Base64 or hexadecimal")
    format_, plain = found
    try:
        records = _READERS[format_](plain)
    except NotSupported:
        raise
    except NotReadable as error:
        cut = f"; it is {len(text)} characters long, as if it had been cut" if len(text) in _CUT_AT else ""
        raise NotReadable(f"{error}{cut}") from error
    if _is_sml(plain):
        return Carried(format_, records, plain.hex().upper())
    return Carried(format_, records, plain.decode("utf-8", "replace"))


def _unwrapped(raw: bytes, deep: int) -> tuple[Format, bytes] | None:
    format_ = _format_of(raw)
    if format_ is not None:
        return format_, raw
    if deep == 0:
        return None
    compact = b"".join(raw.split()).strip(b'"')
    for decode in (_hexadecimal, _base64):
        try:
            inner = decode(compact)
        except (ValueError, binascii.Error):
            continue
        found = _unwrapped(inner, deep - 1) if inner else None
        if found is not None:
            return found
    return None


def _format_of(raw: bytes) -> Format | None:
    head = raw.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"OCMF|"):
        return Format.OCMF
    if head.startswith(b"AP;"):
        return Format.ALFEN
    if _is_sml(raw) or (head.startswith(b"<") and b"signedMeterValue" in head):
        return Format.EDL40
    if head.startswith(b"<") and b"ChargingProcess" in head:
        return Format.MENNEKES
    return Format.PCDF if _PCDF in head[:16] or b"(RV:" in head.partition(b"(SG:")[0] else None


def _is_sml(raw: bytes) -> bool:
    return raw.lstrip(b"\r\n\t ").startswith(sml.FRAME)


def _hexadecimal(compact: bytes) -> bytes:
    return bytes.fromhex(compact.decode("ascii"))


def _base64(compact: bytes) -> bytes:
    digits = compact.replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)


def _edl40(raw: bytes) -> tuple[MeterRecord, ...]:
    if _is_sml(raw):
        return (edl40_sml.read(raw),)
    return (edl40_xml.read_signed_value(_text(raw)),)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotReadable("not UTF-8") from error


_READERS: Final[MappingProxyType[Format, Callable[[bytes], tuple[MeterRecord, ...]]]] = MappingProxyType(
    {
        Format.OCMF: lambda raw: (ocmf.read(raw),),
        Format.ALFEN: lambda raw: (alfen.read(raw),),
        Format.EDL40: _edl40,
        Format.MENNEKES: lambda raw: edl40_xml.read_charging_process(_text(raw)),
        Format.PCDF: lambda raw: (pcdf.read(raw),),
    }
)
