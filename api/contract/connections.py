"""Connections to partners: invite one, or register with one; see where each stands."""

import secrets
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from activities.partner_link import calls_to, pullable
from adapters.contract import Module, PartnerRejected
from api.contract.exact_json import ExactRoute
from api.contract.listing import After, Limit, Listed, listed, position
from api.contract.writing import Afterwards, IdempotencyKey, Signal, Write
from api.errors import Conflict, InvalidInput
from api.services import Services
from canonical.model import fold
from canonical.partner import Connection, LinkState, Side
from canonical.store import AccessPurpose, RolesRefused, UnitOfWork, with_roles

_LIST = "connections"
_HANDED_OUT = "handed-out"
"""Names the token that came from the partner out of band."""

ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Mode(StrEnum):
    """Who begins the handshake: the partner, with a token from us, or we, with a token from the partner."""

    INVITE = "invite"
    REGISTER = "register"


class Reopening(BaseModel):
    """Who begins. `versions_url` and `token` come from the partner, for `register` only."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    mode: Mode
    versions_url: AnyHttpUrl | None = None
    token: SecretStr | None = None


class NewConnection(Reopening):
    """A connection to make."""

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
    router = APIRouter(prefix="/connections", tags=["connections"], route_class=ExactRoute)

    @router.post("", status_code=201, response_model=NewConnectionAnswer)
    async def create_connection(order: NewConnection, request: Request, key: IdempotencyKey = None) -> Response:
        """Invite a partner, or register with one. The handshake goes on by itself from here."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> NewConnectionAnswer:
            return await _create(services, unit, afterwards, order)

        return await Write(services, request, key).do(work, status=201)

    @router.get("")
    async def list_connections(after: After = None, limit: Limit = 100) -> Listed[Connection]:
        """All connections, with their state, in the order of their ids."""
        async with services.store.transaction() as unit:
            found = await unit.connections.page(after=position(_LIST, after) or "", limit=limit + 1)
        return listed(_LIST, found, limit, lambda connection: fold(connection.id))

    @router.get("/{connection_id}")
    async def get_connection(connection_id: str) -> Connection:
        """One connection, with its state."""
        async with services.store.transaction() as unit:
            return await unit.connections.get(connection_id)

    @router.post("/{connection_id}/nudge", status_code=202, response_model=Accepted)
    async def nudge_connection(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Do now what waits for its next attempt. A registration of ours that was given up is begun again."""
        connection = await get_connection(connection_id)

        async def work(_unit: UnitOfWork, _afterwards: Afterwards) -> Accepted:
            begun = connection.state in (LinkState.PLANNED, LinkState.REGISTERING)
            if begun and await _is_ours_to_begin(services, connection):
                await services.signals.connect(connection.id)
            await services.signals.nudge(connection.id)
            return Accepted(connection=connection.id, action="nudge")

        return await Write(services, request, key).do(work, status=202)

    @router.post("/{connection_id}/renew", status_code=202, response_model=Accepted)
    async def renew_credentials(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Exchange new tokens with a partner, in both directions. The old ones live until the new ones are used."""
        connection = await get_connection(connection_id)
        _check_connected(connection)

        async def work(_unit: UnitOfWork, _afterwards: Afterwards) -> Accepted:
            await services.signals.renew(connection.id)
            return Accepted(connection=connection.id, action="renew")

        return await Write(services, request, key).do(work, status=202)

    @router.post("/{connection_id}/refresh", response_model=Connection)
    async def refresh_roles(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Ask the partner now whom it speaks for. The parties of a hub come and go, and it does not tell of each."""
        connection = await get_connection(connection_id)
        _check_connected(connection)
        calls = await calls_to(services.store, services.registry, connection)
        theirs = await calls.get_credentials()

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> Connection:
            try:
                stored = await unit.connections.get(connection.id, lock=True)
                changed = await with_roles(unit.connections, stored, theirs.roles, theirs.hub_party)
            except RolesRefused as error:
                raise PartnerRejected(f"the partner's roles are refused: {error}") from None
            await unit.connections.save(changed)
            return changed

        return await Write(services, request, key).do(work)

    @router.post("/{connection_id}/suspend", response_model=Connection)
    async def suspend_connection(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Shut the door to a partner for a while: its requests are refused, and we make none. Nothing is forgotten."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Connection:
            connection = await _move(unit, connection_id, LinkState.CONNECTED, LinkState.SUSPENDED)
            afterwards.do(f"arrange {connection.id}", _arrange(services, connection))
            return connection

        return await Write(services, request, key).do(work)

    @router.post("/{connection_id}/resume", response_model=Connection)
    async def resume_connection(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Open the door again, push what has waited, and fetch what the partner has changed meanwhile."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Connection:
            connection = await _move(unit, connection_id, LinkState.SUSPENDED, LinkState.CONNECTED)
            afterwards.do(f"arrange {connection.id}", _arrange(services, connection))
            afterwards.do(f"feed {connection.id}", lambda: services.signals.feed(connection.id))
            afterwards.do("deliveries", services.signals.deliveries_due)
            for module in pullable(connection):
                afterwards.do(f"pull {module} {connection.id}", _pull(services, connection, module))
            return connection

        return await Write(services, request, key).do(work)

    @router.delete("/{connection_id}", response_model=Connection)
    async def end_connection(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """End the registration with a partner. It is refused from now on, and told; then all tokens are destroyed.

        What was exchanged stays.
        """

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Connection:
            connection = await unit.connections.get(connection_id, lock=True)
            if connection.state is not LinkState.UNREGISTERED:
                connection = connection.model_copy(update={"state": LinkState.UNREGISTERED})
                await unit.connections.save(connection)
            afterwards.do(f"arrange {connection.id}", _arrange(services, connection))
            afterwards.do(f"give up {connection.id}", lambda: services.signals.give_up(connection.id))
            afterwards.do(f"unregister {connection.id}", lambda: services.signals.unregister(connection.id))
            return connection

        return await Write(services, request, key).do(work)

    @router.post("/{connection_id}/reopen", response_model=NewConnectionAnswer)
    async def reopen_connection(
        connection_id: str, order: Reopening, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Begin anew with a partner whose registration has ended, or that has lost its own state."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> NewConnectionAnswer:
            connection = await unit.connections.get(connection_id, lock=True)
            if connection.state is not LinkState.UNREGISTERED or await unit.access.can_call(connection.id):
                raise Conflict(f"connection {connection.id} is {connection.state}, or the partner is still being told")
            connection = connection.model_copy(
                update={
                    "state": LinkState.PLANNED,
                    "versions_url": str(order.versions_url) if order.versions_url else None,
                    "version": None,
                    "adapter": None,
                    "endpoints": (),
                    "connected_at": None,
                }
            )
            await unit.connections.save(connection)
            return await _begin(services, unit, afterwards, connection, order)

        return await Write(services, request, key).do(work)

    @router.post("/{connection_id}/pull", status_code=202, response_model=Accepted)
    async def pull_from_connection(
        connection_id: str, module: Module, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Fetch everything of one module from the partner: locations, tariffs or tokens."""
        connection = await get_connection(connection_id)
        _check_connected(connection)
        if module not in pullable(connection):
            offered = ", ".join(pullable(connection)) or "nothing"
            raise InvalidInput.of("module", f"is not to be pulled from {connection.id}, which offers {offered}")

        async def work(_unit: UnitOfWork, afterwards: Afterwards) -> Accepted:
            afterwards.do(f"pull {module} {connection.id}", _pull(services, connection, module))
            return Accepted(connection=connection.id, action=f"pull {module.value}")

        return await Write(services, request, key).do(work, status=202)

    return router


def _check_connected(connection: Connection) -> None:
    if connection.state is not LinkState.CONNECTED:
        raise Conflict(f"connection {connection.id} is {connection.state}")


async def _move(unit: UnitOfWork, connection_id: str, before: LinkState, after: LinkState) -> Connection:
    """Change a connection's state; a repeat finds it changed. Raises Conflict where it is in another state."""
    connection = await unit.connections.get(connection_id, lock=True)
    if connection.state not in (before, after):
        raise Conflict(f"connection {connection.id} is {connection.state}")
    connection = connection.model_copy(update={"state": after})
    await unit.connections.save(connection)
    return connection


def _arrange(services: Services, connection: Connection) -> Signal:
    return lambda: services.signals.arrange(connection.id, connection.state)


def _pull(services: Services, connection: Connection, module: Module) -> Signal:
    return lambda: services.signals.pull(connection.id, module.value)


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
    return await _begin(services, unit, afterwards, connection, order)


async def _begin(
    services: Services, unit: UnitOfWork, afterwards: Afterwards, connection: Connection, order: Reopening
) -> NewConnectionAnswer:
    """Have a handshake begun, by us or by the partner. Raises InvalidInput."""
    if order.mode is Mode.REGISTER:
        if order.token is None or order.versions_url is None:
            raise InvalidInput.of("token" if order.token is None else "versions_url", "is needed to register")
        await unit.access.keep_outbound(connection.id, order.token, request_key=_HANDED_OUT)
        afterwards.do(f"connect {connection.id}", lambda: services.signals.connect(connection.id))
        return NewConnectionAnswer(connection=connection)
    token = await unit.access.issue(connection.id, AccessPurpose.REGISTRATION, f"invitation-{secrets.token_hex(8)}")
    return NewConnectionAnswer(
        connection=connection,
        registration_token=token.get_secret_value(),
        versions_url=services.versions_url,
    )
