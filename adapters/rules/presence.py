"""Tolerances on what is missing, and on parts that cannot be read."""

from collections.abc import Callable
from datetime import datetime

from adapters.document import value_at
from adapters.json_writer import date_time
from adapters.rules.rule import Fault, ReadInstead, Repair, Rule, SetAside, ToleratedEmpty
from adapters.rules.stakes import is_site
from canonical.identity import UNKNOWN_ID


class MissingLastUpdated(Rule):
    """An object pushed without `last_updated` is as old as its arrival (dialect 139; an example of the text)."""

    code = "tolerance.last_updated_missing"
    faults = frozenset({"missing"})

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def repair(self, fault: Fault) -> ReadInstead | None:
        if fault.path != ("last_updated",) or fault.family == "Cdr":
            return None
        return ReadInstead(date_time(self._clock().replace(microsecond=0)))


class MissingEvseUid(Rule):
    """A CDR whose location names no `evse_uid`, but does name the `evse_id`: read `#NA`, OCPI's word for unknown.

    Seen on 22 Nov 2026: an implementation in use (the Python packages around `py_ocpi`) has no such field, so every
    CDR that it stores, lists or pushes is without. Nothing is made up: where it was charged is said by `evse_id`,
    which is the EVSE's public name, and no amount depends on the internal one. Therefore counted, and not held up;
    a CDR without `evse_id` as well is refused.
    """

    code = "tolerance.evse_uid_missing"
    faults = frozenset({"missing"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if fault.family != "Cdr" or fault.path != ("cdr_location", "evse_uid"):
            return None
        public_name = value_at(fault.document, ("cdr_location", "evse_id"))
        named = isinstance(public_name, str) and public_name not in {"", UNKNOWN_ID}
        return ReadInstead(UNKNOWN_ID) if named else None


class EndForStop(Rule):
    """A CDR of 2.1.1 that ends at `end_date_time`, as its successors have it, and not at `stop_date_time`.

    Seen on 22 Nov 2026 in the Python packages around `py_ocpi`. It is the same instant under another name: nothing is
    made up.
    """

    code = "tolerance.end_for_stop"
    faults = frozenset({"missing"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if fault.family != "Cdr" or fault.path != ("stop_date_time",) or "end_date_time" not in fault.document:
            return None
        return ReadInstead(fault.document["end_date_time"])


class MissingTaxIncluded(Rule):
    """A tariff in a CDR that does not say `tax_included`: read NO, as in every version before 2.3.0.

    The standard's own example of a CDR is without. What is owed is written in the CDR, before taxes; a copy of a tariff
    that means gross prices would show at the check as a difference. A tariff by itself prices sessions, and is refused.
    """

    code = "tolerance.tax_included_missing"
    faults = frozenset({"missing"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        in_cdr = fault.family == "Cdr" and fault.path[:1] == ("tariffs",) and fault.path[-1] == "tax_included"
        return ReadInstead("NO") if in_cdr else None


class ParkingAsText(Rule):
    """A parking place of an EVSE as its bare id, which the first edition of 2.3.0 printed (trap 82)."""

    code = "tolerance.parking_as_text"
    faults = frozenset({"object_type"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        named = is_site(fault) and fault.path[-2:-1] == ("parking",) and isinstance(fault.value, str)
        return ReadInstead({"parking_id": fault.value}) if named else None


class NoConnectors(Rule):
    """An EVSE without connectors, as partners send it when it was REMOVED (dialect 87): an empty list, or none.

    Null is taken for none where an EVSE is one of a location's. Told by itself it would wipe connectors that we know.
    """

    code = "tolerance.no_connectors"
    faults = frozenset({"missing", "list_empty", "list_type"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        wanted = is_site(fault) and fault.path[-1] == "connectors"
        nothing = fault.kind != "list_type" or (fault.value is None and fault.family != "Evse")
        return ReadInstead(ToleratedEmpty()) if wanted and nothing else None


class UnknownOpeningTimes(Rule):
    """Opening times that do not say `twentyfourseven` are not known to be so (dialect 67)."""

    code = "tolerance.twentyfourseven_missing"
    faults = frozenset({"missing"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        missing = is_site(fault) and fault.path[-1] == "twentyfourseven"
        return ReadInstead(value=False) if missing else None


class UnreadablePart(Rule):
    """One part of a site that cannot be read costs that part, not the whole site; it is kept as it came.

    Dialect rule 4: nothing is dropped silently, and a page with one bad EVSE keeps the others.
    Sites only: of money and of tokens nothing may be missing. And never all EVSEs at once: a list that is no
    list would close the site.
    """

    code = "tolerance.part_set_aside"
    faults = frozenset()

    def repair(self, fault: Fault) -> Repair | None:
        if fault.removable in {None, ("evses",)} or not is_site(fault):
            return None
        return SetAside(fault.removable)
