"""Credentials, and the clients of a hub (2.2.1 credentials, hubclientinfo)."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from adapters.ocpi.wire.model import Some, WireEntity, WireModel
from adapters.ocpi.wire.scalars import DateTime
from adapters.ocpi.wire.texts import URL, CountryCode, PartyCode, Pattern
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_2_1.wire.party_words import ConnectionStatus, Role
from adapters.ocpi_2_2_1.wire.places import BusinessDetails

ACCESS_TOKEN = Pattern(64, r"[\x21-\x7e]{1,64}", "access_token", "1 to 64 printable ASCII characters without blanks")


class CredentialsRole(WireModel):
    role: Annotated[str, Closed(Role)]
    business_details: BusinessDetails
    party_id: Annotated[str, PartyCode(3)]
    country_code: Annotated[str, CountryCode(2)]


class Credentials(WireModel):
    token: Annotated[str, ACCESS_TOKEN] = Field(repr=False)
    url: Annotated[str, URL]
    roles: Some[CredentialsRole]


class ClientInfo(WireEntity):
    party_id: Annotated[str, PartyCode(3)]
    country_code: Annotated[str, CountryCode(2)]
    role: Annotated[str, Closed(Role)]
    status: Annotated[str, Closed(ConnectionStatus)]
    last_updated: Annotated[datetime, DateTime()]
