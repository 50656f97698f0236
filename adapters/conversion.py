"""One object in the words of another version of OCPI, with a list of everything that this cost.

What crosses is decided where it is decided for partners: in the reader of the one version and the writer of the other.
What it cost is found by reading the outcome back and comparing, so that nothing is lost that is not on the list.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

from pydantic import BaseModel

from adapters.contract import Adapter, CannotWrite, Credentials, InvalidWire, Parties, Read
from adapters.differences import Difference, differences
from adapters.document import Document, Json
from adapters.json_reader import read_object
from adapters.ocpi.version import Version
from adapters.registry import VERSIONS, build_registry
from canonical.cdr import Cdr
from canonical.charging_profile import ActiveChargingProfile, ChargingPreferences
from canonical.command import Command, CommandKind, CommandResponse, CommandResult
from canonical.identity import UNKNOWN_ID, PartyId
from canonical.invoice_record import InvoiceRecord
from canonical.location import Connector, Evse, Location
from canonical.model import CanonicalModel, Finding
from canonical.partner import HubClient, Side
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Authorization, LocationReference, Token, TokenType

Value: TypeAlias = CanonicalModel | Credentials
T = TypeVar("T", bound=CanonicalModel)
V = TypeVar("V")

_OBJECTS: Final[Mapping[str, type[CanonicalModel]]] = MappingProxyType(
    {
        "location": Location,
        "evse": Evse,
        "connector": Connector,
        "tariff": Tariff,
        "token": Token,
        "session": Session,
        "cdr": Cdr,
        "authorization": Authorization,
        "location-references": LocationReference,
        "charging-preferences": ChargingPreferences,
        "active-charging-profile": ActiveChargingProfile,
        "hub-client": HubClient,
        "invoice-record": InvoiceRecord,
    }
)
_CREDENTIALS: Final = "credentials"
_COMMANDS: Final = MappingProxyType({kind.value.lower().replace("_", "-"): kind for kind in CommandKind})
_RESPONSE, _RESULT = "-response", "-result"

KINDS: Final = (
    *_OBJECTS,
    _CREDENTIALS,
    *_COMMANDS,
    *(f"{command}{_RESPONSE}" for command in _COMMANDS),
    *(f"{command}{_RESULT}" for command in _COMMANDS),
)
"""What can be converted, by the names that `convert` takes."""

VERSION_NUMBERS: Final = tuple(version.number for version in VERSIONS)


class NotConvertible(Exception):
    """The object cannot be read, or the other version has no way to say it. The findings name the fields."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{f.where or 'body'}: {f.message}" for f in findings))
        self.findings = tuple(findings)


@dataclass(frozen=True)
class Known:
    """What a document does not say and a version may need.

    The two parties and their roles, which OCPI 2.1.1 leaves to the connection; the time zone, which it may leave out;
    and the site of a session or a CDR, which it sends along and later versions only name.
    """

    cpo: PartyId | None = None
    emsp: PartyId | None = None
    time_zone: str | None = None
    site: bytes | None = None


