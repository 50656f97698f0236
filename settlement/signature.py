"""ECDSA signatures of meters: strict where possible, and lenient only in ways that are named in the
verdict.
"""

import base64
import binascii
from enum import StrEnum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

_CURVES: dict[str, ec.EllipticCurve] = {
    "secp192r1": ec.SECP192R1(),
    "secp256k1": ec.SECP256K1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "brainpool256r1": ec.BrainpoolP256R1(),
    "brainpool384r1": ec.BrainpoolP384R1(),
}
"""Curves by the names that OCMF has for them (OCMF 1.4, table of signature algorithms)."""


class SignatureVerdict(StrEnum):
    VALID = "valid"
    VALID_LENIENT = "valid-lenient"
    """Valid once a malformed key or signature is read the way its maker meant it."""
    INVALID = "invalid"
    UNVERIFIABLE = "unverifiable"
    """Neither proved nor disproved: no registered key, or an algorithm that is not at hand."""


class UnusableKey(Exception):
    """The text is no public key on a supported curve."""


def check(signed: bytes, signature: bytes, algorithm: str, key_text: str) -> tuple[SignatureVerdict, str | None]:
    """The verdict on one signature, with its reason unless it is simply valid."""
    curve = _curve(algorithm)
    if curve is None:
        return SignatureVerdict.UNVERIFIABLE, f"algorithm {algorithm} is not supported"
    try:
        key, leniency = public_key(key_text, curve)
    except UnusableKey as error:
        return SignatureVerdict.UNVERIFIABLE, str(error)
    if key.curve.name != curve.name:
        return SignatureVerdict.INVALID, f"the key is on {key.curve.name}, the record says {algorithm}"
    if _verifies(key, signature, signed):
        return (SignatureVerdict.VALID_LENIENT, leniency) if leniency else (SignatureVerdict.VALID, None)
    for encoded, reading in _meant(signature, curve):
        if _verifies(key, encoded, signed):
            return SignatureVerdict.VALID_LENIENT, reading
    return SignatureVerdict.INVALID, "the signature does not match the record"


def public_key(text: str, curve: ec.EllipticCurve) -> tuple[ec.EllipticCurvePublicKey, str | None]:
    """The key out of hexadecimal or Base64 text, and how it had to be read if not as SPKI. Raises
    UnusableKey.
    """
    raw = _key_bytes(text)
    try:
        key = serialization.load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return _key_from_point(raw, curve)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise UnusableKey("the key is not an elliptic-curve key")
    return key, None


def _curve(algorithm: str) -> ec.EllipticCurve | None:
    scheme, _, rest = algorithm.partition("-")
    name, _, digest = rest.rpartition("-")
    if scheme.upper() != "ECDSA" or digest.upper() != "SHA256":
        return None
    return _CURVES.get(name.lower().replace("brainpoolp", "brainpool"))


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _key_bytes(text: str) -> bytes:
    compact = "".join(text.split())
    try:
        return bytes.fromhex(compact)
    except ValueError:
        pass
    try:
        return base64.b64decode(compact, validate=True)
    except binascii.Error as error:
        raise UnusableKey("the key is neither hexadecimal nor Base64") from error


def _key_from_point(raw: bytes, curve: ec.EllipticCurve) -> tuple[ec.EllipticCurvePublicKey, str | None]:
    size = (curve.key_size + 7) // 8
    point = b"\x04" + raw if len(raw) == 2 * size else raw
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKey("the key is not a point on the curve of the record") from error
    return key, "the key is a bare point"


def _meant(signature: bytes, curve: ec.EllipticCurve) -> list[tuple[bytes, str]]:
    """Readings of a malformed signature: bare r and s, or DER whose integers lack their leading zero."""
    size = (curve.key_size + 7) // 8
    meant: list[tuple[bytes, str]] = []
    if len(signature) == 2 * size:
        r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
        meant.append((encode_dss_signature(r, s), "the signature is bare r and s"))
    integers = _unsigned_integers(signature)
    if integers:
        meant.append((encode_dss_signature(*integers), "the integers of the signature lack their sign"))
    return meant


def _unsigned_integers(der: bytes) -> tuple[int, int] | None:
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        return None
    numbers: list[int] = []
    rest = der[2:]
    while rest:
        if len(rest) < 2 or rest[0] != 0x02 or len(rest) < 2 + rest[1]:
            return None
        numbers.append(int.from_bytes(rest[2 : 2 + rest[1]]))
        rest = rest[2 + rest[1] :]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None
