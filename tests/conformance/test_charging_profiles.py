"""Charging profiles and preferences: the provider steers a session of its driver, and hears what it really gets."""

from decimal import Decimal

import pytest

from adapters.contract import Operation, PartnerNotFound
from canonical.charging_profile import (
    ActiveChargingProfile,
    ChargingPreferences,
    ChargingProfile,
    ChargingProfilePeriod,
    ChargingRateUnit,
    PreferencesAnswer,
    ProfileType,
)
from canonical.command import Command, CommandAnswer, CommandKind, CommandOutcome, CommandResult
from canonical.identity import ObjectId
from canonical.session import Session
from tests.conformance import objects
from tests.conformance.rows import over
from tests.conformance.site import World
from tests.conformance.test_commands import awaited, given, outcome, reply_to
from tests.conformance.test_sessions import copied, owned

PROFILE = ChargingProfile(
    rate_unit=ChargingRateUnit.WATT,
    start=objects.AT,
    duration_s=3600,
    periods=(
        ChargingProfilePeriod(start_s=0, limit=Decimal(11000)),
        ChargingProfilePeriod(start_s=1800, limit=Decimal(3700)),
    ),
)
ACTIVE = ActiveChargingProfile(start=objects.AT, profile=PROFILE)


async def steered(world: World) -> Session:
    """A session of the operator's, at a charge point that can be steered."""
    session = await owned(world)
    async with world.operator.store.transaction() as unit:
        await unit.locations.put(objects.location(objects.PLACE))
    return session


def asked(world: World, kind: CommandKind, session: str, **more: object) -> Command:
    return Command(kind=kind, reply_to=reply_to(world, kind), session_id=session, **more)


async def refused(world: World, command: Command) -> None:
    """For a session that is not known."""
    unknown = command.model_copy(update={"session_id": "NONE", "reply_to": reply_to(world, command.kind)})
    assert (await world.by_provider.send_command(unknown)).value.answer is CommandAnswer.UNKNOWN_SESSION


@over(Operation.SET_CHARGING_PROFILE)
async def test_a_profile_is_set(world: World) -> None:
    command = asked(world, CommandKind.SET_CHARGING_PROFILE, (await steered(world)).id, profile=PROFILE)
    record = await given(world, command)
    assert record.command.profile is not None
    assert [p.limit for p in record.command.profile.periods] == [Decimal(11000), Decimal(3700)]
    await refused(world, command)


@over(Operation.CLEAR_CHARGING_PROFILE)
async def test_a_profile_is_cleared(world: World) -> None:
    command = asked(world, CommandKind.CLEAR_CHARGING_PROFILE, (await steered(world)).id)
    assert (await given(world, command)).command.session_id == command.session_id
    await refused(world, command)


@over(Operation.GET_ACTIVE_CHARGING_PROFILE)
async def test_a_profile_is_asked_for(world: World) -> None:
    command = asked(world, CommandKind.GET_ACTIVE_CHARGING_PROFILE, (await steered(world)).id, duration_s=900)
    assert (await given(world, command)).command.duration_s == 900
    await refused(world, command)


async def concluded(world: World, kind: CommandKind, result: CommandResult) -> None:
    """The result arrives, and none arrives where none is awaited."""
    record = await awaited(world, Command(kind=kind, session_id="S1"))
    await world.by_operator.send_result(kind, reply_to(world, kind, record.id), result)
    assert await outcome(world, record) is CommandOutcome.ACCEPTED
    with pytest.raises(PartnerNotFound):
        await world.by_operator.send_result(kind, reply_to(world, kind), result)


@over(Operation.CHARGING_PROFILE_RESULT)
async def test_the_result_of_setting_a_profile_arrives(world: World) -> None:
    await concluded(world, CommandKind.SET_CHARGING_PROFILE, CommandResult(outcome=CommandOutcome.ACCEPTED))


@over(Operation.CHARGING_PROFILE_RESULT)
async def test_the_result_of_clearing_a_profile_arrives(world: World) -> None:
    await concluded(world, CommandKind.CLEAR_CHARGING_PROFILE, CommandResult(outcome=CommandOutcome.ACCEPTED))


@over(Operation.CHARGING_PROFILE_RESULT)
async def test_a_profile_that_was_asked_for_arrives(world: World) -> None:
    result = CommandResult(outcome=CommandOutcome.ACCEPTED, profile=ACTIVE)
    await concluded(world, CommandKind.GET_ACTIVE_CHARGING_PROFILE, result)


@over(Operation.PUT_ACTIVE_CHARGING_PROFILE)
async def test_what_a_session_really_gets_arrives(world: World) -> None:
    session = await copied(world)
    await world.by_operator.push_active_profile(session.object_id, ACTIVE)
    async with world.provider.store.transaction() as unit:
        known = await unit.smart_charging.active(session.object_id, source=World.AT_PROVIDER)
    assert known is not None
    assert known.profile.periods == PROFILE.periods
    with pytest.raises(PartnerNotFound):
        await world.by_operator.push_active_profile(ObjectId(owner=objects.OPERATOR, id="NONE"), ACTIVE)


@over(Operation.SET_CHARGING_PREFERENCES)
async def test_a_drivers_wishes_arrive(world: World) -> None:
    """Where they can be kept; otherwise the provider hears what is missing."""
    session = await steered(world)
    wishes = ChargingPreferences(profile_type=ProfileType.GREEN, departure=objects.later(10_000_000))
    answer = await world.by_provider.set_charging_preferences(session.object_id, wishes)
    async with world.operator.store.transaction() as unit:
        known = await unit.smart_charging.wishes(session.object_id)
    assert (answer, known and known.preferences.profile_type) == (PreferencesAnswer.ACCEPTED, ProfileType.GREEN)
    vague = ChargingPreferences(profile_type=ProfileType.GREEN)
    answer = await world.by_provider.set_charging_preferences(session.object_id, vague)
    assert answer is PreferencesAnswer.DEPARTURE_REQUIRED
    with pytest.raises(PartnerNotFound):
        await world.by_provider.set_charging_preferences(ObjectId(owner=objects.OPERATOR, id="NONE"), wishes)
