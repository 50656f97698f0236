"""Commands: orders to the chargers of our partners, and the orders of partners to ours.

As a provider you give an order and read its result here; as an operator your charging backend finds here what
partners have ordered, carries it out, and says how it went.
"""

from typing import Annotated, Final, Literal
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from adapters.contract import Interface, Module, Operation
from api.contract.authorizations import TokenSelector, party_named
from api.contract.exact_json import ExactRoute
from api.contract.listing import After, Limit, Listed, listed, number
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import Conflict, InvalidInput, UnknownLocation, UnknownObject, UnknownToken
from api.ocpi.addresses import object_url
from api.services import Services
from canonical.command import (
    SENT_WITHIN,
    Command,
    CommandKind,
    CommandOutcome,
    CommandRecord,
    CommandResult,
    CommandState,
)
from canonical.identity import ObjectId, PartyId
from canonical.location import Location
from canonical.model import Identifier, Instant, fold
from canonical.partner import Connection, LinkState, Side
from canonical.session import Session
from canonical.store import UnitOfWork, conclude, tell_result
from canonical.token import Token

_LATER: Final = "2026-03-28T22:00:00Z"
_LIST: Final = "commands"


class OrderBase(BaseModel):
    """An order for the operator behind a connection. `operator` (`DE*ABC`) says which one, behind a hub."""

    model_config = ConfigDict(extra="forbid")

    connection: Identifier
    operator: str | None = Field(default=None, max_length=8, examples=["DE*ABC"])


class StartOrder(OrderBase):
    """Start a session with one of our tokens. The operator needs not know the token."""

    kind: Literal[CommandKind.START_SESSION]
    token: TokenSelector
    location_id: Identifier
    evse_uid: Identifier | None = None
    connector_id: Identifier | None = None
    authorization_reference: Annotated[Identifier | None, Field(description="Ours when left out: the order's id.")] = (
        None
    )


class ReserveOrder(OrderBase):
    """Keep a charging position free until `expires`. The same `reservation_id` again changes the reservation."""

    kind: Literal[CommandKind.RESERVE_NOW]
    token: TokenSelector
    location_id: Identifier
    evse_uid: Identifier | None = None
    reservation_id: Annotated[str, Field(min_length=1, max_length=36)]
    expires: Annotated[Instant, Field(examples=[_LATER])]
    authorization_reference: Identifier | None = None


class CancelOrder(OrderBase):
    kind: Literal[CommandKind.CANCEL_RESERVATION]
    reservation_id: Annotated[str, Field(min_length=1, max_length=36)]


class StopOrder(OrderBase):
    """Stop a session that the operator has told us of."""

    kind: Literal[CommandKind.STOP_SESSION]
    session_id: Identifier


class UnlockOrder(OrderBase):
    """Release a cable that is stuck. Meant for a help desk."""

    kind: Literal[CommandKind.UNLOCK_CONNECTOR]
    location_id: Identifier
    evse_uid: Identifier
    connector_id: Identifier


Order = Annotated[
    StartOrder | ReserveOrder | CancelOrder | StopOrder | UnlockOrder,
    Field(discriminator="kind"),
]

