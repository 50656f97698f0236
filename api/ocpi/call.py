"""One admitted request on its way to its handler, and the answer on its way back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from adapters.contract import Adapter, Endpoint, Parties
from api.ocpi.message_ids import MessageIds
from api.ocpi.routing import side_of
from api.services import Services
from canonical.identity import PartyId
from canonical.partner import Connection, Side
from canonical.store import AccessPurpose, Driver


@dataclass(frozen=True)
class Call:
    """Everything a handler may know. `segments` are the decoded parts of the path by the names in the endpoint.

    `requester` is the party that the request comes from, None where the version has no routing headers. `speakers` are
    the keys of those parties named in the request that may speak on this connection. `arrived_at` is when it came.
    """

    services: Services
    adapter: Adapter
    connection: Connection
    purpose: AccessPurpose
    endpoint: Endpoint
    segments: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    path: str
    body: bytes = field(repr=False)
    message_ids: MessageIds
    arrived_at: datetime
    requester: PartyId | None = None
    speakers: frozenset[str] = frozenset()

    def segment(self, name: str) -> str:
        return self.segments[name]

    @property
    def our_side(self) -> Side:
        """What we are in this call: the side that serves its endpoint."""
        return side_of(self.endpoint)

    @property
    def parties(self) -> Parties | None:
        """Operator and provider of this call; None while the partner has not said who it is."""
        partner = self.requester if self.connection.hub else self.connection.partner_party(self.our_side)
        if partner is None:
            return None
        ours = self.connection.our_party
        return Parties(ours, partner) if self.our_side is Side.CPO else Parties(partner, ours)


@dataclass(frozen=True)
class Answer:
    """What the envelope is made of. `data` is JSON as the adapter wrote it, a list for lists, None for nothing.

    `object_key` names the object that the exchange was about; `keep` asks for its bytes to be kept as evidence,
    under the key of the `driver` whom it was about.
    `content` is the whole answer where its bytes were kept already, together with what they tell of.
    """

    data: bytes | tuple[bytes, ...] | None = None
    http_status: int = 200
    status_code: int = 1000
    message: str = "Success"
    headers: Mapping[str, str] = field(default_factory=dict)
    object_key: str | None = None
    keep: bool = False
    driver: Driver | None = None
    content: bytes | None = field(default=None, repr=False)


Handler = Callable[[Call], Awaitable[Answer]]
