"""A party behind a hub."""

from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_2_1.wire import credentials as wire
from canonical.identity import PartyId, Role
from canonical.partner import ClientStatus, HubClient


def hub_client(source: wire.ClientInfo) -> HubClient:
    return HubClient(
        party=PartyId(country_code=source.country_code, party_id=source.party_id),
        role=Role(source.role),
        status=ClientStatus(source.status),
        last_updated=source.last_updated,
        extensions=extensions(source),
    )
