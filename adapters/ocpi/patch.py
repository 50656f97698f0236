"""PATCH: what is sent replaces what was there, field by field.

`last_updated` has to come along (from 2.2 on), identity cannot change, null clears an optional field, and a list
replaces the whole list. A session's charging periods are added instead, or replaced where they start at the same
instant: a repeated PATCH changes nothing. And the EVSEs of a location that a new list does not name stay as they are:
an EVSE goes by its status REMOVED, and who leaves it out of a PATCH has often sent only what changed.
"""

from typing import Final

from pydantic_core import PydanticCustomError

from adapters.contract import EVSES_LEFT_OUT, InvalidWire
from adapters.document import KEPT, Document, Json, is_list, is_object
from adapters.ocpi.wire.scalars import DateTime
from canonical.model import Finding, fold

_DATE: Final = "last_updated"


def merged(
    before: Document, change: Document, identity: tuple[str, ...], family: str, *, dated: bool = True
) -> Document:
    """The object after the PATCH. Raises InvalidWire for a change that must not be applied.

    `dated`: the version demands `last_updated` in a PATCH. Where it does not (OCPI 2.1.1), a PATCH without one leaves
    the date of the object as it was. Dates are the owner's clock: so whatever the owner dates from then on counts as
    newer, and undated changes count in the order in which they come. A date of ours, from a clock that runs ahead,
    would make the owner's next change look old.
    """
    refusals = [*_identity_changes(before, change, identity)]
    if dated and change.get(_DATE) is None:
        refusals.append(_refusal("patch.last_updated_missing", _DATE, "is required in a PATCH"))
    if refusals:
        raise InvalidWire(refusals)
    after = {**before, **{name: value for name, value in change.items() if name not in identity}}
    after.pop(KEPT, None)
    if after.get(_DATE) is None and not dated:
        after[_DATE] = before.get(_DATE)
    if family == "Session" and "charging_periods" in change:
        after["charging_periods"] = _added(before.get("charging_periods"), change["charging_periods"])
    if family == "Location" and "evses" in change:
        after["evses"] = _with_left_out(before.get("evses"), change["evses"])
    return {name: value for name, value in after.items() if value is not None}


def notices(before: Document, change: Document) -> tuple[Finding, ...]:
    """EVSEs that a new list leaves out: gone by the text, and often only forgotten (trap 40). They stay."""
    if "evses" not in change:
        return ()
    named = set(_by_uid(change["evses"]))
    left_out = [uid for name, (uid, _) in _by_uid(before.get("evses")).items() if name not in named]
    if not left_out:
        return ()
    stated = ", ".join(sorted(left_out))
    return (Finding(code=EVSES_LEFT_OUT, message="the new list leaves EVSEs out", where="evses", stated=stated),)


def _by_uid(evses: Json) -> dict[str, tuple[str, Document]]:
    """The EVSEs of a list by their folded uid, with the uid as it is spelt."""
    found = ((evse.get("uid"), evse) for evse in evses if is_object(evse)) if is_list(evses) else ()
    return {fold(uid): (uid, evse) for uid, evse in found if isinstance(uid, str)}


def _with_left_out(before: Json, change: Json) -> Json:
    """The EVSEs that are known, each as it was sent or else as it was, and behind them those that are new.

    What is not a list of EVSEs is left for validation to refuse.
    """
    if change is not None and not is_list(change):
        return change
    known, sent = _by_uid(before), _by_uid(change)
    standing: list[Json] = [sent[name][1] if name in sent else evse for name, (_, evse) in known.items()]
    new = [evse for evse in change or () if not known.keys() & _by_uid([evse]).keys()]
    return [*standing, *new]


def _identity_changes(before: Document, change: Document, identity: tuple[str, ...]) -> list[Finding]:
    different = [name for name in identity if name in change and _folded(change[name]) != _folded(before.get(name))]
    return [_refusal("patch.identity_differs", name, "differs from the object that is addressed") for name in different]


def _folded(value: Json) -> Json:
    return fold(value) if isinstance(value, str) else value


def _added(before: Json, change: Json) -> Json:
    """Periods by start. What is not a list of periods is left for validation to refuse."""
    if not is_list(change):
        return before if change is None else change
    replaced = {_start(period) for period in change}
    kept = [period for period in before if _start(period) not in replaced] if is_list(before) else []
    return sorted([*kept, *change], key=_start)


def _start(period: Json) -> str:
    """The instant, in the one spelling by which two periods can be compared."""
    start = period.get("start_date_time") if is_object(period) else None
    try:
        return DateTime().check(start).isoformat()
    except PydanticCustomError:
        return str(start)


def _refusal(code: str, where: str, message: str) -> Finding:
    return Finding(code=code, message=message, where=where, blocks=True)