@dataclass(frozen=True)
class Converted:
    """The object in the other version. Losses are in the words of the canonical model, findings in the sender's."""

    kind: str
    body: bytes
    losses: tuple[Difference, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Way:
    """How one kind of object is read and written."""

    read: Callable[[Adapter, bytes, Parties | None], tuple[Value, tuple[Finding, ...]]]
    write: Callable[[Adapter, Value], bytes]


def convert(
    body: bytes, from_version: str, to_version: str, kind: str | None = None, known: Known = Known()
) -> Converted:
    """Raises NotConvertible, and ValueError for a version or a kind that there is not."""
    source, target = _adapter(from_version), _adapter(to_version)
    try:
        kind = kind or recognised(body, from_version)
        way = _way(kind, known)
        value, findings = way.read(source, body, _stated(known))
        given = _with_known(value, known, source)
        written = _written(way, target, given)
        back_way = _credentials_way(_sides(given)) if isinstance(given, Credentials) else way
        back, _ = back_way.read(target, written, _parties(given, known))
    except (InvalidWire, CannotWrite) as refused:
        raise NotConvertible(refused.findings) from refused
    except TypeError as unknown:
        if _stated(known):
            raise
        raise NotConvertible([_finding("parties", f"{unknown}: say who is operator and who is provider")]) from unknown
    except LookupError as unknown:
        raise NotConvertible([_finding("kind", f"one of the two versions has no {kind}")]) from unknown
    return Converted(kind, written, tuple(differences(plain(value), plain(back))), findings)


def losses(adapter: Adapter, value: CanonicalModel, parties: Parties | None = None) -> tuple[Difference, ...]:
    """What is not the same any more when an object that we send is read by the one who gets it.

    Raises CannotWrite, and InvalidWire where the adapter cannot read what it writes.
    """
    back = adapter.read(type(value), adapter.write(value), parties).value
    return tuple(differences(plain(value), plain(back)))


def recognised(body: bytes, from_version: str) -> str:
    """The kind of object that a document is, by its fields. Raises InvalidWire."""
    document = read_object(body, allow_bom=True)
    version = _version(from_version)
    kind, model = min(_models(version), key=lambda each: _strangeness(each[1], document))
    if not set(model.model_fields) & set(document):
        raise InvalidWire([_finding("kind", "no kind of object has such fields: say what it is")])
    return kind


def _finding(where: str, message: str) -> Finding:
    return Finding(code="convert.refused", message=message, where=where, blocks=True)


# Reading and writing


def _adapter(number: str) -> Adapter:
    return build_registry(None).by_key(f"ocpi-{_version(number).number}/standard")


def _version(number: str) -> Version:
    found = next((version for version in VERSIONS if version.number == number), None)
    if found is None:
        raise ValueError(f"{number} is none of {', '.join(VERSION_NUMBERS)}")
    return found


def _way(kind: str, known: Known) -> _Way:
    if kind in _OBJECTS:
        return _object_way(_OBJECTS[kind])
    if kind == _CREDENTIALS:
        stated = {Side.CPO: known.cpo, Side.EMSP: known.emsp}
        return _credentials_way(tuple(side for side, party in stated.items() if party))
    stem = kind.removesuffix(_RESPONSE).removesuffix(_RESULT)
    if kind not in KINDS:
        raise ValueError(f"{kind} is none of {', '.join(KINDS)}")
    command = _COMMANDS[stem]
    if kind.endswith(_RESPONSE):
        return _response_way(command)
    return _result_way(command) if kind.endswith(_RESULT) else _order_way(command)


def _object_way(kind: type[CanonicalModel]) -> _Way:
    return _Way(
        lambda adapter, body, parties: _found(adapter.read(kind, body, parties)),
        lambda adapter, value: adapter.write(_a(kind, value)),
    )


def _sides(credentials: Credentials) -> tuple[Side, ...]:
    """What the writer of credentials is, as far as a version without roles lets its partner know it."""
    return tuple(side for side in Side if any(role.role == side.value for role in credentials.roles))


def _credentials_way(sides: tuple[Side, ...]) -> _Way:
    def read(adapter: Adapter, body: bytes, parties: Parties | None) -> tuple[Value, tuple[Finding, ...]]:
        del parties
        found = adapter.read_credentials(body, sides)
        if not found.roles:
            raise InvalidWire([_finding("roles", "this version does not say them: say who is operator, who provider")])
        return found, ()

    return _Way(read, lambda adapter, value: adapter.write_credentials(_a(Credentials, value)))


def _order_way(kind: CommandKind) -> _Way:
    return _Way(
        lambda adapter, body, parties: _found(adapter.read_command(kind, body, parties)),
        lambda adapter, value: adapter.write_command(_a(Command, value)),
    )


def _response_way(kind: CommandKind) -> _Way:
    return _Way(
        lambda adapter, body, _: _found(adapter.read_response(kind, body)),
        lambda adapter, value: adapter.write_response(kind, _a(CommandResponse, value)),
    )


def _result_way(kind: CommandKind) -> _Way:
    return _Way(
        lambda adapter, body, _: _found(adapter.read_result(kind, body)),
        lambda adapter, value: adapter.write_result(kind, _a(CommandResult, value)),
    )


def _found(read: Read[T]) -> tuple[Value, tuple[Finding, ...]]:
    return read.value, read.findings


def _written(way: _Way, target: Adapter, value: Value) -> bytes:
    """As for a partner; and where only the identity of the token is missing, with OCPI's word for unknown in place."""
    try:
        return way.write(target, value)
    except CannotWrite:
        if not isinstance(value, Session | Cdr) or value.token.uid is not None:
            raise
        named = value.token.model_copy(update={"uid": UNKNOWN_ID, "type": value.token.type or TokenType.OTHER})
        return way.write(target, value.model_copy(update={"token": named}))


# What a document does not say


def _stated(known: Known) -> Parties | None:
    """Both parties for a reader that needs them. One alone stands for both: then the object is about that one only."""
    cpo, emsp = known.cpo or known.emsp, known.emsp or known.cpo
    return Parties(cpo=cpo, emsp=emsp) if cpo and emsp else None


def _parties(value: Value, known: Known) -> Parties | None:
    """The parties between which the object passes: as it says itself, and where it does not, as was said."""
    owner = getattr(value, "owner", None)
    if isinstance(value, Session | Cdr):
        return Parties(cpo=value.owner, emsp=value.token.issuer_party)
    if isinstance(value, Token | Authorization | Command):
        token = value if isinstance(value, Token) else value.token
        issuer = token.owner if token else known.emsp
        return Parties(cpo=known.cpo or issuer, emsp=issuer) if issuer else _stated(known)
    return Parties(cpo=owner, emsp=known.emsp or owner) if isinstance(owner, PartyId) else _stated(known)


def _with_known(value: Value, known: Known, source: Adapter) -> Value:
    if isinstance(value, Location) and value.time_zone is None and known.time_zone:
        return value.model_copy(update={"time_zone": known.time_zone})
    if isinstance(value, Session | Cdr) and value.place is None and known.site:
        site = source.read(Location, known.site, _stated(known)).value
        named = value if isinstance(value, Session) else value.charge_point
        evse = site.evse(named.evse_uid)
        connector = evse.connector(named.connector_id) if evse else None
        if evse is None or connector is None:
            raise NotConvertible([_finding("location", "the given location has not the EVSE and connector in use")])
        return value.model_copy(update={"place": site.cut_to(evse, connector)})
    return value


# Recognising


def _models(version: Version) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, kind in _OBJECTS.items():
        if kind in version.families:
            yield name, version.family(kind).wire
    yield _CREDENTIALS, version.credentials.wire
    for name, command in _COMMANDS.items():
        if command in version.commands:
            yield name, version.commands[command].order.wire


def _strangeness(model: type[BaseModel], document: Document) -> tuple[int, int]:
    """How ill a document fits a model: required fields that are missing and fields unknown, then how little it says."""
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    known = set(model.model_fields) & set(document)
    return len(required - set(document)) + len(set(document) - known), -len(known)


# Plain values


def _a(kind: type[V], value: Value) -> V:
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} is not {kind.__name__}")
    return value


def plain(value: object) -> Json:
    """A canonical value as a document, as losses speak of it. Numbers stay numbers, so that 2 and 2.00 are the same."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Credentials):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | Decimal | str):
        return value
    raise TypeError(f"{type(value).__name__} is no value of the canonical model")
