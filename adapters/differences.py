"""What one document says that another does not, place by place, so that the one can be made again from the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from adapters.document import Document, Json, Path, is_list, is_object, path_of, place

_NAMES = ("uid", "id", "pointer")
"""Fields by which the elements of a list are the same element on both sides."""

_EXTENSIONS = "extensions"


@dataclass(frozen=True)
class Difference:
    """One place. Its positions are those of the first document, but for an element that only the second has."""

    path: Path
    before: Json
    after: Json
    element: Literal["first", "second"] | None = None
    """For an element of a list that only one document has: which one."""

    @property
    def dropped(self) -> bool:
        return _is_nothing(self.after) and not _is_nothing(self.before)

    @property
    def filled(self) -> bool:
        return _is_nothing(self.before) and not _is_nothing(self.after)

    @property
    def what(self) -> str:
        """In a word: the place was lost, filled, or changed."""
        return "lost" if self.dropped else "filled" if self.filled else "changed"

    @property
    def where(self) -> str:
        """The place in words. A field that was kept beside the model is named as its sender named it."""
        value = self.before if is_object(self.before) else self.after
        if self.path[-2:-1] == (_EXTENSIONS,) and is_object(value):
            return place((*self.path[:-2], *path_of(str(value["pointer"]))))
        return place(self.path)


def differences(before: Json, after: Json, path: Path = ()) -> Iterator[Difference]:
    """From the first to the second. Numbers are the same when they are equal, however they are written."""
    if before == after:
        return
    if is_object(before) and is_object(after):
        for name in {**before, **after}:
            yield from differences(before.get(name), after.get(name), (*path, name))
    elif is_list(before) and is_list(after) and before and after:
        yield from _in_lists(before, after, path)
    else:
        yield Difference(path, before, after)


def undone(after: Json, found: Sequence[Difference]) -> Json:
    """The first document, out of the second and what was found."""
    return _undone(after, [(each.path, each) for each in found])


def _in_lists(before: list[Json], after: list[Json], path: Path) -> Iterator[Difference]:
    pairs = _pairs(before, after)
    if pairs is None:
        yield Difference(path, before, after)
        return
    for here, there in pairs:
        if here is None and there is not None:
            yield Difference((*path, there), None, after[there], "second")
        elif here is not None and there is None:
            yield Difference((*path, here), before[here], None, "first")
        elif here is not None and there is not None:
            yield from differences(before[here], after[there], (*path, here))


def _pairs(before: list[Json], after: list[Json]) -> list[tuple[int | None, int | None]] | None:
    """Which elements belong together; None where the lists are too different to say."""
    names, others = _names(before), _names(after)
    if names is None or others is None:
        if len(before) == len(after):
            return [(position, position) for position in range(len(before))]
        names, others = before, after
    common = [name for name in names if name in others]
    if common != [name for name in others if name in names] or _repeats(names) or _repeats(others):
        return None
    here: list[tuple[int | None, int | None]] = [
        (position, others.index(name) if name in others else None) for position, name in enumerate(names)
    ]
    return here + [(None, position) for position, name in enumerate(others) if name not in names]


def _names(elements: list[Json]) -> list[Json] | None:
    """The names of all elements, if all have one and no two the same."""
    for field in _NAMES:
        found = [element.get(field) if is_object(element) else None for element in elements]
        if None not in found and not _repeats(found):
            return found
    return None


def _repeats(values: Sequence[Json]) -> bool:
    return any(value in values[:position] for position, value in enumerate(values))


def _undone(after: Json, found: Sequence[tuple[Path, Difference]]) -> Json:
    if not found:
        return after
    whole = next((each for path, each in found if not path), None)
    if whole is not None:
        return whole.before
    if is_object(after):
        return _undone_object(after, found)
    if is_list(after):
        return _undone_list(after, found)
    raise LookupError(place(found[0][1].path))


def _undone_object(after: Document, found: Sequence[tuple[Path, Difference]]) -> Document:
    steps = {path[0] for path, _ in found}
    changed = {step: _undone(after.get(str(step)), [(p[1:], d) for p, d in found if p[0] == step]) for step in steps}
    return {**after, **{str(step): value for step, value in changed.items()}}


def _undone_list(after: list[Json], found: Sequence[tuple[Path, Difference]]) -> list[Json]:
    elements = [(int(path[0]), each) for path, each in found if len(path) == 1 and each.element]
    added = {position for position, each in elements if each.element == "second"}
    result = [value for position, value in enumerate(after) if position not in added]
    for position, each in sorted(elements, key=lambda element: element[0]):
        if each.element == "first":
            result.insert(position, each.before)
    inner = [(path, each) for path, each in found if len(path) > 1 or not each.element]
    for step in {int(path[0]) for path, _ in inner}:
        result[step] = _undone(result[step], [(path[1:], each) for path, each in inner if path[0] == step])
    return result


def _is_nothing(value: Json) -> bool:
    return value is None or value == []
