"""Locations, EVSEs and connectors: those of the operator, and the copies that the provider holds of them."""

import pytest

from adapters.contract import Interface, Operation, PartnerNotFound, PartnerRejected
from canonical.identity import ObjectId, PartyId
from canonical.location import Connector, Evse, EvseStatus, Location
from tests.conformance import objects
from tests.conformance.rows import over
from tests.conformance.site import Site, World

SENDER, RECEIVER = Interface.SENDER, Interface.RECEIVER


async def owned(world: World) -> Location:
    """A location of the operator."""
    location = objects.location()
    async with world.operator.store.transaction() as unit:
        await unit.locations.put(location)
    return location


async def copied(world: World) -> Location:
    """A location of the operator that the provider has a copy of."""
    location = objects.location()
    async with world.provider.store.transaction() as unit:
        await unit.locations.put(location, source=World.AT_PROVIDER)
    return location


async def held(site: Site, name: ObjectId) -> Location | None:
    """The provider's copy."""
    async with site.store.transaction() as unit:
        return await unit.locations.get(name, source=World.AT_PROVIDER)


def unknown() -> ObjectId:
    return ObjectId(owner=objects.OPERATOR, id="NOWHERE")


def renamed(location: Location) -> Location:
    return location.model_copy(update={"name": "Am Hafen", "last_updated": objects.later(5)})


def essence(location: Location) -> tuple[object, ...]:
    """What every version says of a location."""
    evses = [(e.uid, e.evse_id, e.status, [c.id for c in e.connectors]) for e in location.evses]
    return (location.object_id.key, location.name, location.address, location.city, location.coordinates, evses)


@over(Operation.LIST_LOCATIONS)
async def test_locations_are_listed(world: World) -> None:
    location = await owned(world)
    page = await world.by_provider.get_page(Location)
    assert page.unreadable == ()
    listed = {item.value.object_id.key: item.value for item in page.items}
    assert essence(listed[location.object_id.key]) == essence(location)
    assert page.total == len(page.items)
    nothing = await world.by_provider.get_page(Location, since=objects.later(100_000_000))
    assert (nothing.items, nothing.total) == ((), 0)


@over(Operation.LIST_LOCATIONS)
async def test_a_list_is_read_to_its_end_page_by_page(world: World) -> None:
    names = {(await owned(world)).object_id.key for _ in range(3)}
    page = await world.by_provider.get_page(Location, limit=1)
    seen = [item.value.object_id.key for item in page.items]
    while page.next_url is not None:
        assert len(page.items) == 1
        page = await world.by_provider.get_page(Location, url=page.next_url)
        seen += [item.value.object_id.key for item in page.items]
    assert names <= set(seen)
    assert len(seen) == len(set(seen)) == page.total


@over(Operation.GET_LOCATION, SENDER)
async def test_a_location_of_the_operator_is_read(world: World) -> None:
    location = await owned(world)
    assert essence((await world.by_provider.get(Location, location.object_id)).value) == essence(location)
    with pytest.raises(PartnerNotFound):
        await world.by_provider.get(Location, unknown())


@over(Operation.GET_EVSE, SENDER)
async def test_an_evse_of_the_operator_is_read(world: World) -> None:
    location = await owned(world)
    read = (await world.by_provider.get_part(Evse, location.object_id, "E2")).value
    assert (read.uid, read.evse_id, read.status) == ("E2", "DE*RCO*E2", EvseStatus.AVAILABLE)
    with pytest.raises(PartnerNotFound):
        await world.by_provider.get_part(Evse, location.object_id, "E9")


@over(Operation.GET_CONNECTOR, SENDER)
async def test_a_connector_of_the_operator_is_read(world: World) -> None:
    location = await owned(world)
    read = (await world.by_provider.get_part(Connector, location.object_id, "E2", "2")).value
    assert (read.id, read.standard, read.power_type) == ("2", "IEC_62196_T2", "AC_3_PHASE")
    with pytest.raises(PartnerNotFound):
        await world.by_provider.get_part(Connector, location.object_id, "E2", "9")


@over(Operation.GET_LOCATION, RECEIVER)
async def test_the_copy_of_a_location_is_read_back(world: World) -> None:
    location = await copied(world)
    assert essence((await world.by_operator.get(Location, location.object_id)).value) == essence(location)
    with pytest.raises(PartnerNotFound):
        await world.by_operator.get(Location, unknown())


@over(Operation.GET_EVSE, RECEIVER)
async def test_the_copy_of_an_evse_is_read_back(world: World) -> None:
    location = await copied(world)
    assert (await world.by_operator.get_part(Evse, location.object_id, "E1")).value.uid == "E1"
    with pytest.raises(PartnerNotFound):
        await world.by_operator.get_part(Evse, location.object_id, "E9")


