"""EDL40 as the meter hands it over: an SML file with the list of values of one reading."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from settlement.calibration.formats.edl40 import IMPORT, NEWER, Fields, record
from settlement.calibration.formats.sml import SmlValue, list_response
from settlement.calibration.record import MeterRecord, NotReadable, NotSupported

_USER: Final = bytes.fromhex("8182815401ff")
_SECONDS: Final = bytes.fromhex("810060080001")
_PAGE: Final = bytes.fromhex("8180817101ff")
_SESSION: Final = bytes.fromhex("010001110064")
_COMPENSATED: Final = bytes.fromhex("0100011100c8")
_RESISTANCE: Final = bytes.fromhex("00af6c6c72ff")
_STOPWATCH: Final = bytes.fromhex("00af647572ff")
_PRICE: Final = bytes.fromhex("00af707263ff")
_NEWER_STATUS: Final = ((0, 17), (3, 31), (4, 16), (5, 11), (6, 9), (7, 8))
"""Which bit of the status word stands at which of the octet that is signed."""

_Entries = Mapping[bytes, list[SmlValue]]


def read(raw: bytes) -> MeterRecord:
    """Read one reading. Raises NotReadable."""
    _, server, _, _, values, signature, _ = list_response(raw)
    if not isinstance(server, bytes) or not isinstance(values, list) or not isinstance(signature, bytes):
        raise NotReadable("the list of values is not signed")
    entries = {e[0]: e for e in values if isinstance(e, list) and len(e) == 7 and isinstance(e[0], bytes)}
    if IMPORT not in entries or _USER not in entries:
        raise NotSupported("an SML file of another profile than EDL40 with the e-mobility extension")
    fields = _fields(server, entries, signature)
    seconds, _ = _time(entries[IMPORT][2])
    return record(fields.block(), signature, at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


def _fields(server: bytes, entries: _Entries, signature: bytes) -> Fields:
    _, status, time, unit, scale, value, _ = entries[IMPORT]
    newer = len(signature) == NEWER
    user = entries[_USER]
    return Fields(
        server=server,
        time=sum(_time(time)),
        status=_status(_integer(status), newer=newer),
        seconds=_innermost(_content(entries, _SECONDS)),
        page=_integer(_content(entries, _PAGE)),
        unit=_integer(unit),
        scale=_integer(scale),
        value=_integer(value),
        logbook=signature[-2:],
        user=user[5] if isinstance(user[5], bytes) else b"",
        user_time=sum(_time(user[2])),
        session=_optional(entries, _SESSION) if newer else 0,
        compensated=_optional(entries, _COMPENSATED) if newer else 0,
        resistance=_optional(entries, _RESISTANCE) if newer else 0,
        stopwatch=_optional(entries, _STOPWATCH) if newer else 0,
        price=_optional(entries, _PRICE) if newer else 0,
    )


def _content(entries: _Entries, code: bytes) -> SmlValue:
    return entries[code][5] if code in entries else None


def _optional(entries: _Entries, code: bytes) -> int:
    value = _content(entries, code)
    return 0 if value is None else _integer(value)


def _innermost(value: SmlValue) -> int:
    """The number in a time that is in a list."""
    while isinstance(value, list):
        value = value[-1] if value else None
    return _integer(value)


def _integer(value: SmlValue) -> int:
    if not isinstance(value, int) or abs(value) >= 1 << 64:
        raise NotReadable("a number is missing from the list")
    return value


def _status(word: int, *, newer: bool) -> int:
    return sum((word >> source & 1) << bit for bit, source in _NEWER_STATUS) if newer else word & 0xFF


def _time(value: SmlValue) -> tuple[int, int]:
    """Seconds since 1970, and what zone and summer time add to them."""
    choice = value[1] if isinstance(value, list) and len(value) == 2 else None
    parts = choice if isinstance(choice, list) and len(choice) == 3 else [choice, 0, 0]
    seconds, zone, summer = (_integer(part) for part in parts)
    if not 0 <= seconds < 1 << 32:
        raise NotReadable("a time is out of all bounds")
    return seconds, 60 * (zone + summer)
