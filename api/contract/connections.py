"""Connections to partners: invite one, or register with one; see where each stands."""

import secrets
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from activities.partner_link import pullable
from adapters.contract import Module
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import Conflict, InvalidInput
from api.services import Services
from api.wake import wake
from canonical.partner import Connection, LinkState, Side
from canonical.store import AccessPurpose, UnitOfWork

_HANDED_OUT = "handed-out"
"""Names the token that came from the partner out of band."""

ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Mode(StrEnum):
    """Who begins the handshake: the partner, with a token from us, or we, with a token from the partner."""

    INVITE = "invite"
    REGISTER = "register"


class NewConnection(BaseModel):
    """A connection to make. `versions_url` and `token` come from the partner, for `register` only."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {"id": "mobility", "name": "Mobility Ltd", "sides": ["CPO"], "mode": "invite"},
                {
                    "name": "Charging AG",
                    "sides": ["EMSP"],
                    "mode": "register",
                    "versions_url": "https://charging.example/ocpi/versions",
                    "token": "the token that Charging AG handed out",
                },
            ]
        },
    )

    id: ConnectionId | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    sides: Annotated[tuple[Side, ...], Field(min_length=1, max_length=2, description="The sides that we play.")]
    mode: Mode
    versions_url: AnyHttpUrl | None = None
    token: SecretStr | None = None


class NewConnectionAnswer(BaseModel):
    """The connection. The registration token is shown here and nowhere else: hand it to the partner in private."""

    connection: Connection
    registration_token: str | None = Field(default=None, repr=False)
    versions_url: str | None = None


class Accepted(BaseModel):
    """It was passed on; what comes of it shows in the connection."""

    connection: str
    action: str


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/connections", tags=["connections"])

    @router.post("", status_code=201, response_model=NewConnectionAnswer)
    async def create_connection(order: NewConnection, request: Request, key: IdempotencyKey = None) -> Response:
        """Invite a partner, or register with one. The handshake goes on by itself from here."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> NewConnectionAnswer:
            return await _create(services, unit, afterwards, order)

        return await Write(services, request, key).do(work, status=201)

    @router.get("")
    async def list_connections() -> list[Connection]:
        """All connections, with their state."""
        async with services.store.transaction() as unit:
            return list(await unit.connections.list())

    @router.get("/{connection_id}")
    async def get_connection(connection_id: str) -> Connection:
        """One connection, with its state."""
        async with services.store.transaction() as unit:
            return await unit.connections.get(connection_id)

    @router.post("/{connection_id}/nudge", status_code=202)
    async def nudge_connection(connection_id: str) -> Accepted:
        """Do now what waits for its next attempt. A registration of ours that was given up is begun again."""
        connection = await get_connection(connection_id)
        if connection.state is not LinkState.CONNECTED and await _is_ours_to_begin(services, connection):
            await services.signals.connect(connection.id)
        await services.signals.nudge(connection.id)
        return Accepted(connection=connection.id, action="nudge")

    @router.post("/{connection_id}/renew", status_code=202)
    async def renew_credentials(connection_id: str) -> Accepted:
        """Exchange new tokens with a partner, in both directions. The old ones live until the new ones are used."""
        connection = await get_connection(connection_id)
        if connection.state is not LinkState.CONNECTED:
            raise Conflict(f"connection {connection.id} is {connection.state}")
        await services.signals.renew(connection.id)
        return Accepted(connection=connection.id, action="renew")

    @router.post("/{connection_id}/pull", status_code=202)
    async def pull_from_connection(connection_id: str, module: Module) -> Accepted:
        """Fetch everything of one module from the partner: locations, tariffs or tokens."""
        connection = await get_connection(connection_id)
        if connection.state is not LinkState.CONNECTED:
            raise Conflict(f"connection {connection.id} is {connection.state}")
        if module not in pullable(connection):
            offered = ", ".join(pullable(connection)) or "nothing"
            raise InvalidInput.of("module", f"is not to be pulled from {connection.id}, which offers {offered}")
        await wake(services.signals.pull(connection.id, module.value), f"pull {connection.id}")
        return Accepted(connection=connection.id, action=f"pull {module.value}")

    return router


async def _is_ours_to_begin(services: Services, connection: Connection) -> bool:
    """Whether the partner handed out a token for us to register with."""
    async with services.store.transaction() as unit:
        return await unit.access.has_outbound(connection.id, _HANDED_OUT)


async def _create(
    services: Services, unit: UnitOfWork, afterwards: Afterwards, order: NewConnection
) -> NewConnectionAnswer:
    """Raises AlreadyExists when the id is taken, InvalidInput."""
    for side in order.sides:
        if side not in services.sides:
            raise InvalidInput.of("sides", f"this deployment does not play {side}")
    connection = Connection(
        id=order.id or f"c-{secrets.token_hex(6)}",
        name=order.name,
        our_sides=tuple(dict.fromkeys(order.sides)),
        our_party=services.our_party,
        state=LinkState.PLANNED,
        versions_url=str(order.versions_url) if order.versions_url else None,
    )
    await unit.connections.add(connection)
    if order.mode is Mode.REGISTER:
        if order.token is None or order.versions_url is None:
            raise InvalidInput.of("token" if order.token is None else "versions_url", "is needed to register")
        await unit.access.keep_outbound(connection.id, order.token, request_key=_HANDED_OUT)
        afterwards.do(f"connect {connection.id}", lambda: services.signals.connect(connection.id))
        return NewConnectionAnswer(connection=connection)
    token = await unit.access.issue(connection.id, AccessPurpose.REGISTRATION, "invitation")
    return NewConnectionAnswer(
        connection=connection,
        registration_token=token.get_secret_value(),
        versions_url=services.versions_url,
    )
