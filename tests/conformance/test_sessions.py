"""Sessions: the operator's, and what the provider sees of them while they run."""

from decimal import Decimal

import pytest

from adapters.contract import Interface, Operation, PartnerNotFound, PartnerRejected
from canonical.cdr import BillingContext
from canonical.identity import ObjectId, PartyId
from canonical.session import Session, SessionStatus
from tests.conformance import objects
from tests.conformance.rows import over
from tests.conformance.site import World


async def owned(world: World) -> Session:
    """A session of the operator that is billed over the connection with the provider."""
    session = objects.session()
    context = BillingContext(
        session=session.object_id,
        connection_id=World.AT_OPERATOR,
        charge_point=objects.charge_point(),
        time_zone="Europe/Berlin",
        tariff_at_start=objects.tariff("T1").version(),
        sealed_at=objects.AT,
    )
    async with world.operator.store.transaction() as unit:
        await unit.sessions.put(session)
        await unit.sessions.seal(context)
    return session


async def copied(world: World) -> Session:
    session = objects.session()
    async with world.provider.store.transaction() as unit:
        await unit.sessions.put(session, source=World.AT_PROVIDER)
    return session


async def held(world: World, name: ObjectId) -> Session:
    async with world.provider.store.transaction() as unit:
        found = await unit.sessions.get(name, source=World.AT_PROVIDER)
    assert found is not None
    return found


@over(Operation.LIST_SESSIONS)
async def test_sessions_are_listed(world: World) -> None:
    """Those of the provider's drivers, and nobody else's."""
    session = await owned(world)
    strangers = objects.session()
    async with world.operator.store.transaction() as unit:
        await unit.sessions.put(strangers)
    page = await world.by_provider.get_page(Session, since=objects.AT)
    assert page.unreadable == ()
    listed = {item.value.object_id.key: item.value for item in page.items}
    assert listed[session.object_id.key].energy_kwh == Decimal("1.5")
    assert strangers.object_id.key not in listed


@over(Operation.GET_SESSION, Interface.RECEIVER)
async def test_the_copy_of_a_session_is_read_back(world: World) -> None:
    session = await copied(world)
    read = (await world.by_operator.get(Session, session.object_id)).value
    assert (read.object_id.key, read.energy_kwh, read.status) == (
        session.object_id.key,
        Decimal("1.5"),
        SessionStatus.ACTIVE,
    )
    with pytest.raises(PartnerNotFound):
        await world.by_operator.get(Session, ObjectId(owner=objects.OPERATOR, id="NONE"))


@over(Operation.PUT_SESSION)
async def test_a_session_arrives(world: World) -> None:
    """The provider knows of it, and its process is woken."""
    session = objects.session()
    await world.by_operator.put(session)
    stored = await held(world, session.object_id)
    assert (stored.energy_kwh, stored.status) == (Decimal("1.5"), SessionStatus.ACTIVE)
    assert stored.token.contract_id == session.token.contract_id
    assert session.object_id.key in [told[0] for told in world.provider.signals.of("session_started")]
    foreign = session.model_copy(update={"owner": PartyId(country_code="FR", party_id="XXX")})
    with pytest.raises(PartnerRejected):
        await world.by_operator.put(foreign)


@over(Operation.PATCH_SESSION)
async def test_a_session_goes_on(world: World) -> None:
    """More energy and one more period: the provider holds both periods."""
    before = await copied(world)
    after = before.model_copy(
        update={
            "energy_kwh": Decimal("4.0"),
            "charging_periods": (*before.charging_periods, objects.period(20, "2.5")),
            "last_updated": objects.later(25),
        }
    )
    await world.by_operator.patch(before, after)
    stored = await held(world, before.object_id)
    assert (stored.energy_kwh, len(stored.charging_periods)) == (Decimal("4.0"), 2)
    missing = objects.session()
    with pytest.raises(PartnerNotFound):
        await world.by_operator.patch(missing, missing.model_copy(update={"last_updated": objects.later(25)}))
