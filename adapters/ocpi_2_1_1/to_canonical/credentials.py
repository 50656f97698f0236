"""Credentials."""

from collections.abc import Sequence

from adapters.contract import Credentials
from adapters.ocpi_2_1_1.wire import credentials as wire
from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import Side


def credentials(source: wire.Credentials, partner_sides: Sequence[Side]) -> Credentials:
    """One party, in every role that the partner plays towards us.

    Raises TypeError when nobody says which these are: the object does not.
    """
    if not partner_sides:
        raise TypeError("credentials cannot be read without knowing the partner's sides")
    party = PartyId(country_code=source.country_code, party_id=source.party_id)
    details = source.business_details
    roles = tuple(
        BusinessRole(party=party, role=Role(side.value), business_name=details.name, website=details.website)
        for side in partner_sides
    )
    return Credentials(token=source.token, versions_url=source.url, roles=roles)
