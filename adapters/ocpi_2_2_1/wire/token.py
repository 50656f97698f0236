"""Token and real-time authorisation (2.2.1 tokens)."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireEntity, WireModel
from adapters.ocpi.wire.scalars import Boolean, DateTime
from adapters.ocpi.wire.texts import LANGUAGE, CiString, CountryCode, PartyCode, String
from adapters.ocpi.wire.words import Closed, Word
from adapters.ocpi_2_2_1.wire.places import DisplayText
from adapters.ocpi_2_2_1.wire.session_words import ProfileType
from adapters.ocpi_2_2_1.wire.token_words import AllowedType, TokenType, WhitelistType


class EnergyContract(WireModel):
    supplier_name: Annotated[str, String(64)]
    contract_id: Annotated[str, String(64)] | None = None


class Token(WireEntity):
    country_code: Annotated[str, CountryCode(2)]
    party_id: Annotated[str, PartyCode(3)]
    uid: Annotated[str, CiString(36)]
    type: Annotated[str, Closed(TokenType)]
    contract_id: Annotated[str, CiString(36)]
    visual_number: Annotated[str, String(64)] | None = None
    issuer: Annotated[str, String(64)]
    group_id: Annotated[str, CiString(36)] | None = None
    valid: Annotated[bool, Boolean()]
    whitelist: Annotated[str, Closed(WhitelistType)]
    language: Annotated[str, LANGUAGE] | None = None
    default_profile_type: Annotated[str, Word(ProfileType)] | None = None
    energy_contract: EnergyContract | None = None
    last_updated: Annotated[datetime, DateTime()]


class LocationReferences(WireModel):
    location_id: Annotated[str, CiString(36)]
    evse_uids: Many[Annotated[str, CiString(36)]] = ()


class AuthorizationInfo(WireEntity):
    allowed: Annotated[str, Closed(AllowedType)]
    token: Token
    location: LocationReferences | None = None
    authorization_reference: Annotated[str, CiString(36)] | None = None
    info: DisplayText | None = None
