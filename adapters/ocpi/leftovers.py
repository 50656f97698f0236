"""What a wire object has and the canonical model cannot name: taken along on reading, put back on writing."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, TypeAlias

from adapters.document import KEPT, Document, Json, Path, is_list, is_object, path_of, pointer, value_at
from adapters.json_reader import read_json
from adapters.json_writer import json_text
from adapters.ocpi.wire.model import WireEntity, WireModel
from adapters.ocpi.wire.words import Open, Word, listed
from adapters.shape import keeps, model_in
from canonical.model import Extension

_FREE: Final = (None, Word.FALLBACK, "OTHER")
"""What stands where the canonical model has no word for what was there."""


def extensions(
    entity: WireEntity, own: Iterable[tuple[Path, Json]] = (), version: str | None = None
) -> tuple[Extension, ...]:
    """Everything to be kept of one object, without the objects in it that keep for themselves.

    `own` are places and values that `version` has and the canonical model does not.
    """
    gone = [path_of(kept.pointer) for kept in entity.kept]
    found: list[_Unnamed] = []
    _find_unnamed(entity, (), found)
    unnamed = (
        Extension(pointer=pointer(_as_sent(path, gone)), json_text=json_text(value), of_version=of_version)
        for path, value, of_version in found
    )
    of_version = (
        Extension(pointer=pointer(_as_sent(path, gone)), json_text=json_text(value), of_version=version)
        for path, value in own
    )
    return (*entity.kept, *unnamed, *of_version)


def restore(document: Document, version: str) -> Document:
    """The document with every kept part in its place, if that place is still free.

    A field that only another version has stays away: its place means nothing here.
    """
    for child in list(document.values()):
        _restore_in(child, version)
    kept = document.pop(KEPT, [])
    if is_list(kept):
        parts = [
            (path_of(str(part["pointer"])), str(part["json_text"]))
            for part in kept
            if is_object(part) and part.get("of_version") in (None, version)
        ]
        # Elements first and in order: the places of all others count them in.
        for path, text in sorted(parts, key=_elements_first):
            _put_back(document, path, read_json(text.encode()))
    return document


def keep(value: Sequence[Extension]) -> list[Json]:
    """Extensions as a document carries them under KEPT."""
    return [{"pointer": each.pointer, "json_text": each.json_text, "of_version": each.of_version} for each in value]


_Unnamed: TypeAlias = tuple[Path, Json, str | None]
"""A place, what stands there, and the version to which it belongs alone."""


def _find_unnamed(model: WireModel, path: Path, found: list[_Unnamed]) -> None:
    """Every object comes by here, and hardly one has anything."""
    for name, value in (model.model_extra or {}).items():
        found.append(((*path, name), value, None))
    fields, worded, nested = vars(model), *_places(type(model))
    for name, words in worded:
        value = fields[name]
        if value is not None and value not in listed(words.words):
            found.append(((*path, name), value, words.of_version))
    for name in nested:
        inner = fields[name]
        if isinstance(inner, tuple):
            for position, element in enumerate(inner):
                _find_unnamed(element, (*path, name, position), found)
        elif inner is not None:
            _find_unnamed(inner, (*path, name), found)


@cache
def _places(model: type[WireModel]) -> tuple[tuple[tuple[str, Word | Open], ...], tuple[str, ...]]:
    """The fields for whose unknown words the canonical model says another, and those with objects that keep nothing."""
    words = ((name, each) for name, field in model.model_fields.items() for each in field.metadata)
    worded = tuple((name, each) for name, each in words if isinstance(each, Word | Open) and each.canon_says)
    inner = ((name, model_in(field.annotation)) for name, field in model.model_fields.items())
    return worded, tuple(name for name, each in inner if each and issubclass(each, WireModel) and not keeps(each))


def _as_sent(path: Path, gone: Sequence[Path]) -> Path:
    """The place in the partner's document, where elements that were put aside still stood."""
    sent: Path = ()
    for step in path:
        position = step
        if isinstance(position, int):
            siblings = (p[-1] for p in gone if p[:-1] == sent)
            for other in sorted(s for s in siblings if isinstance(s, int)):
                position += other <= position
        sent = (*sent, position)
    return sent


def _elements_first(part: tuple[Path, str]) -> tuple[bool, tuple[str, ...], int]:
    path, _ = part
    last = path[-1] if path else ""
    names = tuple(str(step) for step in path[:-1])
    return not isinstance(last, int), names, last if isinstance(last, int) else 0


def _restore_in(value: Json, version: str) -> None:
    if is_object(value):
        restore(value, version)
    elif is_list(value):
        for element in value:
            _restore_in(element, version)


def _put_back(document: Document, path: Path, value: Json) -> None:
    if not path:
        return
    parent, step = value_at(document, path[:-1]), path[-1]
    if parent is None and isinstance(step, int) and len(path) > 1:
        parent = []
        _put_back(document, path[:-1], parent)
    if is_list(parent) and isinstance(step, int):
        parent.insert(step, value)
    elif is_object(parent) and parent.get(str(step)) in _FREE:
        parent[str(step)] = value
