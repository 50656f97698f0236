"""Which quantity a reading is of (OBIS, IEC 62056-6-1; OCMF 1.4, table 25)."""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_CODE = re.compile(
    r"(?P<a>[0-9]{1,2})-(?P<b>[0-9A-F]{1,2}):"
    r"(?P<c>[0-9A-F]{1,2})\.(?P<d>[0-9A-F]{1,2})\.(?P<e>[0-9A-F]{1,2})(?:[.*](?P<f>[0-9A-F]{1,3}))?",
    re.IGNORECASE,
)
_WHOLE: Final = frozenset({"", "FF", "255"})
"""Notations of "not divided into billing periods"."""

_IMPORT: Final = MappingProxyType({"B3": 0, "B1": 1, "98": 2, "B2": 3, "B0": 4, "9E": 5, "1": 6, "": 7})
"""Registers of imported energy, the one to bill first: what reached the vehicle before what the station took."""
_AT_THE_VEHICLE: Final = frozenset({"B3", "B1", "98"})


@dataclass(frozen=True)
class Register:
    """A register of the meter; two notations of one code are equal. `quantity` empty: the record names none."""

    quantity: str
    channel: str = ""
    rest: str = ""

    @property
    def is_import(self) -> bool:
        """Whether it counts active energy taken, and may be billed."""
        return self.quantity in _IMPORT

    @property
    def is_compensated(self) -> bool:
        """Whether the loss in the cable is taken off: energy as the vehicle got it."""
        return self.quantity in _AT_THE_VEHICLE

    @property
    def rank(self) -> int:
        """The lower, the sooner it is the one to bill."""
        return _IMPORT[self.quantity]

    def __str__(self) -> str:
        return f"{self.channel}:{self.quantity}.{self.rest}" if self.quantity else "energy"


UNNAMED = Register("")
"""The register of a record that names none: energy taken, as the format has it."""


def register(code: str) -> Register:
    """The register of an OBIS code, in any of its notations: 1-0:1.8.0, 1-b:1.8.e, 01-00:01.08.00*FF."""
    if not code.strip():
        return UNNAMED
    found = _CODE.fullmatch(code.strip())
    if found is None or _bare(found["d"]) != "8":
        return Register(quantity="?", rest=code.strip())
    part = (found["f"] or "").upper()
    place = "" if part in _WHOLE else f"*{part}"
    return Register(
        quantity=_bare(found["c"]),
        channel=f"{_bare(found['a'])}-{_bare(found['b'])}",
        rest=f"8.{_bare(found['e'])}{place}",
    )


def _bare(group: str) -> str:
    return group.upper().lstrip("0") or "0"
