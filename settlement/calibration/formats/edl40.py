"""EDL40 with the e-mobility extension: meters that sign 320 octets made of a reading and of the user.

Numbers lie with their least octet first. The key is x and y, the signature r and s, on secp192r1, in newer meters on
secp256r1. Two octets behind the signature, the state of the logbook, are not of it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from settlement.calibration.obis import Register
from settlement.calibration.record import (
    Identification,
    Kind,
    MeterRecord,
    NotReadable,
    Page,
    Reading,
    kwh_of,
)

_LENGTH: Final = 320
_SERVER: Final = slice(0, 10)
_TIME: Final = slice(10, 14)
_STATUS: Final = slice(14, 15)
_SECONDS: Final = slice(15, 19)
_PAGE: Final = slice(19, 23)
_OBIS: Final = slice(23, 29)
_UNIT: Final = slice(29, 30)
_SCALE: Final = slice(30, 31)
_VALUE: Final = slice(31, 39)
_LOGBOOK: Final = slice(39, 41)
_USER: Final = slice(41, 169)
_USER_TIME: Final = slice(169, 173)
_SESSION: Final = slice(173, 181)
_COMPENSATED: Final = slice(181, 189)
_RESISTANCE: Final = slice(189, 191)
_STOPWATCH: Final = slice(191, 195)
_PRICE: Final = slice(195, 197)

_WATT_HOURS: Final = 30
IMPORT: Final = bytes.fromhex("0100011100ff")
"""OBIS of the energy that is signed."""
NEWER: Final = 66
"""Octets of signature and logbook where the meter signs on secp256r1 and compensates the cable."""


@dataclass(frozen=True)
class Fields:
    """What is signed. Times are seconds since 1970 on the meter's own clock, with its zone and summer time added."""

    server: bytes
    time: int
    status: int
    seconds: int
    """Of the meter's life."""
    page: int
    unit: int
    scale: int
    value: int
    logbook: bytes
    user: bytes
    user_time: int
    session: int = 0
    compensated: int = 0
    resistance: int = 0
    stopwatch: int = 0
    price: int = 0

    def block(self) -> bytes:
        """The octets under the signature, put together as the meter did. Raises NotReadable."""
        block = bytearray(_LENGTH)
        for place, octets in (
            (_SERVER, self.server),
            (_OBIS, IMPORT),
            (_SCALE, (self.scale & 0xFF).to_bytes(1)),
            (_LOGBOOK, self.logbook),
            (_USER, self.user),
            (_PRICE, (self.price & 0xFFFF).to_bytes(2)),
        ):
            if len(octets) > place.stop - place.start:
                raise NotReadable("a field is longer than its place")
            block[place.start : place.start + len(octets)] = octets
        for place, number in (
            (_TIME, self.time),
            (_STATUS, self.status),
            (_SECONDS, self.seconds),
            (_PAGE, self.page),
            (_UNIT, self.unit),
            (_VALUE, self.value),
            (_USER_TIME, self.user_time),
            (_SESSION, self.session),
            (_COMPENSATED, self.compensated),
            (_RESISTANCE, self.resistance),
            (_STOPWATCH, self.stopwatch),
        ):
            length = place.stop - place.start
            block[place] = (number & (1 << 8 * length) - 1).to_bytes(length, "little")
        return bytes(block)


def on_the_wall(instant: datetime) -> int:
    """Seconds since 1970 as a clock on the wall beside the meter counts them."""
    return int((instant.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def record(
    block: bytes,
    signature: bytes,
    *,
    at: datetime | None = None,
    kind: Kind = Kind.UNSTATED,
    contained_key: str | None = None,
) -> MeterRecord:
    """The record of a signed block. `at`: its instant, which the block has without a zone. Raises NotReadable."""
    if len(block) != _LENGTH:
        raise NotReadable(f"{len(block)} octets are signed, not {_LENGTH}")
    if block[_UNIT] != bytes([_WATT_HOURS]):
        raise NotReadable("the reading is not in watt-hours")
    curve = "secp256r1" if len(signature) in (NEWER - 2, NEWER) else "secp192r1"
    compensated, resistance = _number(block, _COMPENSATED), _number(block, _RESISTANCE)
    reading = Reading(
        kind=kind,
        kwh=kwh_of(str(compensated or _number(block, _VALUE)), int.from_bytes(block[_SCALE], signed=True) - 3),
        register=Register("98" if compensated else "1", "1-0", block[_OBIS].hex()),
        at=at,
        events=block[_LOGBOOK].hex(),
    )
    return MeterRecord(
        signed=block,
        signature=signature[: 64 if curve == "secp256r1" else 48],
        algorithm=f"ECDSA-{curve}-SHA256",
        curve=curve,
        is_pair=True,
        meter=block[_SERVER].hex().upper(),
        readings=(reading,),
        identification=Identification(data=_user(block)),
        page=Page("", _number(block, _PAGE)),
        contained_key=contained_key,
        compensation=f"a resistance of {resistance}" if resistance else None,
    )


def _number(block: bytes, place: slice) -> int:
    return int.from_bytes(block[place], "little")


def _user(block: bytes) -> str:
    """Contract or card as text where it is text, else in hexadecimal."""
    raw = block[_USER].rstrip(b"\x00")
    text = raw.decode("ascii", "replace")
    return text if text.isascii() and text.isalnum() else raw.hex().upper()
