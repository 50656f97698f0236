"""Commands: a provider orders at the operator's charge points, and the operator tells what came of it."""

from uuid import uuid4

import pytest

from adapters.contract import Operation, PartnerNotFound, PartnerRejected
from canonical.command import (
    Command,
    CommandAnswer,
    CommandKind,
    CommandOutcome,
    CommandRecord,
    CommandResponse,
    CommandResult,
    CommandState,
)
from tests.conformance import objects
from tests.conformance.rows import over
from tests.conformance.site import World
from tests.conformance.test_locations import owned as owned_location
from tests.conformance.test_sessions import owned as owned_session


def reply_to(world: World, kind: CommandKind, reference: str | None = None) -> str:
    """An address of the provider for the result."""
    module = "chargingprofiles" if kind.about_profile else "commands"
    base = f"{world.provider.services.public_url}/ocpi/{world.version}/sender/{module}"
    return f"{base}/{kind}/{reference or uuid4()}"


async def given(world: World, command: Command) -> CommandRecord:
    """The order as the operator holds it, after it was accepted."""
    response = (await world.by_provider.send_command(command)).value
    assert response.answer is CommandAnswer.ACCEPTED
    async with world.operator.store.transaction() as unit:
        orders = await unit.commands.page(connection_id=World.AT_OPERATOR, ours=False, limit=1000)
    _, record = orders[-1]
    assert (record.command.kind, record.state) == (command.kind, CommandState.ACCEPTED)
    assert record.id in [told[0] for told in world.operator.signals.of("command")]
    return record


async def awaited(world: World, command: Command) -> CommandRecord:
    """An order of the provider's that the operator has accepted: its result is awaited."""
    record = CommandRecord(
        id=str(uuid4()),
        connection_id=World.AT_PROVIDER,
        party=world.operator.party,
        ours=True,
        command=command,
        state=CommandState.ACCEPTED,
        given_at=objects.AT,
        due_at=objects.later(10_000_000),
        response=CommandResponse(answer=CommandAnswer.ACCEPTED, timeout_s=60),
    )
    async with world.provider.store.transaction() as unit:
        await unit.commands.add(record)
    return record


async def outcome(world: World, record: CommandRecord) -> CommandOutcome | None:
    async with world.provider.store.transaction() as unit:
        result = (await unit.commands.get(record.id)).result
    return None if result is None else result.outcome


def reservation(world: World, location_id: str, reservation_id: str) -> Command:
    return Command(
        kind=CommandKind.RESERVE_NOW,
        reply_to=reply_to(world, CommandKind.RESERVE_NOW),
        token=objects.token(),
        location_id=location_id,
        evse_uid="E1",
        reservation_id=reservation_id,
        expires=objects.later(10_000_000),
    )


@over(Operation.START_SESSION)
async def test_a_session_is_started_from_afar(world: World) -> None:
    location, token = await owned_location(world), objects.token()
    command = Command(
        kind=CommandKind.START_SESSION,
        reply_to=reply_to(world, CommandKind.START_SESSION),
        token=token,
        location_id=location.id,
        evse_uid="E1",
    )
    record = await given(world, command)
    assert record.command.token is not None
    assert (record.command.token.uid, record.command.location_id) == (token.uid, location.id)
    nowhere = command.model_copy(update={"location_id": "NOWHERE"})
    with pytest.raises(PartnerRejected):
        await world.by_provider.send_command(nowhere)


@over(Operation.STOP_SESSION)
async def test_a_session_is_stopped_from_afar(world: World) -> None:
    session, kind = await owned_session(world), CommandKind.STOP_SESSION
    command = Command(kind=kind, reply_to=reply_to(world, kind), session_id=session.id)
    assert (await given(world, command)).command.session_id == session.id
    unknown = Command(kind=kind, reply_to=reply_to(world, kind), session_id="NONE")
    answered = (await world.by_provider.send_command(unknown)).value
    assert answered.answer is CommandAnswer.UNKNOWN_SESSION


@over(Operation.RESERVE_NOW)
async def test_a_charge_point_is_reserved(world: World) -> None:
    location = await owned_location(world)
    record = await given(world, reservation(world, location.id, objects.fresh("")))
    assert (record.command.location_id, record.command.evse_uid) == (location.id, "E1")
    with pytest.raises(PartnerRejected):
        await world.by_provider.send_command(reservation(world, "NOWHERE", objects.fresh("")))


@over(Operation.CANCEL_RESERVATION)
async def test_a_reservation_is_cancelled(world: World) -> None:
    location, name, kind = await owned_location(world), objects.fresh(""), CommandKind.CANCEL_RESERVATION
    await given(world, reservation(world, location.id, name))
    record = await given(world, Command(kind=kind, reply_to=reply_to(world, kind), reservation_id=name))
    assert record.command.reservation_id == name
    unknown = Command(kind=kind, reply_to=reply_to(world, kind), reservation_id="0")
    assert (await world.by_provider.send_command(unknown)).value.answer is CommandAnswer.REJECTED


@over(Operation.UNLOCK_CONNECTOR)
async def test_a_connector_is_unlocked(world: World) -> None:
    location, kind = await owned_location(world), CommandKind.UNLOCK_CONNECTOR
    command = Command(
        kind=kind, reply_to=reply_to(world, kind), location_id=location.id, evse_uid="E1", connector_id="2"
    )
    assert (await given(world, command)).command.connector_id == "2"
    with pytest.raises(PartnerRejected):
        await world.by_provider.send_command(command.model_copy(update={"connector_id": "9"}))


@over(Operation.COMMAND_RESULT)
async def test_the_result_of_a_command_arrives(world: World) -> None:
    """The first word counts; where nothing is awaited, there is nothing to tell."""
    kind = CommandKind.STOP_SESSION
    record = await awaited(world, Command(kind=kind, session_id="S1"))
    address = reply_to(world, kind, record.id)
    assert await outcome(world, record) is None
    for word in (CommandOutcome.ACCEPTED, CommandOutcome.REJECTED):
        await world.by_operator.send_result(kind, address, CommandResult(outcome=word))
        assert await outcome(world, record) is CommandOutcome.ACCEPTED
    with pytest.raises(PartnerNotFound):
        await world.by_operator.send_result(kind, reply_to(world, kind), CommandResult(outcome=CommandOutcome.ACCEPTED))
