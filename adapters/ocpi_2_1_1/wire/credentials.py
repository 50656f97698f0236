"""Credentials (2.1.1 credentials): of one party, whose role follows from the connection."""

from typing import Annotated

from pydantic import Field

from adapters.ocpi.wire.model import WireModel
from adapters.ocpi.wire.texts import URL, CountryCode, PartyCode
from adapters.ocpi_2_1_1.wire.places import BusinessDetails
from adapters.ocpi_2_2_1.wire.credentials import ACCESS_TOKEN


class Credentials(WireModel):
    token: Annotated[str, ACCESS_TOKEN] = Field(repr=False)
    url: Annotated[str, URL]
    business_details: BusinessDetails
    party_id: Annotated[str, PartyCode(3)]
    country_code: Annotated[str, CountryCode(2)]
