"""A version of OCPI as data: a folder `ocpi_…` ends in one such value, and the registry lists it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from adapters.contract import Credentials, Endpoint
from adapters.document import Document
from adapters.ocpi.family import Family
from adapters.ocpi.wire.model import WireModel
from adapters.partners.profile import TokenSpelling
from adapters.reading import exact
from adapters.rules.rule import Rule
from canonical.command import Command, CommandKind, CommandResponse, CommandResult
from canonical.model import CanonicalModel
from canonical.partner import Endpoint as PartnerEndpoint
from canonical.partner import Side

T = TypeVar("T", bound=CanonicalModel)
W = TypeVar("W", bound=WireModel)


@dataclass(frozen=True)
class CredentialsShape:
    """Credentials on the wire. Reading needs the sides that the partner plays where the version names no role."""

    wire: type[WireModel]
    read: Callable[[Document, Sequence[Rule], Sequence[Side]], Credentials]
    document: Callable[[Credentials], Document]


def credentials_shape(
    wire_model: type[W],
    to_canonical: Callable[[W, Sequence[Side]], Credentials],
    from_canonical: Callable[[Credentials], Document],
) -> CredentialsShape:
    def read(document: Document, rules: Sequence[Rule], partner_sides: Sequence[Side]) -> Credentials:
        return to_canonical(exact(wire_model, document, rules, Credentials.__name__).value, partner_sides)

    return CredentialsShape(wire_model, read, from_canonical)


@dataclass(frozen=True)
class CommandShape:
    """One kind of command: the order, the first answer to it, and the result that comes later."""

    order: Family[Command]
    response: Family[CommandResponse]
    result: Family[CommandResult]


@dataclass(frozen=True)
class Version:
    """`token_spelling` is how the version itself wants a token in the Authorization header; a profile may differ.

    `routed`: requests carry routing headers. `patch_dated`: a PATCH has to carry `last_updated`.
    `tokens_by_uid`: a token is named by its uid alone (OCPI 2.1.1 alone). `bare_amounts`: an amount is a
    number, and no word says what tax is in it (OCPI 2.1.1 alone). `open_token_types`: a token may be of any type (from
    OCPI 2.3.0 on).
    """

    number: str
    endpoints: tuple[Endpoint, ...]
    families: Mapping[type[CanonicalModel], object]
    credentials: CredentialsShape
    details: Callable[[str, Sequence[PartnerEndpoint]], Document]
    commands: Mapping[CommandKind, CommandShape] = field(default_factory=dict)
    token_spelling: TokenSpelling = TokenSpelling.BASE64
    routed: bool = True
    patch_dated: bool = True
    tokens_by_uid: bool = False
    bare_amounts: bool = False
    open_token_types: bool = False

    def family(self, kind: type[T]) -> Family[T]:
        """Raises LookupError for a kind that this version does not have."""
        return cast("Family[T]", self.families[kind])
