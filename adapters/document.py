"""JSON documents as plain values, and the names of places in them."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias, TypeGuard

Json: TypeAlias = "bool | int | Decimal | str | Sequence[Json] | Mapping[str, Json] | None"
"""A JSON value. Numbers are int or Decimal, never float."""

Document: TypeAlias = dict[str, Json]
"""A JSON object."""

Path: TypeAlias = tuple[str | int, ...]
"""The way from a document's root to one value: names and array positions."""

_POSITION = re.compile(r"0|[1-9][0-9]{0,8}")

KEPT = "\0kept"
"""Key under which a document carries what its reader put aside. No partner can send it: NUL is refused."""


def is_list(value: Json) -> TypeGuard[list[Json]]:
    return isinstance(value, list)


def is_object(value: Json) -> TypeGuard[Document]:
    return isinstance(value, dict)


def pointer(path: Path) -> str:
    """The place as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def path_of(json_pointer: str) -> Path:
    """The inverse of `pointer`; array positions come back as numbers."""
    steps = json_pointer.split("/")[1:]
    plain = (step.replace("~1", "/").replace("~0", "~") for step in steps)
    return tuple(int(step) if _POSITION.fullmatch(step) else step for step in plain)


def place(path: Path) -> str:
    """The place as people write it: `evses[0].connectors[1].power_type`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def value_at(document: Json, path: Path) -> Json:
    """The value at a place, or None when the document ends before it."""
    value = document
    for step in path:
        if is_object(value) and isinstance(step, str):
            value = value.get(step)
        elif is_list(value) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def replace_at(document: Json, path: Path, value: Json) -> None:
    """Put a value at a place whose parent exists. Raises LookupError when it does not."""
    parent, step = value_at(document, path[:-1]), path[-1]
    if is_object(parent):
        parent[str(step)] = value
    elif is_list(parent) and isinstance(step, int) and step < len(parent):
        parent[step] = value
    else:
        raise LookupError(place(path))
