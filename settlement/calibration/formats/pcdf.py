"""PCDF: one line about a whole session, `128.8.0(ST:…)(CT:…)…(PK:key)(SG:signature)`, on secp256r1.

Everything before `(SG:` is signed. Times are in UTC, as the public transparency software reads them.
"""

import binascii
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from canonical.model import Finding
from settlement.calibration.obis import UNNAMED
from settlement.calibration.record import (
    Clock,
    Identification,
    Kind,
    MeterRecord,
    NotReadable,
    Reading,
    finding,
    kwh_of,
)

_SIGNATURE: Final = b"(SG:"
_ATTRIBUTE: Final = re.compile(r"\(([A-Z]{2,3}):([^()]*)\)")
_VALID: Final = "1"


def read(raw: bytes) -> MeterRecord:
    """Read one record. Raises NotReadable."""
    signed, mark, rest = raw.strip().partition(_SIGNATURE)
    if not mark:
        raise NotReadable("there is no signature")
    if b"\0" in signed:
        raise NotReadable("it holds what is no character of any text")
    said = dict(_ATTRIBUTE.findall(signed.decode("ascii", "replace")))
    amount, _, unit = said.get("RV", "").partition("*")
    if unit != "kWh":
        raise NotReadable("there is no energy in kWh")
    user, kind, transaction = (*said.get("SI", "").split("*"), "", "", "")[:3]
    clock = Clock.SYNCHRONISED if said.get("TV") == _VALID else Clock.UNSYNCHRONISED
    start, end = _time(said.get("ST", "")), _time(said.get("CT", ""))
    return MeterRecord(
        signed=signed,
        signature=_octets(rest),
        algorithm="ECDSA-secp256r1-SHA256",
        curve="secp256r1",
        meter=said.get("HW", ""),
        readings=(
            Reading(kind=Kind.BEGIN, kwh=Decimal(0), register=UNNAMED, at=start, clock=clock),
            Reading(kind=Kind.END, kwh=kwh_of(amount), register=UNNAMED, at=end, clock=clock),
        ),
        identification=Identification(data=user, type=kind),
        transaction=transaction or None,
        contained_key=said.get("PK"),
        faults=tuple(_faults(said)),
    )


def _octets(rest: bytes) -> bytes:
    """The signature; what cannot be read is none, and fits no record."""
    try:
        return binascii.unhexlify(rest.strip().removesuffix(b")").strip())
    except binascii.Error:
        return b""


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise NotReadable("a time is not of the form YYMMDDhhmmss") from error


def _faults(said: dict[str, str]) -> list[Finding]:
    faults: list[Finding] = []
    if said.get("BV") != _VALID:
        faults.append(finding("meter.not_for_billing", "the meter says that the session may not be billed"))
    if said.get("SP") != _VALID:
        faults.append(finding("meter.not_stopped", "the record is not the last one of its session"))
    return faults
