"""Which canonical object is which wire object, and the functions between them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from pydantic import ValidationError

from adapters.contract import InvalidWire, Read
from adapters.document import Document
from adapters.ocpi_2_2_1 import wire
from adapters.ocpi_2_2_1.from_canonical import cdr as cdr_out
from adapters.ocpi_2_2_1.from_canonical import evse as evse_out
from adapters.ocpi_2_2_1.from_canonical import location as location_out
from adapters.ocpi_2_2_1.from_canonical import session as session_out
from adapters.ocpi_2_2_1.from_canonical import tariff as tariff_out
from adapters.ocpi_2_2_1.from_canonical import token as token_out
from adapters.ocpi_2_2_1.to_canonical import cdr as cdr_in
from adapters.ocpi_2_2_1.to_canonical import evse as evse_in
from adapters.ocpi_2_2_1.to_canonical import location as location_in
from adapters.ocpi_2_2_1.to_canonical import session as session_in
from adapters.ocpi_2_2_1.to_canonical import tariff as tariff_in
from adapters.ocpi_2_2_1.to_canonical import token as token_in
from adapters.reading import exact
from adapters.rules.rule import Rule
from canonical.cdr import Cdr
from canonical.location import Connector, Evse, Location
from canonical.model import CanonicalModel, Finding
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Authorization, LocationReference, Token

T = TypeVar("T", bound=CanonicalModel)
W = TypeVar("W", bound=wire.WireModel)

_PARTY: Final = ("country_code", "party_id")


@dataclass(frozen=True)
class Family(Generic[T]):
    """One kind of object on both sides. `identity` are the wire fields that no update may change."""

    name: str
    wire: type[wire.WireModel]
    read: Callable[[Document, Sequence[Rule]], Read[T]]
    document: Callable[[T], Document]
    identity: tuple[str, ...]
    patched: bool


def family_of(kind: type[T]) -> Family[T]:
    """Raises LookupError for a kind that this version does not have."""
    return cast("Family[T]", FAMILIES[kind])


def _family(
    kind: type[T],
    wire_model: type[W],
    to_canonical: Callable[[W], T],
    from_canonical: Callable[[T], Document],
    identity: tuple[str, ...] = (),
    *,
    patched: bool = False,
) -> Family[T]:
    def read(document: Document, rules: Sequence[Rule]) -> Read[T]:
        found = exact(wire_model, document, rules, kind.__name__)
        try:
            return Read(to_canonical(found.value), found.findings)
        except ValidationError as error:
            raise InvalidWire([_contradiction(kind, error)]) from error

    return Family(kind.__name__, wire_model, read, from_canonical, identity, patched)


def _contradiction(kind: type[CanonicalModel], error: ValidationError) -> Finding:
    """What the tables of the version allow and the domain does not."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return Finding(code="wire.contradiction", message=first["msg"], where=where or kind.__name__, blocks=True)


FAMILIES: Final[Mapping[type[CanonicalModel], object]] = {
    Location: _family(
        Location, wire.Location, location_in.location, location_out.location, (*_PARTY, "id"), patched=True
    ),
    Evse: _family(Evse, wire.EVSE, evse_in.evse, evse_out.evse, ("uid",), patched=True),
    Connector: _family(Connector, wire.Connector, evse_in.connector, evse_out.connector, ("id",), patched=True),
    Tariff: _family(Tariff, wire.Tariff, tariff_in.tariff, tariff_out.tariff, (*_PARTY, "id")),
    Token: _family(Token, wire.Token, token_in.token, token_out.token, (*_PARTY, "uid", "type"), patched=True),
    Session: _family(Session, wire.Session, session_in.session, session_out.session, (*_PARTY, "id"), patched=True),
    Cdr: _family(Cdr, wire.CDR, cdr_in.cdr, cdr_out.cdr, (*_PARTY, "id")),
    Authorization: _family(Authorization, wire.AuthorizationInfo, token_in.authorization, token_out.authorization_info),
    LocationReference: _family(
        LocationReference, wire.LocationReferences, token_in.location_reference, token_out.location_references
    ),
}
