"""Versions and their endpoints (2.1.1 versions): an endpoint says its module, and nothing of a role."""

from typing import Annotated

from adapters.ocpi.wire.model import Some, WireModel
from adapters.ocpi.wire.texts import URL, CiString, String


class Endpoint(WireModel):
    identifier: Annotated[str, CiString(36)]
    url: Annotated[str, URL]


class VersionDetails(WireModel):
    version: Annotated[str, String(255)]
    endpoints: Some[Endpoint]
