"""What all wire objects have in common."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from adapters.document import KEPT
from adapters.ocpi.wire.fault import fault
from adapters.rules.rule import ToleratedEmpty
from canonical.model import Extension

T = TypeVar("T")


class WireModel(BaseModel):
    """An object of the version. Fields that the version does not know are kept, not read."""

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)


class WireEntity(WireModel):
    """An object with a canonical counterpart that remembers what it could not name."""

    kept: tuple[Extension, ...] = Field(default=(), validation_alias=KEPT)


def _list_or_nothing(value: object) -> object:
    return () if value is None else _list(value)


def _list_with_something(value: object) -> object:
    if not _list(value) and not isinstance(value, ToleratedEmpty):
        raise fault("list_empty", "must have at least one element")
    return value


def _list(value: object) -> object:
    if not isinstance(value, list):
        raise fault("list_type", "must be a list")
    return value


Many = Annotated[tuple[T, ...], BeforeValidator(_list_or_nothing)]
"""Cardinality `*`: absent, null and empty all mean none."""

Some = Annotated[tuple[T, ...], BeforeValidator(_list_with_something)]
"""Cardinality `+`."""
