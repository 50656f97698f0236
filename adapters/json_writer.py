"""JSON documents to bytes: numbers as plain decimals with the digits that they have."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from json.encoder import encode_basestring

from adapters.document import Json


def write_json(value: Json) -> bytes:
    """UTF-8 bytes of one value, without blanks. Same value, same bytes."""
    return json_text(value).encode()


def json_text(value: Json) -> str:
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces)


def date_time(instant: datetime) -> str:
    """OCPI's DateTime: `2026-03-01T09:00:00Z`, milliseconds only where there are some."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    # 25 characters is all that OCPI allows; three digits leave a reader of any version comfortable.
    fraction = f"{utc.microsecond // 1000:03d}".rstrip("0")
    return utc.replace(microsecond=0).isoformat() + (f".{fraction}" if fraction else "") + "Z"


def _write(value: Json, pieces: list[str]) -> None:
    if isinstance(value, str):
        pieces.append(encode_basestring(value))
    elif value is None or isinstance(value, bool):
        pieces.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        pieces.append(str(value))
    elif isinstance(value, Decimal):
        pieces.append(f"{value:f}")
    elif isinstance(value, Mapping):
        before = "{"
        for key, child in value.items():
            pieces += (before, encode_basestring(key), ":")
            _write(child, pieces)
            before = ","
        pieces.append("}" if value else "{}")
    else:
        before = "["
        for child in value:
            pieces.append(before)
            _write(child, pieces)
            before = ","
        pieces.append("]" if value else "[]")
