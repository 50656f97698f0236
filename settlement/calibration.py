"""Signed meter data: do the signatures hold, and what energy do they prove? (OCPI 2.2.1 cdrs, SignedData;
OCMF 1.x)
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from canonical.cdr import MeterLink, Sha256, SignedMeterData, SignedReading
from canonical.model import CanonicalModel, Finding, Number
from settlement.ocmf import NotOcmf, OcmfReading, OcmfRecord, parse, unwrap
from settlement.signature import SignatureVerdict, check

_WORST_FIRST = (
    SignatureVerdict.INVALID,
    SignatureVerdict.UNVERIFIABLE,
    SignatureVerdict.VALID_LENIENT,
    SignatureVerdict.VALID,
)


class MeterVerdict(CanonicalModel):
    """What signed meter data is worth. Readings are in kWh; digests are of the records as they were
    received.
    """

    signature: SignatureVerdict
    reason: str | None = None
    begin_kwh: Number | None = None
    end_kwh: Number | None = None
    begin_sha256: Sha256 | None = None
    end_sha256: Sha256 | None = None
    findings: tuple[Finding, ...] = ()

    def link(self) -> MeterLink | None:
        """What ties an energy line to the records; None when they do not hold both readings."""
        if self.begin_kwh is None or self.end_kwh is None:
            return None
        if self.begin_sha256 is None or self.end_sha256 is None:
            return None
        return MeterLink(
            begin_sha256=self.begin_sha256,
            end_sha256=self.end_sha256,
            begin_kwh=self.begin_kwh,
            end_kwh=self.end_kwh,
            verdict=self.signature,
            verdict_reason=self.reason,
        )


@dataclass(frozen=True)
class _Record:
    ocmf: OcmfRecord
    sha256: str


def verify(signed: SignedMeterData, registered_key: str | None) -> MeterVerdict:
    """Check every record against the key that is registered for the meter (hexadecimal or Base64, SPKI or
    point).

    A key that comes with the data proves no more than that the data agrees with itself: without a
    registered key the best verdict is `unverifiable`. Never raises for bad data; the findings tell.
    """
    if signed.encoding_method.upper() != "OCMF":
        unsupported = f"records in {signed.encoding_method} are kept, and not verified here"
        return _unverifiable(_finding("meter.format_not_supported", unsupported, blocks=False))
    try:
        records = [_record(reading) for reading in signed.readings]
    except NotOcmf as error:
        return _unverifiable(_finding("meter.not_readable", str(error)))
    signature, reason = _signatures(records, registered_key, signed.public_key)
    begin, end = _begin_and_end(records)
    return MeterVerdict(
        signature=signature,
        reason=reason,
        begin_kwh=begin[1].kwh if begin else None,
        end_kwh=end[1].kwh if end else None,
        begin_sha256=begin[0].sha256 if begin else None,
        end_sha256=end[0].sha256 if end else None,
        findings=(
            *_signature_findings(signature, reason),
            *_key_findings(registered_key, signed.public_key),
            *_reading_findings(records, begin, end),
        ),
    )


def _unverifiable(finding: Finding) -> MeterVerdict:
    return MeterVerdict(signature=SignatureVerdict.UNVERIFIABLE, reason=finding.message, findings=(finding,))


def _record(reading: SignedReading) -> _Record:
    raw = unwrap(reading.signed_data)
    digest = hashlib.sha256(reading.signed_data.encode()).hexdigest()
    return _Record(parse(raw), digest)


def _signatures(
    records: Sequence[_Record], registered_key: str | None, shipped_key: str | None
) -> tuple[SignatureVerdict, str | None]:
    key = registered_key or shipped_key
    if key is None:
        return SignatureVerdict.UNVERIFIABLE, "no public key is registered for the meter"
    verdicts = [check(r.ocmf.signed, r.ocmf.signature, r.ocmf.algorithm, key) for r in records]
    verdict, reason = min(verdicts, key=lambda found: _WORST_FIRST.index(found[0]))
    if registered_key or verdict in (SignatureVerdict.INVALID, SignatureVerdict.UNVERIFIABLE):
        return verdict, reason
    return (
        SignatureVerdict.UNVERIFIABLE,
        "the signatures agree with the key that came with them, which is not registered",
    )


def _begin_and_end(
    records: Sequence[_Record],
) -> tuple[tuple[_Record, OcmfReading] | None, tuple[_Record, OcmfReading] | None]:
    readings = [(record, reading) for record in records for reading in record.ocmf.readings]
    begin = next((found for found in readings if found[1].is_begin), None)
    end = next((found for found in reversed(readings) if found[1].is_end), None)
    return begin, end


def _signature_findings(signature: SignatureVerdict, reason: str | None) -> list[Finding]:
    if signature is SignatureVerdict.VALID:
        return []
    blocks = signature is SignatureVerdict.INVALID
    code = f"meter.signature_{signature.name.lower()}"
    return [_finding(code, reason or signature.value, blocks=blocks)]


def _key_findings(registered: str | None, shipped: str | None) -> list[Finding]:
    if registered and shipped and _folded(registered) != _folded(shipped):
        return [_finding("meter.other_key", "the data came with another key than the registered one", blocks=False)]
    return []


def _reading_findings(
    records: Sequence[_Record],
    begin: tuple[_Record, OcmfReading] | None,
    end: tuple[_Record, OcmfReading] | None,
) -> list[Finding]:
    if begin is None or end is None:
        missing = "begin" if begin is None else "end"
        return [_finding("meter.reading_missing", f"there is no signed reading of the {missing}")]
    findings: list[Finding] = []
    if end[1].kwh < begin[1].kwh:
        findings.append(_finding("meter.runs_backwards", "the end reading is below the begin reading"))
    if len({record.ocmf.meter for record in records}) > 1:
        findings.append(_finding("meter.several_meters", "the records are of different meters"))
    for _, reading in (begin, end):
        if reading.status not in ("", "G"):
            findings.append(
                _finding("meter.status_not_good", f"the meter reports status {reading.status} at {reading.time}")
            )
        if "E" in reading.error_flags:
            findings.append(_finding("meter.energy_in_error", f"the meter reports an energy error at {reading.time}"))
    return findings


def _folded(key: str) -> str:
    return "".join(key.split()).upper()


def _finding(code: str, message: str, *, blocks: bool = True) -> Finding:
    return Finding(code=code, message=message, where="signed_data", blocks=blocks)
