"""What every format of signed meter data comes down to: bytes under a signature, and what they say."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from canonical.model import Finding
from settlement.calibration.obis import Register

FIRST_CLOCK = datetime(2010, 1, 1, tzinfo=UTC)
"""No meter signed before; a clock that says so was never set."""

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""No text that is kept or shown can hold these. What reads the CDR does not see into a record."""

_MOST_DIGITS = 20
"""More than any meter shows: what is longer is no reading."""


class NotReadable(Exception):
    """The text is no signed record of the format that it seems to be in."""


class NotSupported(NotReadable):
    """The text is in no format, or in no profile of one, that is read here."""


class Format(StrEnum):
    """The formats, by the names that OCPI has for them where it has one (OCPI 2.2.1 cdrs, SignedData)."""

    OCMF = "OCMF"
    ALFEN = "Alfen Eichrecht"
    EDL40 = "EDL40 E-Mobility Extension"
    MENNEKES = "EDL40 Mennekes"
    PCDF = "PCDF"


class Kind(StrEnum):
    """Why a reading was taken."""

    BEGIN = "begin"
    DURING = "during"
    END = "end"
    ERROR = "error"
    """From here on the energy or the time may not be billed any more (OCMF: X)."""
    UNSTATED = "unstated"
    """The format does not say; the place of the record among the others does."""


class Clock(StrEnum):
    """How far the meter trusted its clock (OCMF 1.4, table 19)."""

    SYNCHRONISED = "synchronised"
    INFORMATIVE = "informative"
    RELATIVE = "relative"
    """Only durations since the begin are exact."""
    UNSYNCHRONISED = "unsynchronised"
    UNSTATED = "unstated"


@dataclass(frozen=True)
class Reading:
    """One reading of one register. `kwh` None: the record tells of an event only.

    `at` None: the record has local time without a zone, or none. `error` says in words what the meter reports of
    itself; `lost_kwh` is what compensation of the cable took off since the begin.
    """

    kind: Kind
    kwh: Decimal | None
    register: Register
    at: datetime | None = None
    clock: Clock = Clock.UNSTATED
    error: str | None = None
    energy_in_error: bool = False
    time_in_error: bool = False
    events: str | None = None
    """State of the meter's event counter or logbook: an event between begin and end changes it."""
    lost_kwh: Decimal | None = None


@dataclass(frozen=True)
class Identification:
    """Whom the record is for. `assigned` None: the format does not say whether the user was identified."""

    data: str = ""
    type: str = ""
    level: str = ""
    assigned: bool | None = None


@dataclass(frozen=True)
class Page:
    """Its place among all records of the meter: each context counts by ones (OCMF 1.4, PG)."""

    context: str
    number: int


@dataclass(frozen=True)
class MeterRecord:
    """One signed record. `signed` are the exact bytes under the signature.

    `curve` None: an algorithm that is not supported. `is_pair`: the format has r and s side by side, not in DER.
    `faults` are what the format itself says against billing, or lacks.
    """

    signed: bytes
    signature: bytes
    algorithm: str
    curve: str | None
    meter: str
    readings: tuple[Reading, ...]
    is_pair: bool = False
    leniency: str | None = None
    """What had to be overlooked to find the signature."""
    identification: Identification = field(default_factory=Identification)
    page: Page | None = None
    transaction: str | None = None
    charge_point: str | None = None
    contained_key: str | None = None
    compensation: str | None = None
    """The cable whose loss was taken off, as the record names it."""
    faults: tuple[Finding, ...] = ()


def finding(code: str, message: str, *, blocks: bool = True, expected: str | None = None) -> Finding:
    return Finding(code=code, message=message, where="signed_data", blocks=blocks, expected=expected)


def kwh_of(text: str, scale: int = 0) -> Decimal:
    """The number in `text` times ten to the `scale`, exactly. Raises NotReadable for what no meter shows."""
    try:
        number = Decimal(text.strip())
    except ArithmeticError as error:
        raise NotReadable("a reading is not a number") from error
    digits = number.as_tuple()
    if not isinstance(digits.exponent, int):
        raise NotReadable("a reading is not a number")
    if len(digits.digits) > _MOST_DIGITS or abs(digits.exponent) > _MOST_DIGITS or abs(scale) > _MOST_DIGITS:
        raise NotReadable("a reading has more digits than any meter")
    return number.scaleb(scale)


def folded(text: str) -> str:
    """The form in which two spellings of one identifier are equal: letters and digits alone."""
    return "".join(character for character in text.upper() if character.isalnum())
