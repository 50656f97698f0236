"""Credentials."""

from dataclasses import replace

from adapters.contract import Credentials
from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi_2_2_1.from_canonical import credentials as before
from canonical.identity import Role


def credentials(source: Credentials) -> Document:
    """The role of a hub, which this version does not have, is said by the hub's party."""
    hubs = [role.party for role in source.roles if role.role is Role.HUB]
    hub = source.hub_party or next(iter(hubs), None)
    written = before.credentials(
        replace(source, roles=tuple(role for role in source.roles if role.role is not Role.HUB))
    )
    return {**written, **fields(hub_party_id=f"{hub.country_code}{hub.party_id}" if hub else None)}
