"""Leaving a part out of a document to be sent, so that what was kept of its neighbours still finds its place."""

from pydantic import BaseModel

from adapters.document import KEPT, Document, Json, Path, is_list, is_object, path_of, pointer, value_at
from adapters.shape import owner, removable, required


def omit(document: Document, path: Path, model: type[BaseModel]) -> bool:
    """Leave out the part at `path`, and the part that cannot be without it: an EVSE whose last connector goes.

    False, and nothing done, where the whole object cannot be without it.
    """
    parent, step = value_at(document, path[:-1]), path[-1]
    if is_object(parent):
        parent.pop(str(step), None)
    elif is_list(parent) and isinstance(step, int):
        if len(parent) == 1 and required(model, path[:-1]):
            around = removable(model, path[:-1])
            return around is not None and omit(document, around, model)
        _close_gap(document, path, owner(model, path))
        parent.pop(step)
        if not parent:
            _leave_out_empty(document, path[:-1], owner(model, path))
    return True


def _leave_out_empty(document: Document, path: Path, owner_path: Path) -> None:
    """A list of which nothing is left is not sent, unless what was kept of it has yet to be put back into it."""
    keeper, holder = value_at(document, owner_path), value_at(document, path[:-1])
    kept = keeper.get(KEPT) if is_object(keeper) else None
    awaited = is_list(kept) and _whole_elements(kept, path[len(owner_path) :])
    if not awaited and is_object(holder):
        holder.pop(str(path[-1]), None)


def _close_gap(document: Document, path: Path, owner_path: Path) -> None:
    """What is kept of elements behind the one that goes moves up; what is kept of that one goes along."""
    keeper = value_at(document, owner_path)
    kept = keeper.get(KEPT) if is_object(keeper) else None
    if not is_list(kept):
        return
    siblings = path[len(owner_path) : -1]
    position = int(path[-1])
    for gone in sorted(_whole_elements(kept, siblings)):
        position += gone <= position
    kept[:] = [moved for entry in kept if (moved := _moved(entry, siblings, position)) is not None]


def _whole_elements(kept: list[Json], siblings: Path) -> list[int]:
    """Positions of elements that were put aside when the object was read."""
    places = [path_of(str(entry["pointer"])) for entry in kept if is_object(entry)]
    return [place[-1] for place in places if place[:-1] == siblings and isinstance(place[-1], int)]


def _moved(entry: Json, siblings: Path, position: int) -> Json:
    if not is_object(entry):
        return entry
    place = path_of(str(entry["pointer"]))
    depth = len(siblings)
    step = place[depth] if len(place) > depth and place[:depth] == siblings else None
    if not isinstance(step, int) or step < position:
        return entry
    if step == position:
        return None
    return {**entry, "pointer": pointer((*siblings, step - 1, *place[depth + 1 :]))}
