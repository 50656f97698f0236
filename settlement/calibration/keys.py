"""Public keys of meters, in every notation in which they are handed over."""

import base64
import binascii
import re
from collections.abc import Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from settlement.calibration.curves import NAMES, SECP192K1, NotOnCurve, PublicKey, loaded, point, size_of

BARE_POINT = "the key is a bare point, without the octet that says how it is written"

_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----(.*?)-----END [A-Z0-9 ]+-----", re.DOTALL)
_OCA = re.compile(r"oca:base(?:16|64):asn1:", re.IGNORECASE)
"""Said in front of a key by charging stations (OCA, signed meter values in OCPP)."""
_SPKI_SECP192K1 = re.compile(
    rb"\x30[\x2e\x46]\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x1f\x03[\x1a\x32]\x00(.*)",
    re.DOTALL,
)
_LONGEST = 4096
_SHORTEST = 24
"""Octets of one coordinate on the smallest curve: a shorter text is a name, not a key."""


class UnusableKey(Exception):
    """The text is no public key on a supported curve."""


def public_key(text: str, curve: str | None = None) -> tuple[PublicKey, str | None]:
    """The key in hexadecimal, Base64, Base32 or PEM text, and how it had to be read if that is odd.

    SubjectPublicKeyInfo names its curve. Of a point, `curve` is tried first, then every other on which it lies.
    Raises UnusableKey.
    """
    reason: str | None = None
    for raw in _decoded(text):
        try:
            return _key(raw, curve)
        except NotOnCurve as error:
            reason = reason or str(error)
    raise UnusableKey(reason or "the key is neither hexadecimal nor Base64")


def is_key(text: str) -> bool:
    """Whether it is the notation of some octets at all, be they a key or a mistake in one."""
    try:
        return len(octets_of(text)) > _SHORTEST
    except UnusableKey:
        return False


def octets_of(text: str) -> bytes:
    """The octets of a key as they were handed over, whatever the notation. Raises UnusableKey if there are none."""
    for raw in _decoded(text):
        return raw
    raise UnusableKey("the key is neither hexadecimal nor Base64")


def same_key(one: str, other: str, curve: str | None = None) -> bool:
    """Whether two texts are one key in two notations. Texts that are no keys are compared as they stand."""
    try:
        return public_key(one, curve)[0] == public_key(other, curve)[0]
    except UnusableKey:
        return "".join(one.split()).upper() == "".join(other.split()).upper()


def _decoded(text: str) -> Iterator[bytes]:
    if len(text) > _LONGEST:
        raise UnusableKey("the key is far longer than any key")
    pem = _PEM.search(text)
    compact = _OCA.sub("", "".join((pem[1] if pem else text).split()))
    for decode in (_hexadecimal, _base64, _base32):
        try:
            raw = decode(compact)
        except (ValueError, binascii.Error):
            continue
        if raw.startswith(b"-----BEGIN "):
            yield from _decoded(raw.decode("ascii", "replace"))
        yield raw


def _hexadecimal(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", "").removeprefix("0x"))


def _base64(text: str) -> bytes:
    digits = text.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)


def _base32(text: str) -> bytes:
    return base64.b32decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 8))


def _key(raw: bytes, curve: str | None) -> tuple[PublicKey, str | None]:
    unlisted = _SPKI_SECP192K1.fullmatch(raw)
    if unlisted:
        return point(SECP192K1, unlisted[1]), None
    try:
        key = serialization.load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return _key_at_point(raw, curve)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise NotOnCurve("the key is not an elliptic-curve key")
    return loaded(key), None


def _key_at_point(raw: bytes, curve: str | None) -> tuple[PublicKey, str | None]:
    for name in dict.fromkeys((curve, *NAMES) if curve else NAMES):
        size = size_of(name)
        is_bare = len(raw) == 2 * size
        try:
            return point(name, b"\x04" + raw if is_bare else raw), BARE_POINT if is_bare else None
        except NotOnCurve:
            continue
    raise NotOnCurve("the key is no point on the curve of the record, or on any other")
