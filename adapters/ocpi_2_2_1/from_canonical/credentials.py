"""Credentials."""

from adapters.contract import Credentials
from adapters.document import Document
from adapters.ocpi.fields import fields
from canonical.identity import BusinessRole


def credentials(source: Credentials) -> Document:
    return fields(token=source.token, url=source.versions_url, roles=[_role(role) for role in source.roles])


def _role(source: BusinessRole) -> Document:
    return fields(
        role=source.role.value,
        business_details=fields(name=source.business_name, website=source.website),
        party_id=source.party.party_id,
        country_code=source.party.country_code,
    )
