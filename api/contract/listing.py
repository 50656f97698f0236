"""Lists of the contract API: a slice, and how many there are."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

Item = TypeVar("Item")

Offset = Annotated[int, Query(ge=0, le=2**53, description="How many to leave out at the beginning.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
From = Annotated[
    str,
    Query(
        alias="connection",
        max_length=64,
        description="Id of the connection whose partner's objects are wanted; ours without it.",
    ),
]


class Listed(BaseModel, Generic[Item]):
    """A slice of a list, in order of creation."""

    items: tuple[Item, ...]
    total: int
