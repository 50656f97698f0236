"""Partners: the parties that we roam with, by the connections over which they speak."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from api.contract.listing import After, Limit, Listed, listed, position
from api.services import Services
from canonical.identity import BusinessRole
from canonical.model import Instant, fold
from canonical.partner import Connection, LinkState, Side

_LIST = "partners"


class PartnerView(BaseModel):
    """A partner, the parties and roles that it speaks for, and where the connection to it stands.

    `hub`: it is one, and other parties speak through it. `version` is that of the protocol between us.
    """

    connection: str
    name: str
    state: LinkState
    our_sides: tuple[Side, ...]
    roles: tuple[BusinessRole, ...]
    hub: bool
    version: str | None
    connected_at: Instant | None

    @classmethod
    def of(cls, connection: Connection) -> Self:
        return cls(
            connection=connection.id,
            name=connection.name,
            state=connection.state,
            our_sides=connection.our_sides,
            roles=connection.partner_roles,
            hub=connection.hub is not None,
            version=connection.version,
            connected_at=connection.connected_at,
        )


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/partners", tags=["partners"])

    @router.get("")
    async def list_partners(after: After = None, limit: Limit = 100) -> Listed[PartnerView]:
        """Everybody we roam with, or are about to: parties, roles and state."""
        async with services.store.transaction() as unit:
            found = await unit.connections.page(after=position(_LIST, after) or "", limit=limit + 1)
        return listed(_LIST, [PartnerView.of(c) for c in found], limit, lambda partner: fold(partner.connection))

    return router
