"""OCPI 2.2.1 as one partner speaks it."""

from typing import Final, TypeVar

from adapters.contract import (
    CannotWrite,
    Credentials,
    Endpoint,
    InvalidWire,
    Link,
    PartnerCalls,
    Read,
    Witness,
)
from adapters.document import Document
from adapters.json_reader import read_object
from adapters.json_writer import write_json
from adapters.ocpi_2_2_1 import authorization_header, wire
from adapters.ocpi_2_2_1.calls import Calls
from adapters.ocpi_2_2_1.endpoints import ENDPOINTS
from adapters.ocpi_2_2_1.families import family_of
from adapters.ocpi_2_2_1.from_canonical.credentials import credentials as credentials_document
from adapters.ocpi_2_2_1.leftovers import restore
from adapters.ocpi_2_2_1.patch import merged, notices
from adapters.ocpi_2_2_1.to_canonical.credentials import credentials as canonical_credentials
from adapters.partners.profile import PartnerProfile
from adapters.reading import exact
from adapters.transport.http import PartnerHttp
from canonical.model import CanonicalModel, Finding

T = TypeVar("T", bound=CanonicalModel)

VERSION: Final = "2.2.1"


class Adapter2_2_1:  # noqa: N801 (the name is the version's)
    """The wire half is pure; `calls` needs the transport that the adapter was built with."""

    def __init__(self, profile: PartnerProfile, http: PartnerHttp | None = None) -> None:
        self._profile = profile
        self._http = http

    @property
    def key(self) -> str:
        return f"ocpi-{VERSION}/{self._profile.name}"

    @property
    def version(self) -> str:
        return VERSION

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return ENDPOINTS

    def read(self, kind: type[T], body: bytes) -> Read[T]:
        return family_of(kind).read(self._document(body), self._profile.reading)

    def patch(self, current: T, body: bytes) -> Read[T]:
        family = family_of(type(current))
        if not family.patched:
            raise InvalidWire(
                [Finding(code="patch.not_in_version", message=f"{family.name} has no PATCH", blocks=True)]
            )
        change = self._document(body)
        before = restore(family.document(current))
        after = family.read(merged(before, change, family.identity, family.name), self._profile.reading)
        # What was tolerated when the object came is not news.
        news = tuple(finding for finding in after.findings if _field(finding) in change)
        return Read(after.value, (*news, *notices(before, change)))

    def write(self, value: CanonicalModel) -> bytes:
        family = family_of(type(value))
        document = family.document(value)
        try:
            exact(family.wire, document, self._profile.writing, family.name)
        except InvalidWire as invalid:
            raise CannotWrite(invalid.findings) from invalid
        return write_json(restore(document))

    def read_credentials(self, body: bytes) -> Credentials:
        found = exact(wire.Credentials, self._document(body), self._profile.reading, "Credentials")
        return canonical_credentials(found.value)

    def write_credentials(self, credentials: Credentials) -> bytes:
        document = credentials_document(credentials)
        try:
            exact(wire.Credentials, document, self._profile.writing, "Credentials")
        except InvalidWire as invalid:
            raise CannotWrite(invalid.findings) from invalid
        return write_json(document)

    def encode_token(self, token: str) -> str:
        return authorization_header.encode(token, self._profile.token_spelling)

    def decode_token(self, header: str) -> str | None:
        return authorization_header.decode(header, self._profile.token_spelling)

    def calls(self, link: Link, witness: Witness | None = None) -> PartnerCalls:
        if self._http is None:
            raise RuntimeError("this adapter was built without a transport")
        return Calls(self, self._http, link, witness)

    def _document(self, body: bytes) -> Document:
        return read_object(body, self._profile.limits, allow_bom=self._profile.allow_bom)


def _field(finding: Finding) -> str:
    """The top-level field that a finding is about."""
    return (finding.where or "").replace("[", ".").split(".")[0]
