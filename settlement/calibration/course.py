"""What signed records say of a session: the readings of the register that is billed, from its begin to its end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from canonical.model import Finding
from settlement.calibration.obis import Register
from settlement.calibration.record import Kind, MeterRecord, Reading, finding

_RESOLUTION_KWH: Final = Decimal("0.001")
"""How far two registers of the same energy may be apart: one digit of an ordinary display."""


@dataclass(frozen=True)
class Signed:
    """A record with the digest of the text that carried it."""

    record: MeterRecord
    sha256: str


@dataclass(frozen=True)
class Mark:
    """One reading of the session, and the record that it is in."""

    reading: Reading
    kwh: Decimal
    source: Signed


@dataclass(frozen=True)
class Course:
    """The readings of the register that is billed: where it began, where it ended, and all there is between."""

    begin: Mark | None
    end: Mark | None
    marks: tuple[Mark, ...]
    findings: tuple[Finding, ...]


def course(records: Sequence[Signed]) -> Course:
    """What the records say of the session: of the register to bill, when there are several."""
    marks = [Mark(r, r.kwh, signed) for signed in records for r in signed.record.readings if r.kwh is not None]
    registers: dict[Register, list[Mark]] = {}
    for mark in _unrepeated(mark for mark in marks if mark.reading.register.is_import):
        registers.setdefault(mark.reading.register, []).append(mark)
    whole = {one: found for one, found in registers.items() if _kinds(found) >= {Kind.BEGIN, Kind.END}}
    if not whole:
        return _partial([mark for found in registers.values() for mark in found])
    found = whole[min(whole, key=lambda one: one.rank)]
    begins = [mark for mark in found if mark.reading.kind is Kind.BEGIN]
    ends = [mark for mark in found if mark.reading.kind is Kind.END]
    findings = (*_several("begin", begins), *_several("end", ends), *_registers_that_disagree(whole))
    return Course(begins[0], ends[-1], tuple(found), findings)


def _unrepeated(marks: Iterator[Mark]) -> list[Mark]:
    """Without readings that a later record gives again: many an end carries its begin."""
    kept: dict[tuple[Register, Kind, datetime | None, Decimal], Mark] = {}
    for mark in marks:
        reading = mark.reading
        kept.setdefault((reading.register, reading.kind, reading.at, mark.kwh), mark)
    return list(kept.values())


def _kinds(marks: Sequence[Mark]) -> set[Kind]:
    return {mark.reading.kind for mark in marks}


def _partial(energy: Sequence[Mark]) -> Course:
    """What there is where no register has both begin and end."""
    begin = next((mark for mark in energy if mark.reading.kind is Kind.BEGIN), None)
    end = next((mark for mark in reversed(energy) if mark.reading.kind is Kind.END), None)
    if begin and end:
        said = f"the begin is of register {begin.reading.register!s:.40}, the end of {end.reading.register!s:.40}"
        return Course(None, None, (), (finding("meter.registers_differ", said),))
    missing = " and of the ".join(name for name, mark in (("begin", begin), ("end", end)) if mark is None)
    found = (finding("meter.reading_missing", f"there is no signed reading of the {missing}"),)
    return Course(begin, end, tuple(mark for mark in (begin, end) if mark), found)


def _several(which: str, marks: Sequence[Mark]) -> Iterator[Finding]:
    if len(marks) > 1:
        yield finding(f"meter.several_{which}s", f"there are {len(marks)} different readings of the {which}")


def _registers_that_disagree(whole: Mapping[Register, Sequence[Mark]]) -> Iterator[Finding]:
    """Two registers on the same side of the cable have to count the same energy."""
    for compensated in (True, False):
        counted = [
            max(mark.kwh for mark in marks) - min(mark.kwh for mark in marks)
            for register, marks in whole.items()
            if register.is_compensated is compensated
        ]
        if counted and max(counted) - min(counted) > _RESOLUTION_KWH:
            yield finding("meter.registers_disagree", "registers of the same energy count it differently")
