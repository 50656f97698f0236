"""What a wire model says about places in documents: what can be left out, and whose they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel

from adapters.document import KEPT, Path


@dataclass(frozen=True)
class Step:
    """One step on the way to a place. `optional`: its object is complete without it."""

    path: Path
    model: type[BaseModel] | None
    optional: bool


def steps(model: type[BaseModel], path: Path) -> Iterator[Step]:
    """The steps from the root to a place, as far as the model knows the way."""
    here: type[BaseModel] | None = model
    for end, name in enumerate(path, start=1):
        if isinstance(name, int):
            yield Step(path[:end], here, optional=True)
            continue
        field = here.model_fields.get(name) if here else None
        if field is None:
            return
        here = model_in(field.annotation)
        yield Step(path[:end], here, optional=not field.is_required())


def removable(model: type[BaseModel], path: Path) -> Path | None:
    """The innermost place on the way that its object can do without."""
    optional = [step.path for step in steps(model, path) if step.optional]
    return optional[-1] if optional else None


def required(model: type[BaseModel], path: Path) -> bool:
    """Whether the object around a place is incomplete without it."""
    found = [step for step in steps(model, path) if step.path == path]
    return bool(found) and not found[0].optional


def owner(model: type[BaseModel], path: Path) -> Path:
    """The innermost object on the way, short of the place itself, that keeps what was put aside."""
    owners = [
        step.path for step in steps(model, path[:-1]) if keeps(step.model) and not _is_list_field(step.path, path)
    ]
    return owners[-1] if owners else ()


def keeps(model: type[BaseModel] | None) -> bool:
    """True for an object whose canonical counterpart has extensions."""
    fields = model.model_fields if model else {}
    return any(field.validation_alias == KEPT for field in fields.values())


def _is_list_field(step: Path, path: Path) -> bool:
    return isinstance(path[len(step)], int)


def model_in(annotation: object) -> type[BaseModel] | None:
    """The model of the objects in a field; None: there are none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part))), None)
