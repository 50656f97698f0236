"""OCPI 2.2.1, as one value."""

from collections.abc import Sequence
from typing import Final

from adapters.contract import Credentials
from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi.version import CredentialsShape, Version
from adapters.ocpi.wire.model import WireModel
from adapters.ocpi_2_2_1 import wire
from adapters.ocpi_2_2_1.endpoints import ENDPOINTS
from adapters.ocpi_2_2_1.families import FAMILIES
from adapters.ocpi_2_2_1.from_canonical.credentials import credentials as credentials_out
from adapters.ocpi_2_2_1.to_canonical.credentials import credentials as credentials_in
from canonical.partner import Endpoint, Side


def version_details(number: str, offered: Sequence[Endpoint]) -> Document:
    """Each interface with the part that we play in it."""
    return fields(
        version=number,
        endpoints=[fields(identifier=each.module, role=each.interface, url=each.url) for each in offered],
    )


def _credentials(source: WireModel, partner_sides: Sequence[Side]) -> Credentials:
    """Roles are written down in this version, so that nothing has to be concluded from sides."""
    del partner_sides
    if not isinstance(source, wire.Credentials):
        raise TypeError(f"{type(source).__name__} is not Credentials")
    return credentials_in(source)


OCPI_2_2_1: Final = Version(
    number="2.2.1",
    endpoints=ENDPOINTS,
    families=FAMILIES,
    credentials=CredentialsShape(wire.Credentials, _credentials, credentials_out),
    details=version_details,
)
