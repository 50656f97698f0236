"""Versions and their endpoints (2.2.1 versions). Module ids and version numbers are open."""

from typing import Annotated

from adapters.ocpi.wire.model import Some, WireModel
from adapters.ocpi.wire.texts import URL, CiString, String
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_2_1.wire.version_words import InterfaceRole


class Version(WireModel):
    version: Annotated[str, String(255)]
    url: Annotated[str, URL]


class Endpoint(WireModel):
    identifier: Annotated[str, CiString(36)]
    role: Annotated[str, Closed(InterfaceRole)]
    url: Annotated[str, URL]


class VersionDetails(WireModel):
    version: Annotated[str, String(255)]
    endpoints: Some[Endpoint]
