"""Signed meter data of a session, judged: by the key that is registered for the meter, or by any that is given."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from canonical.cdr import SignedMeterData, SignedReading
from canonical.model import Finding
from settlement.calibration.billability import judged
from settlement.calibration.billed import Billed
from settlement.calibration.course import Course, Mark, Signed, course
from settlement.calibration.curves import SECP192K1
from settlement.calibration.formats import format_named, read
from settlement.calibration.keys import same_key
from settlement.calibration.record import Format, Kind, MeterRecord, NotReadable, NotSupported, finding
from settlement.calibration.signature import SignatureVerdict, check
from settlement.calibration.verdict import MeterVerdict, SignedSample

_WORST_FIRST = (
    SignatureVerdict.INVALID,
    SignatureVerdict.UNVERIFIABLE,
    SignatureVerdict.VALID_LENIENT,
    SignatureVerdict.VALID,
)
_MOST_RECORDS = 1000
"""A session with a record every minute of a night has fewer."""
_MOST_ON_SLOW_CURVE = 100
"""Each takes some milliseconds there (see `curves`), and a partner decides how many there are."""
_VALID = (SignatureVerdict.VALID, SignatureVerdict.VALID_LENIENT)


def verify(signed: SignedMeterData, registered_key: str | None, billed: Billed | None = None) -> MeterVerdict:
    """Check every record against the key that is registered for the meter, and all of them for a session to bill.

    A key that comes with the data proves no more than that the data agrees with itself: without a registered key the
    best verdict is `unverifiable`. `billed`: what a CDR says, held against the records. Never raises for bad data;
    the findings tell.
    """
    verdict = _judged(signed, registered_key, billed)
    if registered_key or verdict.signature not in _VALID:
        return verdict
    reason = "the signatures agree with the key that came with them, which is not registered"
    unproved = finding("meter.signature_unverifiable", reason, blocks=False)
    kept = [found for found in verdict.findings if found.code != "meter.signature_valid_lenient"]
    return verdict.model_copy(
        update={"signature": SignatureVerdict.UNVERIFIABLE, "reason": reason, "findings": (unproved, *kept)}
    )


def verify_alone(signed: SignedMeterData, given_key: str | None, billed: Billed | None = None) -> MeterVerdict:
    """As `verify`, for a person who has no register: the verdict of the mathematics, whoever the key is from.

    Under a key that came with the data nothing is proved but that they agree: a finding says so, and the energy may
    not be billed.
    """
    verdict = _judged(signed, given_key, billed)
    if given_key or verdict.signature not in _VALID:
        return verdict
    reason = f"{verdict.reason}; the key came with the data and proves only that they agree"
    unregistered = finding("meter.key_not_registered", "nobody but the data itself says whose key it is")
    return verdict.model_copy(update={"reason": reason, "findings": (unregistered, *verdict.findings)})


def _judged(signed: SignedMeterData, key: str | None, billed: Billed | None) -> MeterVerdict:
    named = format_named(signed.encoding_method)
    if len(signed.readings) > _MOST_RECORDS:
        return _unread(signed, NotReadable(f"{len(signed.readings)} records are more than any session has"), known=True)
    records: list[Signed] = []
    formats: set[Format] = set()
    for reading in signed.readings:
        try:
            carried = read(reading.signed_data)
        except NotSupported as error:
            return _unread(signed, error, known=named is not None)
        except NotReadable as error:
            return _unread(signed, error, known=True)
        formats.add(carried.format)
        digest = hashlib.sha256(reading.signed_data.encode("utf-8", "surrogatepass")).hexdigest()
        records += [Signed(_natured(record, reading), digest) for record in carried.records]
    placed = _placed(records)
    signature, reason = _signatures(placed, key, signed.public_key)
    found = course(placed)
    findings = (
        *_signature_findings(signature, reason),
        *_key_findings(placed, key, signed.public_key),
        *_format_findings(signed.encoding_method, named, formats),
        *judged(placed, found, billed),
    )
    return _verdict(signature, reason, placed, found, findings)


def _unread(signed: SignedMeterData, error: NotReadable, *, known: bool) -> MeterVerdict:
    if known:
        found = finding("meter.not_readable", str(error))
    else:
        said = signed.encoding_method[:80] or "no format that is known here"
        unsupported = f"records in {said} are kept, and not verified here"
        found = finding("meter.format_not_supported", unsupported, blocks=False)
    return MeterVerdict(signature=SignatureVerdict.UNVERIFIABLE, reason=found.message, findings=(found,))


def _natured(record: MeterRecord, reading: SignedReading) -> MeterRecord:
    """With the kind that OCPI names, where the format has none (OCPI 2.2.1 cdrs, SignedValue.nature)."""
    nature = reading.nature.upper()
    kind = Kind.UNSTATED
    if "START" in nature or "BEGIN" in nature:
        kind = Kind.BEGIN
    elif "END" in nature or "STOP" in nature:
        kind = Kind.END
    elif "INTER" in nature:
        kind = Kind.DURING
    return _with_kind(record, kind)


def _with_kind(record: MeterRecord, kind: Kind) -> MeterRecord:
    stated = tuple(replace(r, kind=kind) if r.kind is Kind.UNSTATED else r for r in record.readings)
    return record if stated == record.readings else replace(record, readings=stated)


def _placed(records: Sequence[Signed]) -> list[Signed]:
    """With begin and end where neither format nor partner names them: the first and the last page."""
    unstated = [s for s in records if s.record.page and any(r.kind is Kind.UNSTATED for r in s.record.readings)]
    if len(unstated) < 2 or len(unstated) < len(records):
        return list(records)
    ordered = sorted(unstated, key=lambda s: s.record.page.number if s.record.page else 0)
    kinds = [Kind.BEGIN, *[Kind.DURING] * (len(ordered) - 2), Kind.END]
    return [replace(s, record=_with_kind(s.record, kind)) for s, kind in zip(ordered, kinds, strict=True)]


def _signatures(records: Sequence[Signed], key: str | None, shipped_key: str | None) -> tuple[SignatureVerdict, str]:
    if sum(signed.record.curve == SECP192K1 for signed in records) > _MOST_ON_SLOW_CURVE:
        return SignatureVerdict.UNVERIFIABLE, f"more than {_MOST_ON_SLOW_CURVE} records on {SECP192K1}"
    verdicts: list[tuple[SignatureVerdict, str | None]] = []
    for signed in records:
        verdicts.append(_signature(signed.record, key or shipped_key or signed.record.contained_key))
        if verdicts[-1][0] is SignatureVerdict.INVALID:  # nothing is worse: the others change nothing
            break
    if not verdicts:
        return SignatureVerdict.UNVERIFIABLE, "there is no record"
    verdict, reason = min(verdicts, key=lambda found: _WORST_FIRST.index(found[0]))
    return verdict, reason or "the signature fits the record and the key"


def _signature(record: MeterRecord, key: str | None) -> tuple[SignatureVerdict, str | None]:
    if key is None or not key.strip():
        return SignatureVerdict.UNVERIFIABLE, "no public key of the meter is known"
    return check(record, key)


def _signature_findings(signature: SignatureVerdict, reason: str) -> Iterable[Finding]:
    if signature is not SignatureVerdict.VALID:
        code = f"meter.signature_{signature.name.lower()}"
        yield finding(code, reason, blocks=signature is SignatureVerdict.INVALID)


def _key_findings(records: Sequence[Signed], key: str | None, shipped_key: str | None) -> Iterable[Finding]:
    curve = next((signed.record.curve for signed in records if signed.record.curve), None)
    contained = [signed.record.contained_key for signed in records]
    came = [one for one in (shipped_key, *contained) if one and one.strip()]
    if not came:
        return
    if key and any(not same_key(one, key, curve) for one in came):
        yield finding("meter.other_key", "the data came with another key than the registered one", blocks=False)
    if not key and any(not same_key(one, came[0], curve) for one in came[1:]):
        yield finding("meter.several_keys", "the data came with different keys")


def _format_findings(said: str, named: Format | None, formats: set[Format]) -> Iterable[Finding]:
    if len(formats) > 1:
        yield finding("meter.several_formats", "the records are in different formats")
    elif named not in formats and said.strip():
        found = ", ".join(formats)
        yield finding("meter.format_misnamed", f"the data says {said[:80]}, its records are {found}", blocks=False)


def _verdict(
    signature: SignatureVerdict,
    reason: str,
    records: Sequence[Signed],
    found: Course,
    findings: tuple[Finding, ...],
) -> MeterVerdict:
    begin, end = found.begin, found.end
    one = end or begin
    return MeterVerdict(
        signature=signature,
        reason=reason,
        meter=next((signed.record.meter for signed in records if signed.record.meter), None),
        register_code=str(one.reading.register) if one else None,
        begin_kwh=begin.kwh if begin else None,
        end_kwh=end.kwh if end else None,
        begin_at=begin.reading.at if begin else None,
        end_at=end.reading.at if end else None,
        begin_sha256=begin.source.sha256 if begin else None,
        end_sha256=end.source.sha256 if end else None,
        samples=_samples(begin, found.marks),
        findings=findings,
    )


def _samples(begin: Mark | None, marks: Sequence[Mark]) -> tuple[SignedSample, ...]:
    if begin is None:
        return ()
    timed = {
        mark.reading.at: SignedSample(at=mark.reading.at, kwh=mark.kwh - begin.kwh) for mark in marks if mark.reading.at
    }
    return tuple(sorted(timed.values(), key=lambda sample: sample.at))
