"""Smart Message Language: the file in which a meter of the EDL40 family hands over its list of values.

Only so much of it as a list needs: a transport frame, and in it messages of nested lists (BSI TR-03109-1, annex IV).
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from settlement.calibration.record import NotReadable

SmlValue: TypeAlias = "bytes | int | bool | list[SmlValue] | None"
"""None: an optional value that is left out."""

_ESCAPE: Final = b"\x1b\x1b\x1b\x1b"
FRAME: Final = _ESCAPE + b"\x01\x01\x01\x01"
"""With this every file begins."""
_END: Final = _ESCAPE + b"\x1a"
_LIST_RESPONSE: Final = 0x0701
_DEEPEST: Final = 12

_OCTETS, _BOOLEAN, _INTEGER, _UNSIGNED, _LIST = 0x00, 0x40, 0x50, 0x60, 0x70


def list_response(raw: bytes) -> list[SmlValue]:
    """The first list of values in a file, as its seven parts. Raises NotReadable."""
    for message in _messages(raw):
        body = message[3] if isinstance(message, list) and len(message) == 6 else None
        if isinstance(body, list) and len(body) == 2 and body[0] == _LIST_RESPONSE:
            response = body[1]
            if isinstance(response, list) and len(response) == 7:
                return response
    raise NotReadable("there is no list of values in it")


def _messages(raw: bytes) -> Iterator[SmlValue]:
    begin, end = raw.find(FRAME), raw.rfind(_END)
    if begin < 0 or end < begin:
        raise NotReadable("the frame of the file is not whole")
    content = raw[begin + len(FRAME) : end].replace(_ESCAPE * 2, _ESCAPE)
    place = 0
    while place < len(content):
        if content[place] == 0:  # filled up to a multiple of four
            place += 1
            continue
        message, place = _value(content, place, 0)
        yield message


def _value(raw: bytes, place: int, depth: int) -> tuple[SmlValue, int]:
    if depth > _DEEPEST:
        raise NotReadable("lists lie in lists without end")
    start = place
    kind, length, place = _head(raw, place)
    if kind == _LIST:
        items: list[SmlValue] = []
        for _ in range(length):
            item, place = _value(raw, place, depth + 1)
            items.append(item)
        return items, place
    end = start + length
    if end < place or end > len(raw):
        raise NotReadable("a value is longer than the file")
    return _scalar(kind, raw[place:end]), max(end, start + 1)


def _head(raw: bytes, place: int) -> tuple[int, int, int]:
    """Type, length, and where the content begins. Long lengths go on in further octets."""
    if place >= len(raw):
        raise NotReadable("the file ends within a value")
    head = raw[place]
    if head == 0:  # the end of a message stands where its last part is expected
        return _OCTETS, 1, place + 1
    kind, length = head & 0x70, head & 0x0F
    while head & 0x80:
        place += 1
        if place >= len(raw) or length > len(raw):
            raise NotReadable("the file ends within a value")
        head = raw[place]
        length = length << 4 | head & 0x0F
    return kind, length, place + 1


def _scalar(kind: int, content: bytes) -> SmlValue:
    match kind:
        case 0x00:
            return content or None
        case 0x40:
            return content != b"\x00"
        case 0x50:
            return int.from_bytes(content, "big", signed=True)
        case 0x60:
            return int.from_bytes(content, "big")
        case _:
            raise NotReadable("a value has a type that does not exist")
