"""Partners and the connections to them: as far as the domain is concerned, and no further."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from canonical.identity import BusinessRole, ObjectId, PartyId, Role
from canonical.model import CanonicalModel, Extension, Identifier, Instant


class LinkState(StrEnum):
    """Where a connection stands. The words are the ones that operators see."""

    PLANNED = "PLANNED"
    REGISTERING = "REGISTERING"
    CONNECTED = "CONNECTED"
    SUSPENDED = "SUSPENDED"
    UNREGISTERED = "UNREGISTERED"


class Side(StrEnum):
    """Which side of the roaming relation we are on in one connection."""

    CPO = "CPO"
    EMSP = "EMSP"

    @property
    def other(self) -> "Side":
        return Side.EMSP if self is Side.CPO else Side.CPO


class Endpoint(CanonicalModel):
    """One module interface that a partner offers: its address, and the part that the partner plays in it."""

    module: str
    interface: str
    url: str


class ClientStatus(StrEnum):
    """Whether a hub can reach one of its clients (OCPI 2.2.1 hubclientinfo, ConnectionStatus)."""

    CONNECTED = "CONNECTED"
    OFFLINE = "OFFLINE"
    PLANNED = "PLANNED"
    SUSPENDED = "SUSPENDED"


class HubClient(CanonicalModel):
    """A party behind a hub, in one of its roles."""

    party: PartyId
    role: Role
    status: ClientStatus
    last_updated: Instant
    extensions: tuple[Extension, ...] = ()

    @property
    def object_id(self) -> ObjectId:
        """A party has several roles: the role is part of the name."""
        return ObjectId(owner=self.party, id=self.role.value)


class Connection(CanonicalModel):
    """One registered relation with one partner. Tokens are not part of it: they stay in the store.

    `our_sides` is what we are towards this partner: operator, provider, or both. `adapter` names the adapter that was
    chosen at the handshake; nothing else decides by version. `hub` is the party of a partner that is a hub: then
    other parties speak through it.
    """

    id: Identifier
    name: str
    our_sides: Annotated[tuple[Side, ...], Field(min_length=1)]
    our_party: PartyId
    state: LinkState
    partner_roles: tuple[BusinessRole, ...] = ()
    versions_url: str | None = None
    version: str | None = None
    adapter: str | None = None
    endpoints: tuple[Endpoint, ...] = ()
    connected_at: Instant | None = None
    hub: PartyId | None = None

    @property
    def only_side(self) -> Side | None:
        """Our side, where we play just one."""
        return self.our_sides[0] if len(self.our_sides) == 1 else None

    def owns(self, party: PartyId) -> bool:
        """True when `party` is one that this partner speaks for."""
        return any(role.party.key == party.key for role in self.partner_roles)

    def partner_party(self, our_side: Side | None = None) -> PartyId | None:
        """The partner's party opposite to one of our sides (None: to the first), if it has named one."""
        wanted = Role((our_side or self.our_sides[0]).other.value)
        return next((r.party for r in self.partner_roles if r.role is wanted), None)

    def endpoint(self, module: str, interface: str) -> str | None:
        found = (e for e in self.endpoints if e.module == module and e.interface == interface)
        return next((e.url for e in found), None)
