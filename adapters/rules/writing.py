"""What a writer may do with a value that is ours or a partner's, and that the version has no room for.

Writers are strict but for these: they change nothing that an amount or an identity depends on.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from adapters.rules.rule import Fault, ReadInstead, Rule, Tolerated, ToleratedEmpty

_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ROOM = re.compile(r"at most ([0-9]+) characters")
_EVIDENCE = frozenset({"plain_data", "signed_data", "public_key"})


class CutText(Rule):
    """A text for people is cut to the version's room for it (trap 55: 45 characters of a CDR's address)."""

    code = "writing.text_cut"
    faults = frozenset({"text_too_long"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        room = _ROOM.search(fault.message)
        if room is None or fault.field in _EVIDENCE:
            return None
        return ReadInstead(str(fault.value)[: int(room[1])].rstrip())


class BlankForControl(Rule):
    """Line breaks and tabs become blanks: OCPI texts have none."""

    code = "writing.control_characters"
    faults = frozenset({"text_unprintable"})

    def repair(self, fault: Fault) -> ReadInstead:
        printable = _CONTROL.sub(" ", str(fault.value))
        return ReadInstead(" ".join(printable.split()))


class KeptAsItCame(Rule):
    """A word of another version, or a long address, goes out as it came in."""

    code = "writing.kept_as_it_came"
    faults = frozenset({"unlisted", "url_too_long"})

    def repair(self, fault: Fault) -> ReadInstead:
        return ReadInstead(Tolerated(str(fault.value)))


class NoConnectorsKept(Rule):
    """An EVSE whose connectors are not known is shown without."""

    code = "writing.no_connectors"
    faults = frozenset({"missing", "list_empty"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        return ReadInstead(ToleratedEmpty()) if fault.path[-1] == "connectors" else None


class CoordinateQuantised(Rule):
    """Coordinates go out with the five to seven decimals that the version wants."""

    code = "writing.coordinate_decimals"
    faults = frozenset({"coordinate_format"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if not _DEGREES.fullmatch(str(fault.value)):
            return None
        degrees = Decimal(str(fault.value))
        places = min(max(-int(degrees.as_tuple().exponent), 5), 7)
        return ReadInstead(f"{degrees.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):f}")


class TimeOfDayKept(Rule):
    """The end of the day goes out as `23:59` (trap 72)."""

    code = "writing.end_of_day"
    faults = frozenset({"time_of_day"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        return ReadInstead("23:59") if fault.value == "24:00" and fault.family == "Location" else None