@over(Operation.GET_CONNECTOR, RECEIVER)
async def test_the_copy_of_a_connector_is_read_back(world: World) -> None:
    location = await copied(world)
    assert (await world.by_operator.get_part(Connector, location.object_id, "E1", "2")).value.id == "2"
    with pytest.raises(PartnerNotFound):
        await world.by_operator.get_part(Connector, location.object_id, "E1", "9")


@over(Operation.PUT_LOCATION)
async def test_a_location_arrives(world: World) -> None:
    location = objects.location()
    first = await world.by_operator.put(location)
    stored = await held(world.provider, location.object_id)
    assert stored is not None
    assert essence(stored) == essence(location)
    again = await world.by_operator.put(
        location.model_copy(update={"name": "Am Hafen", "last_updated": objects.later(5)})
    )
    assert (first.http_status, again.http_status) == (201, 200)
    changed = await held(world.provider, location.object_id)
    assert changed is not None
    assert changed.name == "Am Hafen"


@over(Operation.PUT_LOCATION)
async def test_a_location_of_somebody_else_is_refused(world: World) -> None:
    foreign = objects.location().model_copy(update={"owner": PartyId(country_code="FR", party_id="XXX")})
    with pytest.raises(PartnerRejected):
        await world.by_operator.put(foreign)
    assert await held(world.provider, foreign.object_id) is None


@over(Operation.PATCH_LOCATION)
async def test_a_changed_location_arrives(world: World) -> None:
    before = await copied(world)
    after = renamed(before)
    await world.by_operator.patch(before, after)
    stored = await held(world.provider, before.object_id)
    assert stored is not None
    assert essence(stored) == essence(after)
    missing = objects.location()
    with pytest.raises(PartnerNotFound):
        await world.by_operator.patch(
            missing, missing.model_copy(update={"name": "?", "last_updated": objects.later(5)})
        )


@over(Operation.PUT_EVSE)
async def test_an_evse_arrives(world: World) -> None:
    location = await copied(world)
    third = objects.evse("E3").model_copy(update={"last_updated": objects.later(5)})
    await world.by_operator.put_part(location.object_id, third)
    stored = await held(world.provider, location.object_id)
    assert stored is not None
    assert [e.uid for e in stored.evses] == ["E1", "E2", "E3"]
    assert stored.last_updated == objects.later(5)
    with pytest.raises(PartnerNotFound):
        await world.by_operator.put_part(unknown(), third)


@over(Operation.PATCH_EVSE)
async def test_the_status_of_an_evse_arrives(world: World) -> None:
    before = await copied(world)
    busy = before.evses[0].model_copy(update={"status": EvseStatus.CHARGING, "last_updated": objects.later(5)})
    after = before.model_copy(update={"evses": (busy, before.evses[1]), "last_updated": objects.later(5)})
    await world.by_operator.patch(before, after)
    stored = await held(world.provider, before.object_id)
    assert stored is not None
    assert [e.status for e in stored.evses] == [EvseStatus.CHARGING, EvseStatus.AVAILABLE]
    assert stored.last_updated == objects.later(5)


@over(Operation.PUT_CONNECTOR)
async def test_a_connector_arrives(world: World) -> None:
    location = await copied(world)
    third = objects.connector("3").model_copy(update={"last_updated": objects.later(5)})
    await world.by_operator.put_part(location.object_id, third, "E1")
    stored = await held(world.provider, location.object_id)
    assert stored is not None
    assert [[c.id for c in e.connectors] for e in stored.evses] == [["1", "2", "3"], ["1", "2"]]
    with pytest.raises(PartnerNotFound):
        await world.by_operator.put_part(location.object_id, third, "E9")


@over(Operation.PATCH_CONNECTOR)
async def test_a_changed_connector_arrives(world: World) -> None:
    before = await copied(world)
    at = objects.later(5)
    weaker = before.evses[0].connectors[0].model_copy(update={"max_amperage_a": 16, "last_updated": at})
    evse = before.evses[0].model_copy(
        update={"connectors": (weaker, before.evses[0].connectors[1]), "last_updated": at}
    )
    after = before.model_copy(update={"evses": (evse, before.evses[1]), "last_updated": at})
    await world.by_operator.patch(before, after)
    stored = await held(world.provider, before.object_id)
    assert stored is not None
    assert [c.max_amperage_a for c in stored.evses[0].connectors] == [16, 32]
    assert stored.last_updated == at
