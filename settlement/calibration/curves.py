"""Elliptic curves on which meters sign, and the one question asked of them: does this signature fit?

OCMF 1.4, table 22. `cryptography` has all but secp192k1, which OpenSSL builds leave out. That one is checked with
`ecdsa`, which is slow and not safe for secrets: there are none here, only public keys.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from ecdsa import ellipticcurve
from ecdsa.curves import Curve
from ecdsa.errors import MalformedPointError
from ecdsa.keys import BadSignatureError, VerifyingKey

SECP192K1: Final = "secp192k1"
_CURVES: Final[Mapping[str, ec.EllipticCurve]] = MappingProxyType(
    {
        "secp192r1": ec.SECP192R1(),
        "secp256k1": ec.SECP256K1(),
        "secp256r1": ec.SECP256R1(),
        "secp384r1": ec.SECP384R1(),
        "brainpool256r1": ec.BrainpoolP256R1(),
        "brainpool384r1": ec.BrainpoolP384R1(),
    }
)
_SYNONYMS: Final = MappingProxyType(
    {
        "brainpoolp256r1": "brainpool256r1",
        "brainpoolp384r1": "brainpool384r1",
        "nistp192": "secp192r1",
        "nistp256": "secp256r1",
        "nistp384": "secp384r1",
        "p192": "secp192r1",
        "p256": "secp256r1",
        "p384": "secp384r1",
        "prime192v1": "secp192r1",
        "prime256v1": "secp256r1",
    }
)
NAMES: Final = (*_CURVES, SECP192K1)

# SEC 2, version 2, section 2.2.1: y² = x³ + 3 over the prime field, the base point, and its order.
_P: Final = 2**192 - 2**32 - 2**12 - 2**8 - 2**7 - 2**6 - 2**3 - 1
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFE26F2FC170F69466A74DEFD8D
_BASE: Final = (
    0xDB4FF10EC057E9AE26B07D0280B7F4341DA5D1B1EAE06C7D,
    0x9B2F2F6D9C5628A7844163D015BE86344082AA88D95E2F9D,
)


class NotOnCurve(Exception):
    """The bytes are no point of the curve."""


@dataclass(frozen=True)
class PublicKey:
    """A point on a curve: equal to every other notation of the same key."""

    curve: str
    x: int
    y: int


def curve_named(name: str) -> str | None:
    """The curve by one of its names; None when it is not supported."""
    folded = name.lower().replace("-", "").replace("_", "")
    folded = _SYNONYMS.get(folded, folded)
    return folded if folded in NAMES else None


def size_of(curve: str) -> int:
    """Bytes of one coordinate, and of r and of s."""
    return 24 if curve == SECP192K1 else (_CURVES[curve].key_size + 7) // 8


def point(curve: str, encoded: bytes) -> PublicKey:
    """The key at a point in X9.62 form, compressed or not. Raises NotOnCurve."""
    try:
        if curve == SECP192K1:
            found = VerifyingKey.from_string(encoded, curve=_secp192k1()).pubkey.point
            return PublicKey(curve, int(found.x()), int(found.y()))
        numbers = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve], encoded).public_numbers()
    except (ValueError, UnsupportedAlgorithm, MalformedPointError) as error:
        raise NotOnCurve(f"the key is no point on {curve}") from error
    return PublicKey(curve, numbers.x, numbers.y)


def loaded(key: ec.EllipticCurvePublicKey) -> PublicKey:
    """The key that `cryptography` read. Raises NotOnCurve when its curve is none on which meters sign."""
    curve = curve_named(key.curve.name)
    if curve is None:
        raise NotOnCurve(f"the key is on {key.curve.name}, on which no meter signs")
    numbers = key.public_numbers()
    return PublicKey(curve, numbers.x, numbers.y)


def fits(key: PublicKey, r: int, s: int, signed: bytes) -> bool:
    """Whether (r, s) is the ECDSA signature with SHA-256 of the bytes by the key."""
    if key.curve == SECP192K1:
        return _fits_secp192k1(key, r, s, signed)
    try:
        public = ec.EllipticCurvePublicNumbers(key.x, key.y, _CURVES[key.curve]).public_key()
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _fits_secp192k1(key: PublicKey, r: int, s: int, signed: bytes) -> bool:
    curve = _secp192k1()
    public = VerifyingKey.from_string(b"\x04" + key.x.to_bytes(24) + key.y.to_bytes(24), curve=curve)
    try:
        pair = r.to_bytes(24) + s.to_bytes(24)
        return bool(public.verify(pair, signed, hashfunc=hashlib.sha256, allow_truncate=True))
    except (BadSignatureError, OverflowError):
        return False


def _secp192k1() -> Curve:
    field = ellipticcurve.CurveFp(_P, 0, 3, 1)
    return Curve(SECP192K1, field, ellipticcurve.PointJacobi(field, *_BASE, 1, _ORDER), (1, 3, 132, 0, 31))
