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
from typing import Final, Generic, Protocol, TypeVar

from pydantic import SecretStr

from canonical.cdr import Cdr
from canonical.charging_profile import ActiveChargingProfile, ChargingPreferences, PreferencesAnswer
from canonical.command import Command, CommandKind, CommandResponse, CommandResult
from canonical.identity import BusinessRole, ObjectId, PartyId
from canonical.invoice_record import InvoiceRecord
from canonical.location import Connector, Evse, Location
from canonical.model import CanonicalModel, Finding
from canonical.partner import Endpoint as PartnerEndpoint
from canonical.partner import Side
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Authorization, LocationReference, Token, TokenType

T = TypeVar("T", bound=CanonicalModel)

EVSES_LEFT_OUT: Final = "patch.evses_left_out"
"""Code of the finding that a PATCH did not name all EVSEs of its location: what is held may differ from the owner's."""


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
    INVOICE_RECONCILIATION = "invoicereconciliation"


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
    PATCH_TARIFF = "patch_tariff"
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
    SET_CHARGING_PREFERENCES = "set_charging_preferences"
    CANCEL_RESERVATION = "cancel_reservation"
    RESERVE_NOW = "reserve_now"
    START_SESSION = "start_session"
    STOP_SESSION = "stop_session"
    UNLOCK_CONNECTOR = "unlock_connector"
    COMMAND_RESULT = "command_result"
    SET_CHARGING_PROFILE = "set_charging_profile"
    CLEAR_CHARGING_PROFILE = "clear_charging_profile"
    GET_ACTIVE_CHARGING_PROFILE = "get_active_charging_profile"
    CHARGING_PROFILE_RESULT = "charging_profile_result"
    PUT_ACTIVE_CHARGING_PROFILE = "put_active_charging_profile"
    GET_HUB_CLIENT = "get_hub_client"
    PUT_HUB_CLIENT = "put_hub_client"
    LIST_INVOICE_RECORDS = "list_invoice_records"
    GET_INVOICE_RECORD = "get_invoice_record"
    POST_INVOICE_RECORD = "post_invoice_record"
    PUT_INVOICE_RECORD = "put_invoice_record"
    DELETE_INVOICE_RECORD = "delete_invoice_record"


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
class Parties:
    """Operator and provider of an exchange: what OCPI 2.1.1 leaves to the connection, later versions write down."""

    cpo: PartyId
    emsp: PartyId


@dataclass(frozen=True)
class Read(Generic[T]):
    """A canonical object out of a partner's bytes, with every tolerance that was needed to read it."""

    value: T
    findings: tuple[Finding, ...] = ()
    raw: bytes = field(default=b"", repr=False)
    """The bytes it was read from, where it was one of several in a message."""


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
    """What had to be tolerated on the way from this page to the next. `crawl.…`: the list may not be whole."""
    url: str | None = None
    """The address at which this page was asked for."""


@dataclass(frozen=True)
class Credentials:
    """How the writer of this object wants to be called, and who it speaks for. The token is never in a repr."""

    token: str = field(repr=False)
    versions_url: str
    roles: tuple[BusinessRole, ...]
    hub_party: PartyId | None = None
    """The hub's own party, when the writer is a hub (OCPI 2.3.0; in 2.2.1 the role HUB says so)."""

    def secret_token(self) -> SecretStr:
        return SecretStr(self.token)


