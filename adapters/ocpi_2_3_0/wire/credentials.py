"""Credentials, and the clients of a hub, where they differ from 2.2.1 (2.3.0 credentials, hubclientinfo)."""

import re
from dataclasses import dataclass
from typing import Annotated

from adapters.ocpi.wire.fault import fault
from adapters.ocpi.wire.model import Some
from adapters.ocpi.wire.texts import CiString
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_2_1.wire import credentials as before
from adapters.ocpi_2_3_0.wire.party_words import Role
from adapters.ocpi_2_3_0.wire.places import BusinessDetails


@dataclass(frozen=True)
class GluedParty(CiString):
    """Country code and party id of a party in one text, without separator."""

    def check(self, value: object) -> str:
        if not re.fullmatch(r"[A-Za-z]{2}[A-Za-z0-9]{3}", text := super().check(value)):
            raise fault("party_id", "must be a country code and a party id, without separator")
        return text


class CredentialsRole(before.CredentialsRole):
    role: Annotated[str, Closed(Role)]
    business_details: BusinessDetails


class Credentials(before.Credentials):
    hub_party_id: Annotated[str, GluedParty(5)] | None = None
    roles: Some[CredentialsRole]


class ClientInfo(before.ClientInfo):
    role: Annotated[str, Closed(Role)]
