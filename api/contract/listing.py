"""Lists of the contract API: pages that stay where they are while the data changes.

A page ends with a cursor, which names the last object on it; the next page begins behind that object, whatever was
added or removed meanwhile. A cursor says nothing to whoever holds it, and belongs to the list that gave it out.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from api.errors import InvalidInput
from canonical.location import Location
from canonical.session import Session
from canonical.store import ObjectRepository
from canonical.tariff import Tariff
from canonical.token import Token

Item = TypeVar("Item")
Living = TypeVar("Living", Location, Tariff, Token, Session)

After = Annotated[
    str | None,
    Query(max_length=300, description="Where to go on: `next` of the page before. Without it, from the beginning."),
]
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
    """A page of a list, in an order that no change of an object changes."""

    items: tuple[Item, ...]
    next: str | None = Field(
        default=None, description="Where the next page begins; null: there is no more for now.", examples=["bG9j…"]
    )


def cursor(of: str, position: str | int) -> str:
    """The cursor behind one position of one list. `of` names the list and what it was narrowed to."""
    return base64.urlsafe_b64encode(f"{of}\n{position}".encode()).decode().rstrip("=")


def position(of: str, after: str | None) -> str | None:
    """The position that a cursor of this list names. Raises InvalidInput for any other text."""
    if after is None:
        return None
    try:
        text = base64.b64decode(after + "=" * (-len(after) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidInput.of("after", "is no cursor of this list") from None
    named, _, place = text.rpartition("\n")
    if named != of or not place:
        raise InvalidInput.of("after", "is no cursor of this list")
    return place


def number(of: str, after: str | None) -> int | None:
    """The number that a cursor of this list names. Raises InvalidInput."""
    place = position(of, after)
    if place is None:
        return None
    if not (place.isascii() and place.isdigit() and len(place) <= _DIGITS_MAX):
        raise InvalidInput.of("after", "is no cursor of this list")
    return int(place)


def listed(of: str, found: Sequence[Item], limit: int, name: Callable[[Item], str | int]) -> Listed[Item]:
    """A page of `found`, in which there is one more than `limit` where the list goes on."""
    items = tuple(found[:limit])
    return Listed(items=items, next=cursor(of, name(items[-1])) if len(found) > limit else None)


_DIGITS_MAX = 18
"""As many as every number of the store has at most."""


async def page_of(
    repository: ObjectRepository[Living], family: str, source: str, after: str | None, limit: int
) -> Listed[Living]:
    """A page of the objects of one source, in the order in which they came to be."""
    of = f"{family} {source}"
    page = await repository.page(source=source, after=number(of, after), limit=limit)
    more = page.last is not None and len(page.items) == limit
    return Listed(items=page.items, next=cursor(of, page.last) if more and page.last is not None else None)
