"""PATCH: what is sent replaces what was there, field by field.

`last_updated` has to come along (from 2.2 on), identity cannot change, null clears an optional field, and a list
replaces the whole list. A session's charging periods are added instead, or replaced where they start at
the same instant: a repeated PATCH changes nothing.
"""

from pydantic_core import PydanticCustomError

from adapters.contract import InvalidWire
from adapters.document import KEPT, Document, Json, is_list, is_object
from adapters.ocpi.wire.scalars import DateTime
from canonical.model import Finding, fold


def merged(
    before: Document, change: Document, identity: tuple[str, ...], family: str, *, dated: bool = True
) -> Document:
    """The object after the PATCH. Raises InvalidWire for a change that must not be applied.

    `dated`: the version demands `last_updated` in a PATCH.
    """
    refusals = [*_identity_changes(before, change, identity)]
    if dated and change.get("last_updated") is None:
        refusals.append(_refusal("patch.last_updated_missing", "last_updated", "is required in a PATCH"))
    if refusals:
        raise InvalidWire(refusals)
    after = {**before, **{name: value for name, value in change.items() if name not in identity}}
    after.pop(KEPT, None)
    if family == "Session" and "charging_periods" in change:
        after["charging_periods"] = _added(before.get("charging_periods"), change["charging_periods"])
    return {name: value for name, value in after.items() if value is not None}


def notices(before: Document, change: Document) -> tuple[Finding, ...]:
    """EVSEs that a new list leaves out: gone by the text, and often only forgotten (trap 40)."""
    left_out = _uids(before) - _uids(change)
    if "evses" not in change or not left_out:
        return ()
    stated = ", ".join(sorted(left_out))
    return (
        Finding(code="patch.evses_left_out", message="the new list leaves EVSEs out", where="evses", stated=stated),
    )


def _uids(location: Document) -> set[str]:
    evses = location.get("evses")
    found = (evse.get("uid") for evse in evses if is_object(evse)) if is_list(evses) else ()
    return {uid for uid in found if isinstance(uid, str)}


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
