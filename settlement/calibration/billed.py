"""Signed records held against the CDR that they came with: are they of this session, and is its energy theirs?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from canonical.cdr import Cdr
from canonical.model import Finding
from settlement.calibration.course import Course, Signed
from settlement.calibration.record import FIRST_CLOCK, Clock, Reading, finding, folded

_COMPARABLE: Final = frozenset({"ISO14443", "ISO15693", "EMAID", "EVCOID"})
"""Types of identification that a token's uid or contract is written in too (OCMF 1.4, table 17)."""
_CLOCK_MARGIN: Final = timedelta(hours=3)
"""How far a meter that is on the wrong side of a time zone may be from the CDR."""
_TOLERANCE_KWH: Final = Decimal("0.001")
"""One digit of an ordinary display."""


@dataclass(frozen=True)
class Billed:
    """What a CDR says of the session, against which the signed records are held. None: nothing is said."""

    energy_kwh: Decimal | None = None
    start: datetime | None = None
    end: datetime | None = None
    token_uid: str | None = None
    contract_id: str | None = None
    meter_id: str | None = None
    tolerance_kwh: Decimal = _TOLERANCE_KWH

    @classmethod
    def of(cls, cdr: Cdr, tolerance_kwh: Decimal = _TOLERANCE_KWH) -> "Billed":
        """Of a credit CDR, what the CDR that it takes back said."""
        return cls(
            energy_kwh=abs(cdr.total_energy_kwh),
            start=cdr.start,
            end=cdr.end,
            token_uid=cdr.token.uid,
            contract_id=cdr.token.contract_id,
            meter_id=cdr.meter_id,
            tolerance_kwh=tolerance_kwh,
        )


def against(billed: Billed, records: Sequence[Signed], found: Course) -> Iterator[Finding]:
    begin, end = found.begin, found.end
    if billed.energy_kwh is not None and begin and end:
        signed_kwh = end.kwh - begin.kwh
        if abs(signed_kwh - billed.energy_kwh) > billed.tolerance_kwh:
            yield Finding(
                code="meter.energy_differs",
                message="the signed meter and the CDR do not agree on the energy",
                where="total_energy_kwh",
                expected=f"{signed_kwh:f}",
                stated=f"{billed.energy_kwh:f}",
                blocks=True,
            )
    if begin and end and _elsewhen(billed, begin.reading, end.reading):
        yield finding("meter.other_time", "the signed readings were taken at another time than the CDR says")
    known = {folded(text) for text in (billed.token_uid, billed.contract_id) if text}
    for identification in dict.fromkeys(signed.record.identification for signed in records):
        if known and identification.type in _COMPARABLE and folded(identification.data) not in known | {""}:
            yield finding("meter.other_contract", "the records are for another token or contract than the CDR's")
    meters = {folded(signed.record.meter) for signed in records} - {""}
    if billed.meter_id and meters and folded(billed.meter_id) not in meters:
        said = f"the CDR names meter {billed.meter_id}, the records another"
        yield finding("meter.other_meter", said, blocks=False)


def _elsewhen(billed: Billed, begin: Reading, end: Reading) -> bool:
    """Records of an older session, sent along with a new one, hold every other test."""
    if Clock.UNSYNCHRONISED in (begin.clock, end.clock) or begin.at is None or end.at is None:
        return False
    if begin.at < FIRST_CLOCK or billed.start is None or billed.end is None:
        return False
    # Of two differences none leaves the calendar, whatever year a CDR says.
    return billed.start - end.at > _CLOCK_MARGIN or begin.at - billed.end > _CLOCK_MARGIN
