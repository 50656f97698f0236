"""What an adapter is: the one place where a partner's OCPI and our canonical model meet.

An adapter has two halves. The *wire* half is pure: bytes to canonical objects and back, and the table of
the endpoints that it serves. The *calling* half, `PartnerCalls`, makes requests to the partner over a
transport that is handed in. There is one adapter per partner and version; it is chosen at the handshake,
stored by key with the connection, and found again through `adapters.registry`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from pydantic import SecretStr

from canonical.cdr import Cdr
from canonical.identity import BusinessRole, ObjectId, PartyId
from canonical.location import Location
from canonical.model import CanonicalModel, Finding
from canonical.partner import Endpoint as PartnerEndpoint
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Authorization, LocationReference, Token, TokenType

T = TypeVar("T", bound=CanonicalModel)


class Module(StrEnum):
    """OCPI modules by the identifier they have in version details."""

    VERSIONS = "versions"
    CREDENTIALS = "credentials"
    LOCATIONS = "locations"
    SESSIONS = "sessions"
    CDRS = "cdrs"
    TARIFFS = "tariffs"
    TOKENS = "tokens"
    COMMANDS = "commands"
    CHARGING_PROFILES = "chargingprofiles"
    HUB_CLIENT_INFO = "hubclientinfo"


class Interface(StrEnum):
    """The part that the implementer of an endpoint plays: SENDER owns the data, RECEIVER gets it pushed."""

    SENDER = "SENDER"
    RECEIVER = "RECEIVER"


class Operation(StrEnum):
    """What an endpoint does, free of version: the edge has one handler for each."""

    GET_CREDENTIALS = "get_credentials"
    REGISTER = "register"
    UPDATE_CREDENTIALS = "update_credentials"
    UNREGISTER = "unregister"
    LIST_LOCATIONS = "list_locations"
    GET_LOCATION = "get_location"
    GET_EVSE = "get_evse"
    GET_CONNECTOR = "get_connector"
    PUT_LOCATION = "put_location"
    PUT_EVSE = "put_evse"
    PUT_CONNECTOR = "put_connector"
    PATCH_LOCATION = "patch_location"
    PATCH_EVSE = "patch_evse"
    PATCH_CONNECTOR = "patch_connector"
    LIST_TARIFFS = "list_tariffs"
    GET_TARIFF = "get_tariff"
    PUT_TARIFF = "put_tariff"
    DELETE_TARIFF = "delete_tariff"
    LIST_TOKENS = "list_tokens"
    GET_TOKEN = "get_token"  # noqa: S105
    PUT_TOKEN = "put_token"  # noqa: S105
    PATCH_TOKEN = "patch_token"  # noqa: S105
    AUTHORIZE = "authorize"
    LIST_SESSIONS = "list_sessions"
    GET_SESSION = "get_session"
    PUT_SESSION = "put_session"
    PATCH_SESSION = "patch_session"
    LIST_CDRS = "list_cdrs"
    GET_CDR = "get_cdr"
    POST_CDR = "post_cdr"


@dataclass(frozen=True)
class Endpoint:
    """One row of an adapter's table. `path` is relative to the module's URL, with `{name}` segments.

    A path that starts with `{country_code}/{party_id}` names the owner of the object: the pusher (client-owned).
    `wire_in` and `wire_out` are the wire models of the request's body and of the answer's data.
    """

    module: Module
    interface: Interface
    method: str
    path: str
    operation: Operation
    wire_in: type[object] | None = None
    wire_out: type[object] | None = None


@dataclass(frozen=True)
class Read(Generic[T]):
    """A canonical object out of a partner's bytes, with every tolerance that was needed to read it."""

    value: T
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Unreadable:
    """One element of a page that could not be read: kept, never dropped."""

    raw: bytes
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a partner's list. `next_url` is None on the last one."""

    items: tuple[Read[T], ...]
    unreadable: tuple[Unreadable, ...] = ()
    next_url: str | None = None
    total: int | None = None
    findings: tuple[Finding, ...] = ()
    """What had to be tolerated on the way from this page to the next."""


@dataclass(frozen=True)
class Credentials:
    """How the writer of this object wants to be called, and who it speaks for. The token is never in a repr."""

    token: str = field(repr=False)
    versions_url: str
    roles: tuple[BusinessRole, ...]

    def secret_token(self) -> SecretStr:
        return SecretStr(self.token)


@dataclass(frozen=True)
class OfferedVersion:
    version: str
    url: str


@dataclass(frozen=True)
class Exchange:
    """One request to a partner and its answer, as bytes, for the evidence store. Headers hold no secret."""

    module: Module
    method: str
    url: str
    request_headers: dict[str, str]
    request_body: bytes
    status: int | None
    response_headers: dict[str, str]
    response_body: bytes
    started_at: datetime
    duration_s: float


Witness = Callable[[Exchange], Awaitable[None]]
"""Called with every finished exchange, before the adapter interprets the answer."""


