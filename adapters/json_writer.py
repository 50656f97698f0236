"""JSON documents to bytes: numbers as plain decimals with the digits that they have."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from adapters.document import Json


def write_json(value: Json) -> bytes:
    """UTF-8 bytes of one value, without blanks. Same value, same bytes."""
    return json_text(value).encode()


def json_text(value: Json) -> str:
    return "".join(_pieces(value))


def date_time(instant: datetime) -> str:
    """OCPI's DateTime: `2026-03-01T09:00:00Z`, milliseconds only where there are some."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    # 25 characters is all that OCPI allows; three digits leave a reader of any version comfortable.
    fraction = f"{utc.microsecond // 1000:03d}".rstrip("0")
    return utc.replace(microsecond=0).isoformat() + (f".{fraction}" if fraction else "") + "Z"


def _pieces(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield json.dumps(value, ensure_ascii=False)
    elif value is None or isinstance(value, bool):
        yield {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, int):
        yield str(value)
    elif isinstance(value, Decimal):
        yield f"{value:f}"
    elif isinstance(value, Mapping):
        yield "{"
        for position, (key, child) in enumerate(value.items()):
            yield ("," if position else "") + json.dumps(key, ensure_ascii=False) + ":"
            yield from _pieces(child)
        yield "}"
    else:
        yield "["
        for position, child in enumerate(value):
            if position:
                yield ","
            yield from _pieces(child)
        yield "]"
