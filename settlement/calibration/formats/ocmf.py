"""Open Charge Metering Format 0.1 to 1.4: what a signed record says, without touching a byte of what was signed.

A record is `OCMF|payload|signature`: two JSON documents, of which the first is signed exactly as it stands.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from canonical.model import Finding
from settlement.calibration.curves import curve_named
from settlement.calibration.obis import register
from settlement.calibration.record import (
    UNSTORABLE,
    Clock,
    Identification,
    Kind,
    MeterRecord,
    NotReadable,
    Page,
    Reading,
    finding,
    kwh_of,
)

DEFAULT_ALGORITHM: Final = "ECDSA-secp256r1-SHA256"

_KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "B": Kind.BEGIN,
        "C": Kind.DURING,
        "S": Kind.DURING,
        "T": Kind.DURING,
        "X": Kind.ERROR,
        "E": Kind.END,
        "L": Kind.END,
        "R": Kind.END,
        "A": Kind.END,
        "P": Kind.END,
    }
)
_CLOCKS: Final[Mapping[str, Clock]] = MappingProxyType(
    {"S": Clock.SYNCHRONISED, "I": Clock.INFORMATIVE, "R": Clock.RELATIVE, "U": Clock.UNSYNCHRONISED}
)
_SCALES: Final[Mapping[str, int]] = MappingProxyType({"KWH": 0, "WH": -3})
_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "N": "the meter is not there",
        "T": "the meter did not answer",
        "D": "the meter was disconnected",
        "R": "the meter was removed",
        "M": "the meter was tampered with",
        "X": "the meter was exchanged",
        "I": "the meter is not compatible",
        "O": "the reading is out of range",
        "S": "the reading is a substitute",
        "F": "the register could not be read",
    }
)
_INHERITED: Final = ("TM", "TX", "RI", "RU", "RT", "EF", "ST", "EI")
"""A reading that leaves one of these out means the one of the reading before it."""
_PAGE: Final = re.compile(r"([A-Z])([0-9]{1,18})")
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[,.](\d{1,6})\d*)?\s*(?:(Z)|([+-])(\d\d):?(\d\d))\s*([A-Z])?",
    re.ASCII,
)


@dataclass
class _Payload:
    """One payload while it is read, with what it lacks."""

    of: Mapping[str, object]
    faults: list[Finding] = field(default_factory=list)

    def text(self, *names: str) -> str:
        return next((str(self.of[name]).strip() for name in names if self.of.get(name) not in (None, "")), "")


def read(raw: bytes) -> MeterRecord:
    """Read one record. Raises NotReadable."""
    parts = raw.strip().split(b"|")
    if len(parts) not in (3, 4) or parts[0] != b"OCMF":
        raise NotReadable("not of the form OCMF|payload|signature")
    payload, signature = _Payload(_json_object(parts[1])), _json_object(parts[2])
    algorithm = str(signature.get("SA") or DEFAULT_ALGORITHM)
    signed_with, leniency = _signature(signature)
    meter = payload.text("MS", "GS")
    if not meter:
        payload.faults.append(finding("meter.serial_missing", "the record names neither its meter nor its gateway"))
    return MeterRecord(
        signed=parts[1],
        signature=signed_with,
        algorithm=algorithm,
        curve=_curve(algorithm),
        leniency=leniency,
        meter=meter,
        readings=tuple(_readings(payload)),
        identification=_identification(payload.of),
        page=_page(payload),
        charge_point=payload.text("CI") or None,
        contained_key=parts[3].decode("ascii", "replace").strip() if len(parts) == 4 else None,
        compensation=_compensation(payload),
        faults=tuple(dict.fromkeys(payload.faults)),
    )


def _json_object(raw: bytes) -> Mapping[str, object]:
    try:
        document: object = json.loads(raw, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise NotReadable("a section is not JSON") from error
    if b"\\u" in raw and any(UNSTORABLE.search(text) for text in _texts(document)):
        raise NotReadable("a section holds what is no character of any text")
    if not isinstance(document, dict):
        raise NotReadable("a section is not a JSON object")
    return document


def _texts(document: object) -> Iterator[str]:
    values = [document]
    while values:
        value = values.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            values += (*value, *value.values())
        elif isinstance(value, list):
            values += value


def _curve(algorithm: str) -> str | None:
    scheme, _, rest = algorithm.strip().partition("-")
    name, _, digest = rest.rpartition("-")
    return curve_named(name) if scheme.upper() == "ECDSA" and digest.upper() in ("SHA256", "SHA_256") else None


def _signature(section: Mapping[str, object]) -> tuple[bytes, str | None]:
    """The signature, and what is odd about its notation. What cannot be read is none, and fits no record."""
    text = "".join(str(section.get("SD") or "").split())
    said = str(section.get("SE") or "hex").lower()
    for name in sorted(("hex", "base64"), key=lambda one: one != said):
        try:
            raw = bytes.fromhex(text) if name == "hex" else base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            continue
        return raw, None if name == said else f"the signature is in {name}, the record says {said}"
    return b"", None


def _identification(of: Mapping[str, object]) -> Identification:
    assigned = of.get("IS")
    # Before version 0.4 the status was the level.
    level = of.get("IL") or (assigned if isinstance(assigned, str) else "")
    return Identification(
        data=str(of.get("ID") or "").strip(),
        type=str(of.get("IT") or "").strip().upper(),
        level=str(level).strip().upper(),
        assigned=assigned if isinstance(assigned, bool) else None,
    )


def _page(payload: _Payload) -> Page | None:
    found = _PAGE.fullmatch(payload.text("PG").upper())
    if found is None:
        return None
    if found[1] == "F":
        payload.faults.append(finding("meter.not_of_a_transaction", "the record was signed outside of any transaction"))
    return Page(found[1], int(found[2]))


def _compensation(payload: _Payload) -> str | None:
    cable = payload.of.get("LC")
    if cable is None:
        return None
    if not isinstance(cable, dict) or not cable.get("LR") or cable.get("LU") not in ("mOhm", "uOhm"):
        said = "the loss of the cable is compensated without its resistance being stated"
        payload.faults.append(finding("meter.compensation_incomplete", said, blocks=False))
        return "a cable that is not described"
    return " ".join(str(cable[name]) for name in ("LN", "LI", "LR", "LU") if cable.get(name) not in (None, ""))


def _readings(payload: _Payload) -> Iterator[Reading]:
    entries = payload.of.get("RD")
    if not isinstance(entries, list):
        raise NotReadable("there are no readings")
    inherited: dict[str, object] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            raise NotReadable("a reading is not a JSON object")
        inherited |= {name: entry[name] for name in _INHERITED if entry.get(name) is not None}
        scale = _SCALES.get(str(inherited.get("RU", "")).strip().upper())
        value = entry.get("RV")
        if scale is None and value is not None:
            continue
        yield _reading(payload, inherited, None if value is None else kwh_of(str(value), scale or 0), entry, scale or 0)


def _reading(
    payload: _Payload, of: Mapping[str, object], kwh: Decimal | None, entry: Mapping[str, object], scale: int
) -> Reading:
    stamp = str(of.get("TM", "")).strip()
    at, clock = _time(stamp)
    if at is None:
        payload.faults.append(finding("meter.time_unreadable", f"a reading has no readable time: {stamp[:40]!r}"))
    elif clock is Clock.UNSTATED:
        payload.faults.append(
            finding("meter.time_status_missing", "a reading does not say how far its clock was right")
        )
    state, flags = str(of.get("ST", "")).strip().upper(), str(of.get("EF", ""))
    if not state and kwh is not None:
        payload.faults.append(finding("meter.status_missing", "a reading does not say how the meter is"))
    lost = entry.get("CL")
    return Reading(
        kind=_KINDS.get(str(of.get("TX", "")).strip().upper(), Kind.UNSTATED),
        kwh=kwh,
        register=register(str(of.get("RI", ""))),
        at=at,
        clock=clock,
        error=None if state in ("", "G") else _STATES.get(state, f"the meter reports state {state[:20]}"),
        energy_in_error="E" in flags,
        time_in_error="t" in flags,
        events=str(of["EI"]) if "EI" in of else None,
        lost_kwh=None if lost is None else kwh_of(str(lost), scale),
    )


def _time(text: str) -> tuple[datetime | None, Clock]:
    found = _TIME.fullmatch(text)
    if found is None:
        return None, Clock.UNSTATED
    year, month, day, hour, minute, second = (int(found[n]) for n in range(1, 7))
    offset = timedelta(hours=int(found[10] or 0), minutes=int(found[11] or 0))
    clock = _CLOCKS.get(found[12] or "", Clock.UNSTATED)
    try:
        zone = timezone(-offset if found[9] == "-" else offset)
        micros = int((found[7] or "0").ljust(6, "0"))
        return datetime(year, month, day, hour, minute, second, micros, tzinfo=zone).astimezone(UTC), clock
    except (ValueError, OverflowError):
        return None, clock
