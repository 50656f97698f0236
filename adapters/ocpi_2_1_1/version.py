"""OCPI 2.1.1, as one value."""

from collections.abc import Sequence
from typing import Final

from adapters.contract import Interface, Module
from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi.version import Version, credentials_shape
from adapters.ocpi_2_1_1 import wire
from adapters.ocpi_2_1_1.commands import COMMANDS
from adapters.ocpi_2_1_1.endpoints import ENDPOINTS
from adapters.ocpi_2_1_1.families import FAMILIES
from adapters.ocpi_2_1_1.from_canonical.credentials import credentials as credentials_out
from adapters.ocpi_2_1_1.number import NUMBER
from adapters.ocpi_2_1_1.to_canonical.credentials import credentials as credentials_in
from adapters.partners.profile import TokenSpelling
from canonical.partner import Endpoint

_REPLIES: Final = (Module.COMMANDS, Interface.SENDER)
"""No endpoint in this version: where a result is wanted stands in each command, and nowhere else."""


def version_details(number: str, offered: Sequence[Endpoint]) -> Document:
    """Each module with its URL. Which part we play in it has no place: our URLs say it on the way."""
    endpoints = [each for each in offered if (each.module, each.interface) != _REPLIES]
    return fields(
        version=number,
        endpoints=[fields(identifier=each.module, url=each.url) for each in endpoints],
    )


OCPI_2_1_1: Final = Version(
    number=NUMBER,
    endpoints=ENDPOINTS,
    families=FAMILIES,
    credentials=credentials_shape(wire.Credentials, credentials_in, credentials_out),
    details=version_details,
    commands=COMMANDS,
    token_spelling=TokenSpelling.RAW,
    routed=False,
    patch_dated=False,
    tokens_by_uid=True,
    bare_amounts=True,
)
