"""Objects that a partner has shared with us, by the ids under which the partner knows them.

The operator's own systems name the connection, and need not know which party of it owns an object; where ids of two
parties meet, `owner` says which one is meant.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Query

from api.errors import InvalidInput
from api.services import Services
from canonical.identity import ObjectId, PartyId
from canonical.partner import Connection
from canonical.store import UnitOfWork

Found = TypeVar("Found")

Owner = Annotated[
    str | None,
    Query(
        max_length=8,
        description="The party (`DE*ABC`) that owns it, where the connection is shared by several.",
        examples=["DE*ABC"],
    ),
]


async def find(
    services: Services,
    unit: UnitOfWork,
    connection_id: str,
    owner: str | None,
    object_id: str,
    get: Callable[[ObjectId, str], Awaitable[Found | None]],
) -> Found | None:
    """An object of ours (no connection), or one that came by a connection. Raises InvalidInput, NotFound."""
    if not connection_id:
        return await get(_named(services.our_party, object_id), "")
    connection = await unit.connections.get(connection_id)
    for party in _owners(connection, owner):
        found = await get(_named(party, object_id), connection.id)
        if found is not None:
            return found
    return None


def _owners(connection: Connection, owner: str | None) -> tuple[PartyId, ...]:
    """Behind a hub there are more parties than the connection names: then the owner has to be said."""
    if owner is None:
        return tuple({role.party.key: role.party for role in connection.partner_roles}.values())
    try:
        return (PartyId.parse(owner),)
    except ValueError:
        raise InvalidInput.of("owner", "must be a party id such as DE*ABC") from None


def _named(owner: PartyId, object_id: str) -> ObjectId:
    """Raises InvalidInput for what cannot be an id."""
    try:
        return ObjectId(owner=owner, id=object_id)
    except ValueError:
        raise InvalidInput.of("id", "is empty or too long") from None
