"""How a driver's identity is written where rows never change: sealed under the driver's own key, and found out by
nobody once that key is destroyed.

A sealed text is `~sealed:<number of the key>:<base64url>`; a sealed message is a row of parts, each sealed or in
clear, so that one message can tell of several drivers. AES-SIV (RFC 5297) needs no nonce, and the same text under
the same key is always sealed alike: a sealed name can be looked for, and what takes its place after the key has gone,
a pseudonym, is the same wherever the same name stood.

Pure: which key is whose is the business of `canonical.store.drivers`.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic_core import to_json

KEY_BYTES: Final = 64
"""AES-SIV takes two keys of AES-256: one authenticates, the other encrypts."""

ERASED: Final = "ERASED-"
"""How every pseudonym begins."""

_SEALED: Final = re.compile(r"~sealed(-json)?:([0-9]{1,18}):([A-Za-z0-9_-]+)")
_OURS: Final = b"~sealed"
_PERSONAL: Final = tuple(
    f'"{name}":"'.encode()
    for name in ("contract_id", "visual_number", "group_id", "remark", "plain_data", "signed_data")
)
_UNREAD: Final = b'"json_text":"'
"""Fields that are sealed whatever they say. Meters put the driver's id into what they sign, in spellings of their own,
and what a sender added to a record of one driver may say anything about him."""

_SHORT: Final = 6
"""A name of fewer characters is sealed only where it stands for the driver: it would be found in every other word."""

_PARTED: Final = b"\x01P"
_NUMBER_BYTES: Final = 8
_LENGTH_BYTES: Final = 4
_LEVEL, _WINDOW, _MEMORY = 1, 12, 5
"""Messages are short: to make ready for long ones would take ten times as long as to compress them."""


class DriverKey:
    """The key of one driver. Its repr shows nothing of it."""

    def __init__(self, number: int, key: bytes) -> None:
        self.number = number
        self._cipher = AESSIV(key)

    def __repr__(self) -> str:
        return f"DriverKey({self.number})"

    def seal(self, content: bytes) -> bytes:
        return self._cipher.encrypt(content, None)

    def open(self, sealed: bytes) -> bytes:
        """Raises InvalidTag for what this key has not sealed."""
        return self._cipher.decrypt(sealed, None)

    def seal_text(self, text: str, *, json: bool = False) -> str:
        """A text as it is stored. `json`: the text is itself JSON, and has to be JSON when it is erased."""
        return self._sealed(text.encode(), json=json).decode()

    def pseudonym(self, text: str) -> str:
        """What will be read where this text is sealed, once the key is destroyed."""
        return reveal(self.seal_text(text), {self.number: None})

    def _sealed(self, content: bytes, *, json: bool) -> bytes:
        kind = b"~sealed-json:" if json else b"~sealed:"
        return kind + str(self.number).encode() + b":" + base64.urlsafe_b64encode(self.seal(content)).rstrip(b"=")

    def conceal(self, text: str, names: Iterable[str], fields: Iterable[str] = ()) -> str:
        """JSON text in which every string that names the driver is sealed, wherever it stands.

        `names` are the token's uid and contract id; `fields` are sealed as well, whatever they say. The text is
        compact, as models write it.
        """
        data = text.encode()
        # Of the same length, and without a quote that does not begin or end a string.
        shadow = data.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
        folded = data.upper()
        places: dict[tuple[int, int], bool] = {}
        for marker in (*_PERSONAL, _UNREAD, *(f'"{name}":"'.encode() for name in fields)):
            for found in _every(shadow, marker):
                begin = found + len(marker)
                places[begin, shadow.find(b'"', begin)] = marker is _UNREAD
        for name in names:
            for found in _every(folded, _searched(name)):
                span = _string_around(shadow, found)
                if span is not None:
                    places.setdefault(span, False)
        for found in _every(data, _OURS):  # else whoever sends what he saw sealed elsewhere would get it opened
            span = _string_around(shadow, found)
            if span is not None:
                places.setdefault(span, False)
        parts, last = [], 0
        for (begin, end), json in sorted(places.items()):
            if begin < end:
                parts += [data[last:begin], self._sealed(data[begin:end], json=json)]
                last = end
        return b"".join((*parts, data[last:])).decode()

    def conceal_name(self, text: str, names: Iterable[str]) -> str:
        """A key or an address, sealed if it names the driver."""
        folded = text.upper()
        named = any(folded.endswith("/" + n.upper()) or (len(n) >= _SHORT and n.upper() in folded) for n in names)
        return self.seal_text(text) if named or _OURS.decode() in text else text


Keys: TypeAlias = Mapping[int, DriverKey | None]
"""Keys by number; None where a key was destroyed."""

Part: TypeAlias = tuple[DriverKey | None, bytes]
"""A stretch of a message and the key of the driver whom it tells of; None: it tells of none."""


def numbers_in(texts: Iterable[str | None]) -> set[int]:
    """Which keys are needed to read these."""
    return {int(found[2]) for text in texts if text and "~sealed" in text for found in _SEALED.finditer(text)}


def reveal(text: str, keys: Keys) -> str:
    """A text with everything opened for which there is a key, and pseudonyms for the rest.

    What only looks sealed, because somebody has sent it so, stays as it is.
    """

    def opened(found: re.Match[str]) -> str:
        number = int(found[2])
        key = keys.get(number)
        if key is not None:
            try:
                return key.open(_decoded(found[3])).decode()
            except (InvalidTag, ValueError):
                return found[0]
        if number not in keys:
            return found[0]
        digest = hashlib.sha256(found[3].encode()).hexdigest()[:16].upper()
        return f'\\"{ERASED}{digest}\\"' if found[1] else f"{ERASED}{digest}"

    return _SEALED.sub(opened, text) if "~sealed" in text else text


def packed(parts: Sequence[Part]) -> bytes:
    """A message as it is stored: compressed quickly (what takes longer hardly makes it smaller), then sealed."""
    if len(parts) == 1 and parts[0][0] is None:
        return _compressed(parts[0][1])
    stored = [_PARTED]
    for key, content in parts:
        compressed = _compressed(content)
        payload = compressed if key is None else key.seal(compressed)
        number = 0 if key is None else key.number
        stored += [number.to_bytes(_NUMBER_BYTES), len(payload).to_bytes(_LENGTH_BYTES), payload]
    return b"".join(stored)


def numbers_in_packed(stored: bytes) -> set[int]:
    """Which keys are needed to read a stored message."""
    return {number for number, _ in parts_of(stored) if number}


def unpacked(stored: bytes, keys: Keys) -> bytes:
    """The message as it went over the wire; what nobody can open any more is replaced by a pseudonym.

    Reads also what was stored before there were keys.
    """
    return b"".join(_opened(number, payload, keys.get(number)) for number, payload in parts_of(stored))


def _opened(number: int, payload: bytes, key: DriverKey | None) -> bytes:
    """Raises InvalidTag for stored bytes that were tampered with."""
    if not number:
        return zlib.decompress(payload)
    if key is None:
        return f"{ERASED}{hashlib.sha256(payload).hexdigest()[:16].upper()}".encode()
    return zlib.decompress(key.open(payload))


def parts_of(stored: bytes) -> list[tuple[int, bytes]]:
    """A stored message taken apart: the number of the key of each part, 0 for one in clear, and its bytes."""
    if not stored.startswith(_PARTED):
        return [(0, stored)]
    parts, place = [], len(_PARTED)
    while place < len(stored):
        begin = place + _NUMBER_BYTES + _LENGTH_BYTES
        number = int.from_bytes(stored[place : place + _NUMBER_BYTES])
        place = begin + int.from_bytes(stored[begin - _LENGTH_BYTES : begin])
        parts.append((number, stored[begin:place]))
    return parts


def _compressed(content: bytes) -> bytes:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)
    return compressor.compress(content) + compressor.flush()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _searched(name: str) -> bytes:
    """A name as it stands in folded JSON text; a short one as the uid of a token alone."""
    written = to_json(name)[1:-1].upper()
    return written if len(written) >= _SHORT else b'"UID":"' + written + b'"'


def _every(text: bytes, part: bytes) -> Iterable[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + len(part))


def _string_around(shadow: bytes, place: int) -> tuple[int, int] | None:
    """The value, without its quotes, that this place is in; None in a number and in the name of a field."""
    if shadow.startswith(b'"uid":"', place):
        begin = place + len(b'"uid":"')
        return begin, shadow.find(b'"', begin)
    if shadow.count(b'"', 0, place) % 2 == 0:
        return None
    end = shadow.find(b'"', place)
    if shadow.startswith(b":", end + 1):
        return None
    return shadow.rfind(b'"', 0, place) + 1, end
