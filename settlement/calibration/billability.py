"""May the energy of signed records be billed? A valid signature is not enough: what is signed has to be a session.

After what the public transparency software asks of a session, and what deleting or mixing records would hide from it.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from canonical.model import Finding
from settlement.calibration.billed import Billed, against
from settlement.calibration.course import Course, Signed
from settlement.calibration.record import FIRST_CLOCK, Clock, Kind, MeterRecord, Reading, finding, folded

_NOT_IDENTIFIED: Final = frozenset({"MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"})
_LEVELS: Final = frozenset({"", "NONE", "HEARSAY", "TRUSTED", "VERIFIED", "CERTIFIED", "SECURE"}) | _NOT_IDENTIFIED


def judged(records: Sequence[Signed], found: Course, billed: Billed | None) -> tuple[Finding, ...]:
    """Everything that speaks against billing the energy, and what a person should know of it besides: once a code."""
    once: dict[str, Finding] = {}
    for each in (
        *(fault for signed in records for fault in signed.record.faults),
        *found.findings,
        *_errors(records, found),
        *_order(found),
        *_clocks(found),
        *_pages(records),
        *_sameness(records),
        *_identifications(records),
        *_compensation(records, found),
        *(against(billed, records, found) if billed else ()),
    ):
        once.setdefault(each.code, each)
    return tuple(once.values())


def _errors(records: Sequence[Signed], found: Course) -> Iterator[Finding]:
    for mark in (found.begin, found.end):
        if mark and mark.reading.error:
            yield finding("meter.status_not_good", f"{mark.reading.error} {_when(mark.reading)}")
    for reading in (reading for signed in records for reading in signed.record.readings):
        if reading.energy_in_error:
            yield finding("meter.energy_in_error", f"the meter reports an energy error {_when(reading)}")
        if reading.time_in_error:
            yield finding("meter.time_in_error", f"the meter reports a time error {_when(reading)}", blocks=False)
        if reading.kind is Kind.ERROR:
            yield finding("meter.error_while_charging", f"the meter reports an error of the charging {_when(reading)}")
    events = {reading.events for signed in records for reading in signed.record.readings if reading.events is not None}
    if len(events) > 1:
        yield finding("meter.event_between", "the meter logged an event between the records")


def _when(reading: Reading) -> str:
    return f"at {reading.at.isoformat()}" if reading.at else f"at the {reading.kind}"


def _order(found: Course) -> Iterator[Finding]:
    if found.begin is None or found.end is None:
        return
    begin, end = found.begin, found.end
    timed = sorted((m for m in found.marks if m.reading.at), key=lambda m: (m.reading.at, m.kwh))
    if end.kwh < begin.kwh or any(later.kwh < earlier.kwh for earlier, later in pairwise(timed)):
        yield finding("meter.runs_backwards", "a later reading is below an earlier one")
    if begin.reading.at and end.reading.at and end.reading.at < begin.reading.at:
        yield finding("meter.ends_before_begin", "the end was read before the begin")


def _clocks(found: Course) -> Iterator[Finding]:
    marks = [mark for mark in (found.begin, found.end) if mark]
    for mark in marks:
        if mark.reading.clock is Clock.UNSYNCHRONISED:
            yield finding("meter.time_not_synchronised", f"the clock was not set {_when(mark.reading)}")
        elif mark.reading.at and mark.reading.at < FIRST_CLOCK:
            yield finding("meter.time_implausible", f"the clock was never set: it says {mark.reading.at.isoformat()}")
    if any(mark.reading.clock is Clock.INFORMATIVE for mark in marks):
        said = "the time is for information: it proves no instant and no duration"
        yield finding("meter.time_informative", said, blocks=False)
    if len(marks) == 2 and marks[0].reading.clock is Clock.RELATIVE and marks[1].reading.clock is not Clock.RELATIVE:
        yield finding("meter.time_not_continuous", "the duration was measured at the begin, and not at the end")
    if marks and any(mark.reading.at is None for mark in marks):
        yield finding("meter.time_unknown", "the record has no instant, only time without a zone", blocks=False)


def _pages(records: Sequence[Signed]) -> Iterator[Finding]:
    """Deleted records leave every signature valid: only the count of pages shows it."""
    distinct = list({signed.record.signed: signed.record for signed in records}.values())
    if len(distinct) < 2:
        return
    pages = [record.page for record in distinct]
    known = [page for page in pages if page is not None]
    if len(known) < len(pages):
        if known or any(len(record.readings) == 1 for record in distinct):
            yield finding("meter.page_missing", "a record has no page: others may be missing beside it")
        return
    if len({page.context for page in known}) > 1:
        yield finding("meter.pages_mixed", "the records are counted in different contexts")
        return
    numbers = sorted(page.number for page in known)
    if len(set(numbers)) < len(numbers):
        yield finding("meter.page_repeated", "two different records have the same page")
    missing = sum(later - earlier - 1 for earlier, later in pairwise(numbers) if later > earlier)
    if missing:
        yield finding(
            "meter.pagination_gap", f"{missing} records between the pages {numbers[0]} and {numbers[-1]} lack"
        )
    yield from _page_order(distinct)


def _page_order(records: Sequence[MeterRecord]) -> Iterator[Finding]:
    begins = [r.page.number for r in records if r.page and _has(r, Kind.BEGIN) and not _has(r, Kind.END)]
    ends = [r.page.number for r in records if r.page and _has(r, Kind.END)]
    if begins and ends and min(ends) < max(begins):
        yield finding("meter.pages_out_of_order", "the end was signed before the begin")


def _has(record: MeterRecord, kind: Kind) -> bool:
    return any(reading.kind is kind for reading in record.readings)


def _sameness(records: Sequence[Signed]) -> Iterator[Finding]:
    """One session is of one meter, at one point, for one contract."""
    contracts = [folded(signed.record.identification.data) for signed in records]
    for code, said, values in (
        ("meter.several_meters", "meters", [s.record.meter for s in records]),
        ("meter.several_transactions", "transactions", [s.record.transaction for s in records]),
        ("meter.several_charge_points", "charge points", [s.record.charge_point for s in records]),
        # A driver may plug in first: then the begin is nobody's yet.
        ("meter.several_contracts", "contracts", [c for c in contracts if c]),
        ("meter.several_cables", "cables", [s.record.compensation for s in records]),
    ):
        if len(set(values)) > 1:
            yield finding(code, f"the records are of different {said}")


def _identifications(records: Sequence[Signed]) -> Iterator[Finding]:
    for identification in dict.fromkeys(signed.record.identification for signed in records):
        level = identification.level
        if level in _NOT_IDENTIFIED:
            yield finding("meter.identification_failed", f"identification of the user failed: {level}")
        elif level not in _LEVELS:
            yield finding("meter.identification_unknown", f"there is no level of identification {level[:40]}")
        elif identification.assigned is False or level == "NONE":
            said = "the record does not say whom the energy was for: the CDR alone does"
            yield finding("meter.not_identified", said, blocks=False)


def _compensation(records: Sequence[Signed], found: Course) -> Iterator[Finding]:
    cable = next((signed.record.compensation for signed in records if signed.record.compensation), None)
    compensated = found.end is not None and found.end.reading.register.is_compensated
    lost = found.end.reading.lost_kwh if found.end else None
    before = found.begin.reading.lost_kwh if found.begin else None
    if before or (lost is not None and lost < 0):
        yield finding("meter.compensation_wrong", "the loss taken off does not start at 0, or is below it")
    elif cable or compensated or lost:
        amount = f"{lost} kWh is taken off" if lost else "the energy is without the loss"
        said = f"{amount} in the cable{f' ({cable[:80]})' if cable else ''}"
        yield finding("meter.compensated", said, blocks=False)