GivenBy = Annotated[
    Literal["us", "partner"] | None,
    Query(description="`us`: what we ordered as a provider; `partner`: what was ordered at our chargers."),
]


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/commands", tags=["commands"], route_class=ExactRoute)

    @router.post("", status_code=202, response_model=CommandRecord)
    async def give_command(order: Order, request: Request, key: IdempotencyKey = None) -> Response:
        """Order something of an operator. It is sent once; its state tells the answer, and the result when it comes.

        REFUSED, UNANSWERED and CONCLUDED are what becomes of it. An outcome TIMEOUT means that nothing was heard in
        time: a session may have started all the same.
        """

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> CommandRecord:
            connection = await operator_on(unit, order.connection)
            operator = operator_named(connection, order.operator)
            command, session = await _command(services, unit, connection, operator, order)
            return await give(services, unit, afterwards, connection, command, operator, session)

        return await Write(services, request, key).do(work, status=202)

    @router.get("")
    async def list_commands(
        connection: Annotated[str | None, Query(max_length=64, description="Only those over this connection.")] = None,
        given_by: GivenBy = None,
        state: Annotated[CommandState | None, Query(description="`ACCEPTED` from a partner waits for you.")] = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Listed[CommandRecord]:
        """Orders of both directions, in the order in which they were given."""
        name = f"{_LIST}/{connection or ''}/{given_by or ''}/{state or ''}"
        async with services.store.transaction() as unit:
            found = await unit.commands.page(
                connection_id=connection,
                ours=None if given_by is None else given_by == "us",
                state=state,
                after=number(name, after) or 0,
                limit=limit + 1,
            )
        page = listed(name, found, limit, lambda each: each[0])
        return Listed(items=tuple(record for _, record in page.items), next=page.next)

    @router.get("/{command_id}")
    async def get_command(command_id: str) -> CommandRecord:
        """One order, and what became of it so far."""
        async with services.store.transaction() as unit:
            return await unit.commands.get(command_id)

    @router.post("/{command_id}/result", response_model=CommandRecord)
    async def conclude_command(
        command_id: str, result: CommandResult, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Say how an order of a partner went. The partner is told, until it has taken it.

        The first result counts. After `due_at` the partner has been told TIMEOUT: a later result is kept as
        `afterword`. A reservation that was made, and that you take back, is told with CANCELED_RESERVATION.
        """

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> CommandRecord:
            return await _conclude(services, unit, afterwards, command_id, result)

        return await Write(services, request, key).do(work)

    return router


async def operator_on(unit: UnitOfWork, connection_id: str) -> Connection:
    """A connection on which an operator can be ordered something. Raises NotFound, Conflict."""
    connection = await unit.connections.get(connection_id)
    if Side.EMSP not in connection.sides or connection.state is not LinkState.CONNECTED:
        raise Conflict(f"connection {connection.id} is not connected to an operator")
    return connection


def operator_named(connection: Connection, text: str | None) -> PartyId:
    """The operator that is meant: the partner itself, unless another one is named. Raises InvalidInput."""
    operator = party_named(text, "operator") or connection.partner_party(Side.EMSP)
    if operator is None:
        raise InvalidInput.of("operator", "is needed: this connection has no operator of its own")
    return operator


async def partners_session(unit: UnitOfWork, connection: Connection, operator: PartyId, session_id: str) -> Session:
    """A session that an operator has told us of. Raises UnknownObject."""
    session = await unit.sessions.get(ObjectId(owner=operator, id=session_id), source=connection.id)
    if session is None:
        raise UnknownObject(f"session {session_id} of {operator} is not known")
    return session


async def give(
    services: Services,
    unit: UnitOfWork,
    afterwards: Afterwards,
    connection: Connection,
    command: Command,
    operator: PartyId,
    session: ObjectId | None,
) -> CommandRecord:
    """Store an order of ours, with an address for its result that nobody can guess, and have it sent.

    Raises Conflict where the partner, or the version that we speak with it, has no such order.
    """
    command_id, now = str(uuid4()), services.clock()
    module = Module.CHARGING_PROFILES if command.kind.about_profile else Module.COMMANDS
    if connection.endpoint(module.value, Interface.RECEIVER.value) is None:
        raise Conflict(f"{connection.name} does not take {module.value}")
    if command.kind.admits and command.authorization_reference is None:
        command = command.model_copy(update={"authorization_reference": command_id})
    record = CommandRecord(
        id=command_id,
        connection_id=connection.id,
        party=operator,
        ours=True,
        command=command,
        state=CommandState.REQUESTED,
        given_at=now,
        due_at=now + SENT_WITHIN,
    )
    reply_to = _reply_address(services, connection, command.kind, command_id)
    await unit.commands.add(record, reply_to=reply_to, session=session)
    afterwards.do(f"command {command_id}", lambda: services.signals.command(command_id, connection.id, ours=True))
    return record


def _reply_address(services: Services, connection: Connection, kind: CommandKind, command_id: str) -> str:
    adapter = services.registry.by_key(connection.adapter or "")
    operation = Operation.CHARGING_PROFILE_RESULT if kind.about_profile else Operation.COMMAND_RESULT
    endpoint = next((each for each in adapter.endpoints if each.operation is operation), None)
    orders = {each.operation.name for each in adapter.endpoints}
    if endpoint is None or kind.name not in orders:
        raise Conflict(f"{kind} is not part of what {connection.name} speaks")
    return object_url(services, adapter, endpoint, kind.value, command_id)


async def _command(
    services: Services, unit: UnitOfWork, connection: Connection, operator: PartyId, order: Order
) -> tuple[Command, ObjectId | None]:
    """The order in the words of the domain, and the session that it is about."""
    match order:
        case StopOrder():
            session = await partners_session(unit, connection, operator, order.session_id)
            return Command(kind=order.kind, session_id=session.id), session.object_id
        case CancelOrder():
            return Command(kind=order.kind, reservation_id=order.reservation_id), None
        case UnlockOrder():
            location = await _location(unit, connection, operator, order.location_id)
            evse_uid, connector_id = _at(location, order.evse_uid, order.connector_id)
            return (
                Command(kind=order.kind, location_id=location.id, evse_uid=evse_uid, connector_id=connector_id),
                None,
            )
        case ReserveOrder():
            location = await _location(unit, connection, operator, order.location_id)
            return (
                Command(
                    kind=order.kind,
                    token=await _token(services, unit, order.token),
                    location_id=location.id,
                    evse_uid=_at(location, order.evse_uid, None)[0],
                    reservation_id=order.reservation_id,
                    expires=order.expires,
                    authorization_reference=order.authorization_reference,
                ),
                None,
            )
        case StartOrder():
            location = await _location(unit, connection, operator, order.location_id)
            evse_uid, connector_id = _at(location, order.evse_uid, order.connector_id)
            return (
                Command(
                    kind=order.kind,
                    token=await _token(services, unit, order.token),
                    location_id=location.id,
                    evse_uid=evse_uid,
                    connector_id=connector_id,
                    authorization_reference=order.authorization_reference,
                ),
                None,
            )


async def _location(unit: UnitOfWork, connection: Connection, operator: PartyId, location_id: str) -> Location:
    location = await unit.locations.get(ObjectId(owner=operator, id=location_id), source=connection.id)
    if location is None:
        raise UnknownLocation(f"location_id: {location_id} of {operator} is not known")
    return location


def _at(location: Location, evse_uid: str | None, connector_id: str | None) -> tuple[str | None, str | None]:
    """EVSE and connector as the operator spells them. The only connector of an EVSE is always named: some need it."""
    if evse_uid is None:
        if connector_id is not None:
            raise InvalidInput.of("connector_id", "means nothing without evse_uid")
        return None, None
    evse = location.evse(evse_uid)
    if evse is None:
        raise UnknownLocation(f"evse_uid: {evse_uid} is not known at this location")
    if connector_id is None:
        return evse.uid, evse.connectors[0].id if len(evse.connectors) == 1 else None
    connector = evse.connector(connector_id)
    if connector is None:
        raise UnknownLocation(f"connector_id: {connector_id} is not known at this EVSE")
    return evse.uid, connector.id


async def _token(services: Services, unit: UnitOfWork, name: TokenSelector) -> Token:
    token = await unit.tokens.get(ObjectId(owner=services.our_party, id=f"{name.type}/{fold(name.uid)}"))
    if token is None:
        raise UnknownToken("token: this token is not one of ours")
    return token


async def _conclude(
    services: Services, unit: UnitOfWork, afterwards: Afterwards, command_id: str, result: CommandResult
) -> CommandRecord:
    record = await unit.commands.get(command_id, lock=True)
    _check_result(record, result)
    if await conclude(unit, record, result, services.clock()):
        await _keep_profile(services, unit, record, result)
        _tell(services, afterwards, record)
    elif result not in (record.result, record.afterword):
        await _add_afterword(services, unit, afterwards, record, result)
    return await unit.commands.get(command_id)


def _check_result(record: CommandRecord, result: CommandResult) -> None:
    """Raises Conflict, InvalidInput."""
    if record.ours:
        raise Conflict("the result of our own order comes from the operator")
    if record.state is CommandState.REFUSED:
        raise Conflict("this order was refused")
    asked = record.command.kind is CommandKind.GET_ACTIVE_CHARGING_PROFILE
    if asked and result.outcome is CommandOutcome.ACCEPTED and result.profile is None:
        raise InvalidInput.of("profile", "is what was asked for")


async def _add_afterword(
    services: Services, unit: UnitOfWork, afterwards: Afterwards, record: CommandRecord, result: CommandResult
) -> None:
    """A late result is kept; a reservation that was made and is taken back is told as well. Raises Conflict."""
    before = record.result.outcome if record.result else None
    cancelled = result.outcome is CommandOutcome.CANCELED_RESERVATION and before is CommandOutcome.ACCEPTED
    cancelled = cancelled and record.command.kind is CommandKind.RESERVE_NOW
    if not cancelled and before is not CommandOutcome.TIMEOUT:
        raise Conflict(f"this order has the result {before}")
    if not await unit.commands.add_afterword(record.id, result, tell=cancelled):
        raise Conflict(f"this order has the result {before} and an afterword")
    if cancelled:
        _tell(services, afterwards, record)
    else:
        await tell_result(unit, record, result, late=True)
        await _keep_profile(services, unit, record, result)


async def _keep_profile(services: Services, unit: UnitOfWork, record: CommandRecord, result: CommandResult) -> None:
    if result.profile is not None and record.command.session_id is not None:
        session = ObjectId(owner=services.our_party, id=record.command.session_id)
        await unit.smart_charging.put_active(session, result.profile, services.clock())


def _tell(services: Services, afterwards: Afterwards, record: CommandRecord) -> None:
    signals, connection_id = services.signals, record.connection_id
    afterwards.do(
        f"command_concluded {record.id}", lambda: signals.command_concluded(record.id, connection_id, ours=False)
    )
