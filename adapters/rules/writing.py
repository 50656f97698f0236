"""What a writer may do with a value that is ours or a partner's, and that the version has no room for.

Writers are strict but for these: they change nothing that an amount or an identity depends on.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from adapters.rules.rule import Fault, Omit, ReadInstead, Repair, Rule, Tolerated, ToleratedEmpty
from adapters.rules.stakes import is_site

_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DECIMALS = re.compile(r"((?P<least>[0-9]) to )?(?P<most>[0-9]) decimals")
_ROOM = re.compile(r"at most ([0-9]+) characters")
_EVIDENCE = frozenset({"plain_data", "signed_data", "public_key"})
_DESCRIBING = frozenset({"format", "power_type", "status"})
_NEWER_TOKEN_TYPES = frozenset({"EMAID"})


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


class TokenTypeOfAnotherVersion(Rule):
    """A token of a type that the version does not know is an OTHER one (trap 181: EMAID before 2.3.0)."""

    code = "writing.token_type"
    faults = frozenset({"not_in_enumeration", "unlisted"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        return ReadInstead("OTHER") if fault.field == "type" and fault.value in _NEWER_TOKEN_TYPES else None


class UnlistedLeftOut(Rule):
    """What the version has no word for is left out of a site: a capability, a facility, a connector with its plug.

    Never another plug in place of the one that is there (trap 57). An EVSE goes with its last connector, and a line of
    `publish_allowed_to` with its token type, because a shorter one would let more people in. The site of a session or
    of a CDR stays whole: the connector in it is the one that was used.
    """

    code = "writing.unlisted_left_out"
    faults = frozenset({"unlisted"})

    def repair(self, fault: Fault) -> Repair | None:
        with_session = fault.path[:1] == ("location",)
        if not is_site(fault) or with_session or fault.field in _DESCRIBING or fault.removable is None:
            return None
        return Omit(fault.path[:-1] if fault.path[0] == "publish_allowed_to" else fault.removable)


class KeptAsItCame(Rule):
    """A word of another version, or a long address, goes out as it came in: of a plug, in a CDR alone."""

    code = "writing.kept_as_it_came"
    faults = frozenset({"unlisted", "url_too_long"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        return None if fault.path == ("standard",) else ReadInstead(Tolerated(str(fault.value)))


class NoConnectorsKept(Rule):
    """An EVSE whose connectors are not known is shown without."""

    code = "writing.no_connectors"
    faults = frozenset({"missing", "list_empty"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        return ReadInstead(ToleratedEmpty()) if fault.path[-1] == "connectors" else None


class CoordinateQuantised(Rule):
    """Coordinates go out with as many decimals as the version wants."""

    code = "writing.coordinate_decimals"
    faults = frozenset({"coordinate_format"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        room = _DECIMALS.search(fault.message)
        if room is None or not _DEGREES.fullmatch(str(fault.value)):
            return None
        degrees = Decimal(str(fault.value))
        places = min(max(-int(degrees.as_tuple().exponent), int(room["least"] or room["most"])), int(room["most"]))
        return ReadInstead(f"{degrees.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):f}")


class TimeOfDayKept(Rule):
    """The end of the day goes out as `23:59` (trap 72)."""

    code = "writing.end_of_day"
    faults = frozenset({"time_of_day"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        return ReadInstead("23:59") if fault.value == "24:00" and is_site(fault) else None
