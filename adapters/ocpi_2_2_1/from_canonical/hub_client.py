"""A party behind a hub."""

from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from canonical.partner import HubClient


def client_info(source: HubClient) -> Document:
    return fields(
        source.extensions,
        party_id=source.party.party_id,
        country_code=source.party.country_code,
        role=source.role.value,
        status=source.status.value,
        last_updated=instant(source.last_updated),
    )
