"""Commands (2.1.1 commands). One object is the answer at once, and the result later."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import WireEntity, WireModel
from adapters.ocpi.wire.scalars import DateTime, Whole
from adapters.ocpi.wire.texts import URL
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_1_1.wire.command_words import CommandResponseType
from adapters.ocpi_2_1_1.wire.identifiers import Id
from adapters.ocpi_2_1_1.wire.token import Token
from adapters.ocpi_2_2_1.wire import commands


class ReserveNow(WireEntity):
    response_url: Annotated[str, URL]
    token: Token
    expiry_date: Annotated[datetime, DateTime()]
    reservation_id: Annotated[int, Whole()]
    location_id: Annotated[str, Id(39)]
    evse_uid: Annotated[str, Id(39)] | None = None


class StartSession(WireEntity):
    response_url: Annotated[str, URL]
    token: Token
    location_id: Annotated[str, Id(39)]
    evse_uid: Annotated[str, Id(39)] | None = None


class StopSession(commands.StopSession):
    session_id: Annotated[str, Id(36)]


class UnlockConnector(commands.UnlockConnector):
    location_id: Annotated[str, Id(39)]
    evse_uid: Annotated[str, Id(39)]
    connector_id: Annotated[str, Id(36)]


class CommandResponse(WireModel):
    result: Annotated[str, Closed(CommandResponseType)]
