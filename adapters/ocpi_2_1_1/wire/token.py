"""Token and real-time authorisation (2.1.1 tokens)."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireEntity, WireModel
from adapters.ocpi.wire.scalars import Boolean, DateTime
from adapters.ocpi.wire.texts import LANGUAGE, String
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_1_1.wire.identifiers import Id
from adapters.ocpi_2_1_1.wire.token_words import Allowed, TokenType
from adapters.ocpi_2_2_1.wire.places import DisplayText
from adapters.ocpi_2_2_1.wire.token_words import WhitelistType


class Token(WireEntity):
    uid: Annotated[str, Id(36)]
    type: Annotated[str, Closed(TokenType)]
    auth_id: Annotated[str, Id(36)]
    visual_number: Annotated[str, String(64)] | None = None
    issuer: Annotated[str, String(64)]
    valid: Annotated[bool, Boolean()]
    whitelist: Annotated[str, Closed(WhitelistType)]
    language: Annotated[str, LANGUAGE] | None = None
    last_updated: Annotated[datetime, DateTime()]


class LocationReferences(WireModel):
    location_id: Annotated[str, Id(39)]
    evse_uids: Many[Annotated[str, Id(39)]] = ()
    connector_ids: Many[Annotated[str, Id(36)]] = ()


class AuthorizationInfo(WireEntity):
    allowed: Annotated[str, Closed(Allowed)]
    location: LocationReferences | None = None
    info: DisplayText | None = None
