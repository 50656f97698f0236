"""Partners and the connections to them: as far as the domain is concerned, and no further."""

from enum import StrEnum
from typing import Annotated, Final

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


CLOSED: Final = frozenset({LinkState.SUSPENDED, LinkState.UNREGISTERED})
"""States in which neither side calls the other."""


class Side(StrEnum):
    """Which side of the roaming relation we are on in one connection."""

    CPO = "CPO"
    EMSP = "EMSP"

    @property
    def other(self) -> "Side":
        return Side.EMSP if self is Side.CPO else Side.CPO

    def met_by(self, role: Role) -> bool:
        """Whether a party in this role is the other side of ours.

        Who only reads or steers (NSP, SCSP, NAP, OTHER) counts as a provider (OCPI 2.2.1 transport, broadcast push).
        """
        return role is not Role.HUB and (role is Role.CPO) is (self is Side.EMSP)


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
    token_spelling: str | None = None
    """How the partner wants our token spelt in the Authorization header, where that is not its version's own way."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """Those of our sides that somebody stands opposite to: all while the partner has named no role, or is a hub."""
        if not self.partner_roles or self.hub is not None:
            return self.our_sides
        return tuple(side for side in self.our_sides if any(side.met_by(r.role) for r in self.partner_roles))

    def owns(self, party: PartyId) -> bool:
        """True when `party` is one that this partner speaks for."""
        return any(role.party.key == party.key for role in self.partner_roles)

    def partner_party(self, our_side: Side | None = None) -> PartyId | None:
        """The partner's party opposite to one of our sides (None: to the first), if it has named one."""
        side = our_side or self.our_sides[0]
        met = [role for role in self.partner_roles if side.met_by(role.role)]
        main = [role for role in met if role.role.value == side.other.value]
        return next((role.party for role in main or met), None)

    def addressee(
        self, our_side: Side | None = None, party: PartyId | None = None, *, open_routing: bool = False
    ) -> PartyId | None:
        """To whom a request of ours goes (OCPI 2.2.1 transport, message routing).

        `party` is whom it concerns, where that is known. Through a hub it goes to that party; without one to the hub,
        which tells everybody or answers for all (broadcast push, GET all), or with `open_routing` to nobody by name.
        """
        if self.hub is not None:
            return party or (None if open_routing else self.hub)
        return party if party is not None and self.owns(party) else self.partner_party(our_side)

    def endpoint(self, module: str, interface: str) -> str | None:
        found = (e for e in self.endpoints if e.module == module and e.interface == interface)
        return next((e.url for e in found), None)


class Offer(CanonicalModel):
    """What a partner that registers or renews wants to be: it becomes so when we have answered, and not before.

    `version` is the one that it called, and has chosen by it; `hub` is its party where it is a hub.
    """

    versions_url: str
    version: str
    roles: tuple[BusinessRole, ...]
    hub: PartyId | None = None
