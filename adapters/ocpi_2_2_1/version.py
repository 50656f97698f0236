"""OCPI 2.2.1, as one value."""

from collections.abc import Sequence
from typing import Final

from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi.version import Version, credentials_shape
from adapters.ocpi_2_2_1 import wire
from adapters.ocpi_2_2_1.commands import COMMANDS
from adapters.ocpi_2_2_1.endpoints import ENDPOINTS
from adapters.ocpi_2_2_1.families import FAMILIES
from adapters.ocpi_2_2_1.from_canonical.credentials import credentials as credentials_out
from adapters.ocpi_2_2_1.to_canonical.credentials import credentials as credentials_in
from canonical.partner import Endpoint


def version_details(number: str, offered: Sequence[Endpoint]) -> Document:
    """Each interface with the part that we play in it."""
    return fields(
        version=number,
        endpoints=[fields(identifier=each.module, role=each.interface, url=each.url) for each in offered],
    )


OCPI_2_2_1: Final = Version(
    number="2.2.1",
    endpoints=ENDPOINTS,
    families=FAMILIES,
    credentials=credentials_shape(wire.Credentials, lambda source, _: credentials_in(source), credentials_out),
    details=version_details,
    commands=COMMANDS,
)
