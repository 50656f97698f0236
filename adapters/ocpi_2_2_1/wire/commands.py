"""Commands (2.2.1 commands)."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireEntity, WireModel
from adapters.ocpi.wire.scalars import DateTime, Whole
from adapters.ocpi.wire.texts import URL, CiString
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_2_1.wire.command_words import CommandResponseType, CommandResultType
from adapters.ocpi_2_2_1.wire.places import DisplayText
from adapters.ocpi_2_2_1.wire.token import Token


class CancelReservation(WireEntity):
    response_url: Annotated[str, URL]
    reservation_id: Annotated[str, CiString(36)]


class ReserveNow(WireEntity):
    response_url: Annotated[str, URL]
    token: Token
    expiry_date: Annotated[datetime, DateTime()]
    reservation_id: Annotated[str, CiString(36)]
    location_id: Annotated[str, CiString(36)]
    evse_uid: Annotated[str, CiString(36)] | None = None
    authorization_reference: Annotated[str, CiString(36)] | None = None


class StartSession(WireEntity):
    response_url: Annotated[str, URL]
    token: Token
    location_id: Annotated[str, CiString(36)]
    evse_uid: Annotated[str, CiString(36)] | None = None
    connector_id: Annotated[str, CiString(36)] | None = None
    authorization_reference: Annotated[str, CiString(36)] | None = None


class StopSession(WireEntity):
    response_url: Annotated[str, URL]
    session_id: Annotated[str, CiString(36)]


class UnlockConnector(WireEntity):
    response_url: Annotated[str, URL]
    location_id: Annotated[str, CiString(36)]
    evse_uid: Annotated[str, CiString(36)]
    connector_id: Annotated[str, CiString(36)]


class CommandResponse(WireModel):
    result: Annotated[str, Closed(CommandResponseType)]
    timeout: Annotated[int, Whole()]
    message: Many[DisplayText] = ()


class CommandResult(WireModel):
    result: Annotated[str, Closed(CommandResultType)]
    message: Many[DisplayText] = ()
