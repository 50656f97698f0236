"""Bytes to a JSON document, exactly or not at all (RFC 8259, I-JSON where OCPI leaves a choice open).

Numbers stay decimal text; whatever two readers could understand differently is refused.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.contract import InvalidWire
from adapters.document import Document, Json, is_list, is_object
from canonical.model import Finding

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ESCAPED = "\\u"
"""How alone such a thing can come: the parser refuses a NUL that is not escaped, and UTF-8 has no halves."""
_MAX_NUMBER_LENGTH = 40
_MAX_EXPONENT = 30


@dataclass(frozen=True)
class JsonLimits:
    """How much a partner may send in one body. Depth counts nested objects and arrays.

    `parts` is how many commas and opening brackets there may be: `[[],[],…` is as short as it takes long to read, and
    nobody else is served meanwhile. Of the largest objects that mean something, a byte in fifteen is one of them.
    """

    size_bytes: int = 8 * 1024 * 1024
    depth: int = 32
    parts: int = 300_000


class _RefusalError(ValueError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_json(body: bytes, limits: JsonLimits = JsonLimits(), *, allow_bom: bool = False) -> Json:
    """Parse one body. Raises InvalidWire, malformed, when it is not exactly one JSON value."""
    try:
        return _parse(_text(body, limits, allow_bom=allow_bom), limits)
    except _RefusalError as refused:
        raise _malformed(refused.code, str(refused)) from refused


def read_object(body: bytes, limits: JsonLimits = JsonLimits(), *, allow_bom: bool = False) -> Document:
    """Parse one body that has to be a JSON object. Raises InvalidWire."""
    value = read_json(body, limits, allow_bom=allow_bom)
    if not is_object(value):
        raise InvalidWire([Finding(code="wire.not_an_object", message="a JSON object is expected")])
    return value


def _text(body: bytes, limits: JsonLimits, *, allow_bom: bool) -> str:
    if len(body) > limits.size_bytes:
        raise _RefusalError("json.too_large", f"more than {limits.size_bytes} bytes")
    if body.startswith(_BYTE_ORDER_MARK):
        if not allow_bom:
            raise _RefusalError("json.byte_order_mark", "begins with a byte order mark")
        body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _RefusalError("json.charset", f"not UTF-8 at byte {error.start}") from error


def _parse(text: str, limits: JsonLimits) -> Json:
    if sum(map(text.count, ",[{")) > limits.parts:
        raise _RefusalError("json.too_many_parts", f"more than {limits.parts} values")
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _RefusalError("json.syntax", f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise _RefusalError("json.too_deep", _depth_message(limits)) from error
    if _ESCAPED in text:
        _check_texts(value)
    # A text with no more brackets than that is not nested deeper either.
    if text.count("[") + text.count("{") > limits.depth:
        _check_depth(value, limits)
    return value


def _integer(text: str) -> int:
    _check_length(text)
    return int(text)


def _decimal(text: str) -> Decimal:
    _check_length(text)
    try:
        number = Decimal(text)
    except ArithmeticError as error:  # an exponent that no Decimal has
        raise _RefusalError("json.number_out_of_range", f"the number {text} is out of range") from error
    exponent = number.as_tuple().exponent
    # Written out in full, 1E999999999 would fill the memory of whoever writes it.
    if not isinstance(exponent, int) or abs(exponent) > _MAX_EXPONENT:
        raise _RefusalError("json.number_out_of_range", f"the number {text} is out of range")
    return number


def _check_length(text: str) -> None:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise _RefusalError(
            "json.number_out_of_range",
            f"a number has more than {_MAX_NUMBER_LENGTH} characters",
        )


def _no_constant(name: str) -> Json:
    raise _RefusalError("json.not_a_number", f"{name} is not a JSON number")


def _object(pairs: Sequence[tuple[str, Json]]) -> Document:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _RefusalError("json.duplicate_key", f"the key {twice!r} occurs twice")
    return document


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_float=_decimal, parse_constant=_no_constant, object_pairs_hook=_object
)


def _check_depth(root: Json, limits: JsonLimits) -> None:
    level = [root] if is_object(root) or is_list(root) else []
    for _ in range(limits.depth):
        level = [child for value in level for child in _children(value) if is_object(child) or is_list(child)]
    if level:
        raise _RefusalError("json.too_deep", _depth_message(limits))


def _check_texts(root: Json) -> None:
    values = [root]
    while values:
        value = values.pop()
        if isinstance(value, str):
            _check_text(value)
        elif is_object(value):
            for key in value:
                _check_text(key)
        values += _children(value)


def _children(value: Json) -> Iterable[Json]:
    if is_object(value):
        return value.values()
    return value if is_list(value) else ()


def _check_text(text: str) -> None:
    # PostgreSQL cannot store NUL, and half a surrogate pair is no character in any encoding.
    if _UNSTORABLE.search(text):
        raise _RefusalError("json.unstorable_text", "a text holds NUL or half a character")


def _depth_message(limits: JsonLimits) -> str:
    return f"nested deeper than {limits.depth} levels"


def _malformed(code: str, message: str) -> InvalidWire:
    return InvalidWire([Finding(code=code, message=message)], malformed=True)
