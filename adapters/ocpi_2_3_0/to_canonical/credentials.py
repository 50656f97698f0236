"""Credentials."""

from dataclasses import replace

from adapters.contract import Credentials
from adapters.ocpi_2_2_1.to_canonical import credentials as before
from adapters.ocpi_2_3_0.wire import credentials as wire
from canonical.identity import PartyId, Role


def credentials(source: wire.Credentials) -> Credentials:
    """A hub names its own party beside the roles; some still do it by the role of 2.2.1 (OCPI trap 25)."""
    read = before.credentials(source)
    if source.hub_party_id is not None:
        return replace(read, hub_party=PartyId.parse(source.hub_party_id))
    return replace(read, hub_party=next((role.party for role in read.roles if role.role is Role.HUB), None))
