"""Tolerances on enumerations."""

from adapters.rules.rule import Fault, ReadInstead, Rule, Tolerated
from adapters.rules.stakes import is_money


class UnlistedWord(Rule):
    """A word of another version or of the partner's own, where it decides nothing of money or identity.

    Kept as it came (dialect 81: connector types of 2.3.0 on 2.2.1, "Type2", plug-and-charge capabilities).
    """

    code = "tolerance.unlisted_word"
    faults = frozenset({"unlisted"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if not isinstance(fault.value, str) or not fault.value or is_money(fault):
            return None
        return ReadInstead(Tolerated(fault.value))


class RoleOfAnotherEdition(Rule):
    """HUB, which is no role any more from 2.3.0 on, and the payment terminal provider of its add-on (traps 25, 164).

    A hub is read as one; a terminal provider is none of the roles that move charging data.
    """

    code = "tolerance.role_of_another_edition"
    faults = frozenset({"not_in_enumeration"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if fault.field != "role" or fault.family not in {"Credentials", "HubClient"}:
            return None
        return {"HUB": ReadInstead(Tolerated("HUB")), "PTP": ReadInstead("OTHER")}.get(str(fault.value))


class ReservedForReservation(Rule):
    """Session status RESERVED: so the prose, where the table says RESERVATION (trap 143)."""

    code = "tolerance.session_status_reserved"
    faults = frozenset({"not_in_enumeration"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        reserved = fault.family == "Session" and fault.path == ("status",) and fault.value == "RESERVED"
        return ReadInstead("RESERVATION") if reserved else None
