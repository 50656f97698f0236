"""One version of OCPI as one partner speaks it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from adapters.contract import (
    AskAgain,
    CannotWrite,
    Credentials,
    Endpoint,
    InvalidWire,
    Link,
    Parties,
    PartnerCalls,
    Read,
    Witness,
)
from adapters.document import Document
from adapters.json_reader import read_object
from adapters.json_writer import write_json
from adapters.ocpi import authorization_header
from adapters.ocpi.calls import Calls
from adapters.ocpi.family import Family
from adapters.ocpi.leftovers import restore
from adapters.ocpi.patch import merged, notices
from adapters.ocpi.version import CommandShape, Version
from adapters.partners.profile import PartnerProfile, TokenSpelling
from adapters.reading import exact
from adapters.transport.http import PartnerHttp
from canonical.cdr import Cdr
from canonical.command import Command, CommandKind, CommandResponse, CommandResult
from canonical.model import CanonicalModel, Finding
from canonical.partner import Endpoint as PartnerEndpoint
from canonical.partner import Side
from canonical.tariff import Tariff

T = TypeVar("T", bound=CanonicalModel)


class OcpiAdapter:
    """The wire half is pure; `calls` needs the transport that the adapter was built with."""

    def __init__(self, version: Version, profile: PartnerProfile, http: PartnerHttp | None = None) -> None:
        self._version = version
        self._profile = profile
        self._http = http
        self._spelling = profile.token_spelling or version.token_spelling

    @property
    def key(self) -> str:
        return f"ocpi-{self._version.number}/{self._profile.name}"

    @property
    def version(self) -> str:
        return self._version.number

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return self._version.endpoints

    @property
    def routed(self) -> bool:
        return self._version.routed

    @property
    def tokens_by_uid(self) -> bool:
        return self._version.tokens_by_uid

    @property
    def bare_amounts(self) -> bool:
        return self._version.bare_amounts

    @property
    def open_token_types(self) -> bool:
        return self._version.open_token_types

    @property
    def asks_again(self) -> tuple[AskAgain, ...]:
        return self._profile.asks_again

    # Objects

    def read(self, kind: type[T], body: bytes, parties: Parties | None = None) -> Read[T]:
        read = self._version.family(kind).read(self._document(body), self._profile.reading, parties)
        return replace(read, findings=(*read.findings, *self._marked(read.value)))

    def patch(self, current: T, body: bytes, parties: Parties | None = None) -> Read[T]:
        family = self._version.family(type(current))
        if not family.patched:
            raise InvalidWire(
                [Finding(code="patch.not_in_version", message=f"{family.name} has no PATCH", blocks=True)]
            )
        change = self._document(body)
        before = restore(family.document(current), self.version)
        after = family.read(
            merged(before, change, family.identity, family.name, dated=self._version.patch_dated),
            self._profile.reading,
            parties,
        )
        # What was tolerated when the object came is not news.
        news = tuple(finding for finding in after.findings if _field(finding) in change)
        return Read(after.value, (*news, *notices(before, change)))

    def write(self, value: CanonicalModel) -> bytes:
        return self._written(self._version.family(type(value)), value)

    # Commands

    def read_command(self, kind: CommandKind, body: bytes, parties: Parties | None = None) -> Read[Command]:
        return self._shape(kind).order.read(self._document(body), self._profile.reading, parties)

    def write_command(self, command: Command) -> bytes:
        return self._written(self._shape(command.kind).order, command)

    def read_response(self, kind: CommandKind, body: bytes) -> Read[CommandResponse]:
        return self._shape(kind).response.read(self._document(body), self._profile.reading, None)

    def write_response(self, kind: CommandKind, response: CommandResponse) -> bytes:
        return self._written(self._shape(kind).response, response)

    def read_result(self, kind: CommandKind, body: bytes) -> Read[CommandResult]:
        return self._shape(kind).result.read(self._document(body), self._profile.reading, None)

    def write_result(self, kind: CommandKind, result: CommandResult) -> bytes:
        return self._written(self._shape(kind).result, result)

    # Credentials, versions, tokens

    def read_credentials(self, body: bytes, partner_sides: Sequence[Side] = ()) -> Credentials:
        return self._version.credentials.read(self._document(body), self._profile.reading, partner_sides)

    def write_credentials(self, credentials: Credentials) -> bytes:
        shape = self._version.credentials
        document = shape.document(credentials)
        try:
            exact(shape.wire, document, self._profile.writing, "Credentials")
        except InvalidWire as invalid:
            raise CannotWrite(invalid.findings) from invalid
        return write_json(document)

    def write_version_details(self, offered: Sequence[PartnerEndpoint]) -> bytes:
        return write_json(self._version.details(self.version, offered))

    @property
    def token_spellings(self) -> tuple[str, ...]:
        return (self._spelling, *(each for each in TokenSpelling if each is not self._spelling))

    def encode_token(self, token: str, spelling: str | None = None) -> str:
        return authorization_header.encode(token, TokenSpelling(spelling) if spelling else self._spelling)

    def decode_token(self, header: str) -> str | None:
        return authorization_header.decode(header, self._spelling)

    # Calls

    def calls(self, link: Link, witness: Witness | None = None) -> PartnerCalls:
        if self._http is None:
            raise RuntimeError("this adapter was built without a transport")
        return Calls(self, self._http, link, witness, tariff_patched=self._version.family(Tariff).patched)

    def _marked(self, value: CanonicalModel) -> Iterator[Finding]:
        """What the remark of a CDR says about who priced it, in the way of this partner."""
        remark = (value.remark or "").lstrip() if isinstance(value, Cdr) else ""
        return (mark.meaning for mark in self._profile.remark_marks if remark.startswith(mark.sign))

    def _shape(self, kind: CommandKind) -> CommandShape:
        """Raises LookupError for a command that this version does not have."""
        return self._version.commands[kind]

    def _written(self, family: Family[T], value: T) -> bytes:
        document = family.document(value)
        try:
            exact(family.wire, document, self._profile.writing, family.name)
        except InvalidWire as invalid:
            raise CannotWrite(invalid.findings) from invalid
        named = (each for each in self._profile.also_named if each.family == family.name and each.field in document)
        also = {each.name: document[each.field] for each in named}
        return write_json({**also, **restore(document, self.version)})

    def _document(self, body: bytes) -> Document:
        return read_object(body, self._profile.limits, allow_bom=self._profile.allow_bom)


def _field(finding: Finding) -> str:
    """The top-level field that a finding is about."""
    return (finding.where or "").replace("[", ".").split(".")[0]
