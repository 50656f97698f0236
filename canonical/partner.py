"""Partners and the connections to them: as far as the domain is concerned, and no further."""

from enum import StrEnum

from canonical.identity import BusinessRole, PartyId, Role
from canonical.model import CanonicalModel, Identifier, Instant


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


class Connection(CanonicalModel):
    """One registered relation with one partner. Tokens are not part of it: they stay in the store.

    `adapter` names the adapter that was chosen at the handshake; nothing else decides by version.
    """

    id: Identifier
    name: str
    our_side: Side
    our_party: PartyId
    state: LinkState
    partner_roles: tuple[BusinessRole, ...] = ()
    versions_url: str | None = None
    version: str | None = None
    adapter: str | None = None
    endpoints: tuple[Endpoint, ...] = ()
    connected_at: Instant | None = None

    def owns(self, party: PartyId) -> bool:
        """True when `party` is one that this partner speaks for."""
        return any(role.party.key == party.key for role in self.partner_roles)

    def partner_party(self) -> PartyId | None:
        """The partner's party on the other side of this connection, if it has named one."""
        wanted = Role(self.our_side.other.value)
        return next((r.party for r in self.partner_roles if r.role is wanted), None)

    def endpoint(self, module: str, interface: str) -> str | None:
        found = (e for e in self.endpoints if e.module == module and e.interface == interface)
        return next((e.url for e in found), None)
