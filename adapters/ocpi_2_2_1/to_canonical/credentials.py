"""Credentials."""

from adapters.contract import Credentials
from adapters.ocpi_2_2_1.wire import credentials as wire
from canonical.identity import BusinessRole, PartyId, Role


def credentials(source: wire.Credentials) -> Credentials:
    return Credentials(token=source.token, versions_url=source.url, roles=tuple(_role(role) for role in source.roles))


def _role(source: wire.CredentialsRole) -> BusinessRole:
    return BusinessRole(
        party=PartyId(country_code=source.country_code, party_id=source.party_id),
        role=Role(source.role),
        business_name=source.business_details.name,
        website=source.business_details.website,
    )
