"""How a change of one of our objects is told to a partner: by PATCH where that can say it, else by PUT.

Works on wire documents. A PATCH replaces the fields that it names and cannot remove one; the lists in it
replace lists, except `charging_periods` of a session, which it appends (OCPI 2.2.1 transport, PATCH;
sessions, PATCH).
"""

from dataclasses import dataclass

from adapters.document import Document, is_list, is_object

_ALWAYS = "last_updated"


@dataclass(frozen=True)
class Change:
    """One request: its method, the path below the object's own URL, and the document to send."""

    method: str
    document: Document
    below: tuple[str, ...] = ()


def of_object(before: Document, after: Document) -> Change:
    """The change of an object without parts of its own: a token, or a part of a location."""
    if any(name not in after or (after[name] is None and before[name] is not None) for name in before):
        return Change("PUT", after)
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    return Change("PATCH", {**changed, _ALWAYS: after[_ALWAYS]})


def of_session(before: Document, after: Document) -> Change:
    """The change of a session. Only charging periods that are new are sent: the receiver appends them.

    A period that changed, as the one that is running does, cannot be told by appending; then the session is
    PUT.
    """
    change = of_object(before, after)
    known, now = _list(before, "charging_periods"), _list(after, "charging_periods")
    if change.method == "PUT" or known == now:
        return change
    if now[: len(known)] != known:
        return Change("PUT", after)
    return Change("PATCH", {**change.document, "charging_periods": now[len(known) :]})


def of_location(before: Document, after: Document) -> Change:
    """The change of a location. `evses` is never part of a PATCH: receivers disagree on what that means.

    A change in one EVSE goes to the URL of that EVSE, and one in a single connector to the connector's; changes in
    several, or in an EVSE and the location, are a PUT.
    """
    known, now = _by_uid(before), _by_uid(after)
    touched = [uid for uid in {**known, **now} if known.get(uid) != now.get(uid)]
    if not touched:
        return of_object(before, after)
    site_changed = _site(before) != _site(after)
    if site_changed or len(touched) > 1 or touched[0] not in now:
        return Change("PUT", after)
    return _of_evse(touched[0], known.get(touched[0]), now[touched[0]])


def _of_evse(uid: str, before: Document | None, after: Document) -> Change:
    if before is None:
        return Change("PUT", after, below=(uid,))
    if before.get("connectors") != after.get("connectors"):
        return _of_one_connector(uid, before, after) or Change("PUT", after, below=(uid,))
    change = of_object(before, after)
    return Change(change.method, change.document, below=(uid,))


def _of_one_connector(uid: str, before: Document, after: Document) -> Change | None:
    """The change when nothing but one connector is touched; None when more is."""
    known, now = _by_name(before, "connectors", "id"), _by_name(after, "connectors", "id")
    touched = [name for name in {**known, **now} if known.get(name) != now.get(name)]
    if _without(before, "connectors") != _without(after, "connectors") or len(touched) != 1:
        return None
    (name,) = touched
    if name not in known or name not in now:
        return None
    change = of_object(known[name], now[name])
    return Change(change.method, change.document, below=(uid, name))


def _site(location: Document) -> Document:
    return _without(location, "evses")


def _without(document: Document, parts: str) -> Document:
    """What an object says of itself: without its parts, and without the moment of their last change."""
    return {name: value for name, value in document.items() if name not in (parts, _ALWAYS)}


def _by_uid(location: Document) -> dict[str, Document]:
    return _by_name(location, "evses", "uid")


def _by_name(document: Document, parts: str, name: str) -> dict[str, Document]:
    return {str(part[name]): part for part in _list(document, parts)}


def _list(document: Document, name: str) -> list[Document]:
    value = document.get(name)
    return [entry for entry in value if is_object(entry)] if is_list(value) else []
