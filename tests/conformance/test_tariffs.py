"""Tariffs: the operator's, and the provider's copies."""

from decimal import Decimal

import pytest

from adapters.contract import Interface, Operation, PartnerNotFound, PartnerRejected
from canonical.identity import ObjectId, PartyId
from canonical.tariff import Tariff
from tests.conformance import objects
from tests.conformance.rows import over
from tests.conformance.site import World


async def copied(world: World) -> Tariff:
    tariff = objects.tariff()
    async with world.provider.store.transaction() as unit:
        await unit.tariffs.put(tariff, source=World.AT_PROVIDER)
    return tariff


async def held(world: World, name: ObjectId) -> Tariff | None:
    async with world.provider.store.transaction() as unit:
        return await unit.tariffs.get(name, source=World.AT_PROVIDER)


def price(tariff: Tariff | None) -> Decimal:
    assert tariff is not None
    return tariff.elements[0].price_components[0].price


@over(Operation.LIST_TARIFFS)
async def test_tariffs_are_listed(world: World) -> None:
    tariff = objects.tariff(price="0.4500")
    async with world.operator.store.transaction() as unit:
        await unit.tariffs.put(tariff)
    page = await world.by_provider.get_page(Tariff)
    listed = {item.value.object_id.key: item.value for item in page.items}
    assert price(listed[tariff.object_id.key]) == Decimal("0.45")
    assert page.total == len(page.items)


@over(Operation.GET_TARIFF, Interface.RECEIVER)
async def test_the_copy_of_a_tariff_is_read_back(world: World) -> None:
    tariff = await copied(world)
    read = (await world.by_operator.get(Tariff, tariff.object_id)).value
    assert (read.object_id.key, read.currency, price(read)) == (tariff.object_id.key, "EUR", Decimal("0.50"))
    with pytest.raises(PartnerNotFound):
        await world.by_operator.get(Tariff, ObjectId(owner=objects.OPERATOR, id="NONE"))


@over(Operation.PUT_TARIFF)
async def test_a_tariff_arrives(world: World) -> None:
    tariff = objects.tariff()
    await world.by_operator.put(tariff)
    assert price(await held(world, tariff.object_id)) == Decimal("0.50")
    dearer = objects.tariff(tariff.id, price="0.61").model_copy(update={"last_updated": objects.later(5)})
    await world.by_operator.put(dearer)
    assert price(await held(world, tariff.object_id)) == Decimal("0.61")
    foreign = tariff.model_copy(update={"owner": PartyId(country_code="FR", party_id="XXX")})
    with pytest.raises(PartnerRejected):
        await world.by_operator.put(foreign)


@over(Operation.PATCH_TARIFF)
async def test_a_changed_tariff_arrives(world: World) -> None:
    before = await copied(world)
    after = objects.tariff(before.id, price="0.61").model_copy(update={"last_updated": objects.later(5)})
    await world.by_operator.patch(before, after)
    assert price(await held(world, before.object_id)) == Decimal("0.61")
    missing = objects.tariff()
    with pytest.raises(PartnerNotFound):
        await world.by_operator.patch(missing, missing.model_copy(update={"last_updated": objects.later(5)}))


@over(Operation.DELETE_TARIFF)
async def test_a_tariff_is_withdrawn(world: World) -> None:
    tariff = await copied(world)
    await world.by_operator.delete_tariff(tariff.object_id)
    assert await held(world, tariff.object_id) is None
    with pytest.raises(PartnerNotFound):
        await world.by_operator.delete_tariff(tariff.object_id)
