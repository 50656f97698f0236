"""One signature and one key: strict where possible, and lenient only in ways that are named in the verdict."""

from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from settlement.calibration.curves import PublicKey, fits, size_of
from settlement.calibration.keys import BARE_POINT, UnusableKey, public_key
from settlement.calibration.record import MeterRecord


class SignatureVerdict(StrEnum):
    VALID = "valid"
    VALID_LENIENT = "valid-lenient"
    """Valid once a malformed key or signature is read the way its maker meant it."""
    INVALID = "invalid"
    UNVERIFIABLE = "unverifiable"
    """Neither proved nor disproved: no registered key, or an algorithm that is not at hand."""


def check(record: MeterRecord, key_text: str) -> tuple[SignatureVerdict, str | None]:
    """The verdict on the signature of `record` under a key, with its reason unless it is simply valid.

    A key on another curve than the record names is tried on its own: the name is not under the signature.
    """
    if record.curve is None:
        return SignatureVerdict.UNVERIFIABLE, f"algorithm {record.algorithm[:80]} is not supported"
    try:
        key, odd_key = public_key(key_text, record.curve)
    except UnusableKey as error:
        return SignatureVerdict.UNVERIFIABLE, str(error)
    odd_curve = None
    if key.curve != record.curve:
        odd_curve = f"the record says {record.algorithm[:80]}, the key is on {key.curve}"
    if record.is_pair and odd_key == BARE_POINT:
        odd_key = None
    if not record.signature:
        return SignatureVerdict.INVALID, "the record has no signature"
    candidates = list(_read(record, key))
    for (r, s), odd_signature in candidates:
        if fits(key, r, s, record.signed):
            odd = [reason for reason in (record.leniency, odd_curve, odd_key, odd_signature) if reason]
            return (SignatureVerdict.VALID_LENIENT, "; ".join(odd)) if odd else (SignatureVerdict.VALID, None)
    cut = "the signature cannot be read: a part of it is missing, or it is none"
    return SignatureVerdict.INVALID, odd_curve or ("the signature does not match the record" if candidates else cut)


def _read(record: MeterRecord, key: PublicKey) -> Iterator[tuple[tuple[int, int], str | None]]:
    """What r and s may be meant, the strict reading first, each with what is odd about it."""
    raw, size = record.signature, size_of(key.curve)
    pair = (int.from_bytes(raw[:size]), int.from_bytes(raw[size:])) if len(raw) == 2 * size else None
    if record.is_pair:
        if pair:
            yield pair, None
        return
    with suppress(ValueError):
        yield decode_dss_signature(raw), None
    if pair:
        yield pair, "the signature is bare r and s"
    integers = _unsigned_integers(raw)
    if integers:
        yield integers, "the integers of the signature are not written as DER has them"


def _unsigned_integers(raw: bytes) -> tuple[int, int] | None:
    """r and s of a sequence whose integers lack the octet that makes them positive, or have too many of it."""
    sequence = _element(raw, 0x30)
    if sequence is None:
        return None
    first = _element(sequence[0], 0x02)
    second = _element(first[1], 0x02) if first else None
    if first is None or second is None:
        return None
    return int.from_bytes(first[0]), int.from_bytes(second[0])


def _element(raw: bytes, tag: int) -> tuple[bytes, bytes] | None:
    """The content of the first element, when it has the tag, and what follows it."""
    if len(raw) < 2 or raw[0] != tag:
        return None
    length, start = raw[1], 2
    if length == 0x81 and len(raw) > 2:
        length, start = raw[2], 3
    elif length > 0x7F:
        return None
    if len(raw) < start + length:
        return None
    return raw[start : start + length], raw[start + length :]