@dataclass(frozen=True)
class Receipt:
    """The partner's acknowledgement of something that we sent. `url` is where it can be read back (CDRs)."""

    http_status: int
    ocpi_status: int
    url: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Link:
    """What a call to a partner needs: where, with which token, from whom to whom. The token is never in a repr."""

    connection_id: str
    token: str = field(repr=False)
    endpoints: tuple[PartnerEndpoint, ...]
    our_party: PartyId
    partner_party: PartyId | None
    correlation_id: str | None = None


class PartnerError(Exception):
    """A call to a partner did not succeed. `retryable` says whether the same call may succeed later."""

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        ocpi_status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.ocpi_status = ocpi_status
        self.retry_after_s = retry_after_s


class PartnerUnavailable(PartnerError):
    """No answer, a 5xx, or a 429: it may work later. The request may or may not have been executed."""

    retryable = True


class PartnerRejected(PartnerError):
    """The partner understood and said no (4xx, or OCPI 2xxx/3xxx): repeating the same request is pointless."""


class PartnerUnauthorized(PartnerRejected):
    """The partner does not accept our token (HTTP 401)."""


class PartnerNotFound(PartnerRejected):
    """The partner does not have the object (HTTP 404, or OCPI 2003/2004)."""


class PartnerProtocolError(PartnerError):
    """The answer is not what the protocol says: not JSON, no envelope, no data where data must be."""


class UnsafeUrl(PartnerError):
    """An address that a partner gave us and that we do not call: wrong scheme, private network, foreign host."""


class CannotWrite(Exception):
    """An object of ours that this version of OCPI has no words for. The findings name the fields; nothing was sent."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{f.where or 'body'}: {f.message}" for f in findings))
        self.findings = tuple(findings)


class InvalidWire(Exception):
    """A partner's bytes could not be read as the object they should be.

    `malformed` is True when they are not JSON at all (HTTP 400); otherwise the findings name the fields (OCPI 2001).
    """

    def __init__(self, findings: Sequence[Finding], *, malformed: bool = False) -> None:
        super().__init__("; ".join(f"{f.where or 'body'}: {f.message}" for f in findings))
        self.findings = tuple(findings)
        self.malformed = malformed


class PartnerCalls(Protocol):
    """The calling half of an adapter, bound to one link. Every method may raise a PartnerError."""

    async def get_page(
        self,
        kind: type[T],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        url: str | None = None,
        limit: int | None = None,
    ) -> Page[T]:
        """One page of a list that the partner owns; `url` is the `next_url` of the page before."""

    async def get(self, kind: type[T], object_id: ObjectId, token_type: TokenType | None = None) -> Read[T]:
        """Our own object as the partner holds it, or the partner's object by its id."""

    async def get_cdr(self, url: str) -> Read[Cdr]:
        """A CDR at the address that the partner gave in the Location header of its receipt."""

    async def put(self, value: Location | Tariff | Token | Session) -> Receipt: ...

    async def patch(self, before: T, after: T) -> Receipt:
        """Send what changed between two states of one object; falls back to PUT where a PATCH cannot say it."""

    async def delete_tariff(self, tariff: ObjectId) -> Receipt: ...

    async def post_cdr(self, cdr: Cdr) -> Receipt: ...

    async def authorize(
        self, token_uid: str, token_type: TokenType, location: LocationReference | None
    ) -> Read[Authorization]: ...

    async def get_credentials(self) -> Credentials: ...

    async def register(self, ours: Credentials) -> Credentials:
        """POST our credentials; the answer holds the token that we call the partner with from now on."""

    async def update(self, ours: Credentials) -> Credentials: ...

    async def unregister(self) -> None: ...


class Adapter(Protocol):
    """One version of OCPI as one partner speaks it."""

    @property
    def key(self) -> str:
        """Stored with the connection and with everything the adapter read: `ocpi-2.2.1/standard`."""

    @property
    def version(self) -> str:
        """OCPI version number as it stands in URLs and in the versions list."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]: ...

    def read(self, kind: type[T], body: bytes) -> Read[T]:
        """Bytes of one object to its canonical form (also Evse, Connector, LocationReference). Raises InvalidWire."""

    def patch(self, current: T, body: bytes) -> Read[T]:
        """Apply a partner's PATCH to the stored object, by the rules of this version. Raises InvalidWire."""

    def write(self, value: CanonicalModel) -> bytes:
        """Canonical object to the bytes of this version (one JSON object, no envelope). Raises CannotWrite."""

    def read_credentials(self, body: bytes) -> Credentials: ...

    def write_credentials(self, credentials: Credentials) -> bytes: ...

    def encode_token(self, token: str) -> str:
        """The value of the Authorization header for a token (`Token …`)."""

    def decode_token(self, header: str) -> str | None:
        """The token in an Authorization header, or None when it holds none."""

    def calls(self, link: Link, witness: Witness | None = None) -> PartnerCalls: ...
