"""A bundle as a person reads it: messages as they went over the wire, and what is sealed opened where a key came along.

What is read here is not proved here: see `canonical.store.log.flaws`.
"""

import base64
import zlib
from collections.abc import Iterator
from typing import Final

from cryptography.exceptions import InvalidTag

from canonical.store.log.bundle import Bundle, Proved
from canonical.store.log.canonical_json import Json
from canonical.store.log.note import BadNote, decoded
from canonical.store.sealing import DriverKey, Keys, numbers_in, numbers_in_packed, parts_of, reveal

_MESSAGES: Final = ("body", "answer")
_LONGEST: Final = 256 * 1024 * 1024
"""As many bytes of messages are decompressed: enough for any CDR, and an end for what was made to be endless."""


def numbers_of(values: Json) -> set[int]:
    """The keys under which something in the values of a record is sealed."""
    found = numbers_in(_texts(values))
    if isinstance(values, dict):
        for part in _MESSAGES:
            stored = values.get(part)
            if f"{part}_sha256" in values and isinstance(stored, str):
                found |= numbers_in_packed(decoded(stored))
    return found


class Reader:
    """The records of one bundle in clear."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._keys: Keys = {int(number): DriverKey(int(number), key) for number, key in bundle.keys.items()}
        self._left = _LONGEST

    def records(self) -> Iterator[dict[str, Json]]:
        """Kind, number and values of each. A message that is no text is in Base64, one that stays sealed is null."""
        for record in self._bundle.records:
            values = {name: self._revealed(each) for name, each in record.values.items()}
            if record.kind == "evidence":
                values |= {part: _shown(self._message(record, part)) for part in _MESSAGES}
            yield {"kind": record.kind, "number": record.number, "values": values}

    def sealed(self) -> Iterator[str]:
        """Evidence of which a message cannot be read in whole."""
        for record in self._bundle.records:
            if record.kind == "evidence" and any(self._message(record, part) is None for part in _MESSAGES):
                yield record.called

    def _revealed(self, value: Json) -> Json:
        if isinstance(value, str):
            return reveal(value, self._keys)
        if isinstance(value, dict):
            return {name: self._revealed(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._revealed(each) for each in value]
        return value

    def _message(self, record: Proved, part: str) -> bytes | None:
        """Its bytes, opened and decompressed; None where a key is missing or they are not what they should be."""
        content = b""
        try:
            for number, payload in parts_of(decoded(str(record.values.get(part)))):
                key = self._keys.get(number)
                if number and key is None:
                    return None
                content += self._decompressed(payload if key is None else key.open(payload))
        except (BadNote, InvalidTag, ValueError, zlib.error):
            return None
        return content

    def _decompressed(self, payload: bytes) -> bytes:
        """Raises zlib.error, also for what takes more room than there is."""
        opening = zlib.decompressobj()
        content = opening.decompress(payload, max(self._left, 1))
        self._left -= len(content)
        if not opening.eof:
            raise zlib.error("it does not end")
        return content


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _shown(message: bytes | None) -> str | None:
    if message is None:
        return None
    try:
        return message.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(message).decode()}"
