"""Credentials."""

from adapters.contract import Credentials
from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi_2_1_1.from_canonical.unsayable import check_sayable


def credentials(source: Credentials) -> Document:
    """Raises CannotWrite for more than one party: in this version each has a connection of its own."""
    parties = {role.party.key for role in source.roles}
    check_sayable({} if len(parties) == 1 else {"party_id": f"must be one party, and there are {len(parties)}"})
    us = source.roles[0]
    return fields(
        token=source.token,
        url=source.versions_url,
        business_details=fields(name=us.business_name, website=us.website),
        party_id=us.party.party_id,
        country_code=us.party.country_code,
    )