class AskAgain(StrEnum):
    """How a partner is asked again that refuses our credentials as if it had taken them before (HTTP 401, 403, 405).

    The answer to an earlier request may have been lost: then the token we used is spent, or POST has become PUT. The
    order of the members is the usual one; a partner's profile may give another.
    """

    SAME_WITH_OLDER_TOKEN = "the same request with the token before"  # noqa: S105
    OTHER_METHOD = "PUT for POST, POST for PUT"
    OTHER_METHOD_WITH_OLDER_TOKEN = "the other method with the token before"  # noqa: S105
    READ = "GET"
    READ_WITH_OLDER_TOKEN = "GET with the token before"  # noqa: S105


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
    """Addressee of the request; behind a hub another party than the hub's own. None: open routing, the hub decides."""
    correlation_id: str | None = None
    partner_sides: tuple[Side, ...] = ()
    """What the partner is towards us, for versions that do not say it (OCPI 2.1.1)."""
    token_spelling: str | None = None
    """How this partner wants the token spelt; None: in the adapter's own way."""


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

    async def get_part(self, kind: type[T], location: ObjectId, *ids: str) -> Read[T]:
        """An EVSE (`evse_uid`) or a connector (`evse_uid`, `connector_id`) of a location, ours or the partner's."""

    async def get_cdr(self, url: str) -> Read[Cdr]:
        """A CDR at the address that the partner gave in the Location header of its receipt."""

    async def find_cdr(self, cdr: ObjectId) -> tuple[str, Read[Cdr]]:
        """A CDR of ours at a partner that gave no address for it, and where it was found.

        It is looked for below the partner's endpoint, where many keep a CDR by its id; no version says so.
        """

    async def put(self, value: Location | Tariff | Token | Session | InvoiceRecord) -> Receipt: ...

    async def put_part(self, location: ObjectId, part: Evse | Connector, *above: str) -> Receipt:
        """One EVSE, or one connector of the EVSE whose uid is `above`."""

    async def patch(self, before: T, after: T) -> Receipt:
        """Send what changed between two states of one object; falls back to PUT where a PATCH cannot say it."""

    async def delete_tariff(self, tariff: ObjectId) -> Receipt: ...

    async def post_invoice_record(self, record: InvoiceRecord) -> Receipt: ...

    async def delete_invoice_record(self, record: ObjectId) -> Receipt: ...

    async def send_command(self, command: Command) -> Read[CommandResponse]:
        """An order, or a request about a charging profile; `reply_to` says where the result is to be sent."""

    async def send_result(self, kind: CommandKind, url: str, result: CommandResult) -> Receipt:
        """The result of a partner's command, to the address that came with it. Raises UnsafeUrl."""

    async def set_charging_preferences(
        self, session: ObjectId, preferences: ChargingPreferences
    ) -> PreferencesAnswer: ...

    async def push_active_profile(self, session: ObjectId, profile: ActiveChargingProfile) -> Receipt: ...

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

    @property
    def routed(self) -> bool:
        """Whether requests of this version carry routing headers."""

    @property
    def tokens_by_uid(self) -> bool:
        """Whether a token is named by its uid alone, and not by its type as well (OCPI 2.1.1)."""

    @property
    def bare_amounts(self) -> bool:
        """Whether amounts are bare numbers: this version has no word for tax (OCPI 2.1.1)."""

    @property
    def open_token_types(self) -> bool:
        """Whether a token may be of any type, and a vehicle's contract is one (OCPI 2.3.0). Elsewhere it is OTHER."""

    @property
    def asks_again(self) -> tuple[AskAgain, ...]:
        """What is tried, and in which order, when the answer to our credentials seems to have been lost."""

    def read(self, kind: type[T], body: bytes, parties: Parties | None = None) -> Read[T]:
        """Bytes of one object to its canonical form (also Evse, Connector, LocationReference). Raises InvalidWire."""

    def patch(self, current: T, body: bytes, parties: Parties | None = None) -> Read[T]:
        """Apply a partner's PATCH to the stored object, by the rules of this version. Raises InvalidWire."""

    def write(self, value: CanonicalModel) -> bytes:
        """Canonical object to the bytes of this version (one JSON object, no envelope). Raises CannotWrite."""

    def read_command(self, kind: CommandKind, body: bytes, parties: Parties | None = None) -> Read[Command]:
        """Raises InvalidWire; LookupError for a kind that this version does not have."""

    def write_command(self, command: Command) -> bytes: ...

    def read_response(self, kind: CommandKind, body: bytes) -> Read[CommandResponse]: ...

    def write_response(self, kind: CommandKind, response: CommandResponse) -> bytes: ...

    def read_result(self, kind: CommandKind, body: bytes) -> Read[CommandResult]: ...

    def write_result(self, kind: CommandKind, result: CommandResult) -> bytes: ...

    def read_credentials(self, body: bytes, partner_sides: Sequence[Side] = ()) -> Credentials:
        """`partner_sides` are the roles of a partner whose version does not name any (OCPI 2.1.1)."""

    def write_credentials(self, credentials: Credentials) -> bytes: ...

    def write_version_details(self, offered: Sequence[PartnerEndpoint]) -> bytes:
        """The data of version details, with the endpoints that we offer on a connection."""

    @property
    def token_spellings(self) -> tuple[str, ...]:
        """Every way of spelling a token in the Authorization header, the adapter's own first."""

    def encode_token(self, token: str, spelling: str | None = None) -> str:
        """The value of the Authorization header for a token (`Token …`); None: in the adapter's own spelling."""

    def decode_token(self, header: str) -> str | None:
        """The token in an Authorization header, or None when it holds none."""

    def calls(self, link: Link, witness: Witness | None = None) -> PartnerCalls: ...
