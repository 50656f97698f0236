"""Invoice records: which CDRs an invoice is for, listed by who issued it and told to who has to pay it."""

import pytest

from adapters.contract import Operation, PartnerNotFound, PartnerRejected
from canonical.identity import ObjectId, PartyId
from canonical.invoice_record import InvoiceRecord
from tests.conformance import objects
from tests.conformance.rows import over
from tests.conformance.site import World


def record(**changes: object) -> InvoiceRecord:
    made = InvoiceRecord(
        owner=objects.OPERATOR,
        id=objects.fresh("RECORD"),
        invoice_id="RCO-0001",
        cdr_ids=("CDR-A", "CDR-B"),
        last_updated=objects.AT,
    )
    return made.model_copy(update=changes)


async def copied(world: World) -> InvoiceRecord:
    made = record()
    async with world.provider.store.transaction() as unit:
        await unit.invoice_records.put(made, connection_id=World.AT_PROVIDER, ours=False)
    return made


async def held(world: World, name: ObjectId) -> InvoiceRecord | None:
    async with world.provider.store.transaction() as unit:
        return await unit.invoice_records.get(name, connection_id=World.AT_PROVIDER, ours=False)


@over(Operation.LIST_INVOICE_RECORDS)
async def test_invoice_records_are_listed(world: World) -> None:
    made = record()
    async with world.operator.store.transaction() as unit:
        await unit.invoice_records.put(made, connection_id=World.AT_OPERATOR, ours=True)
    page = await world.by_provider.get_page(InvoiceRecord)
    listed = {item.value.object_id.key: item.value for item in page.items}
    assert listed[made.object_id.key].cdr_ids == ("CDR-A", "CDR-B")
    assert page.total == len(page.items)


@over(Operation.GET_INVOICE_RECORD)
async def test_the_copy_of_an_invoice_record_is_read_back(world: World) -> None:
    made = await copied(world)
    read = (await world.by_operator.get(InvoiceRecord, made.object_id)).value
    assert (read.object_id.key, read.invoice_id) == (made.object_id.key, "RCO-0001")
    with pytest.raises(PartnerNotFound):
        await world.by_operator.get(InvoiceRecord, record().object_id)


@over(Operation.POST_INVOICE_RECORD)
async def test_an_invoice_record_arrives(world: World) -> None:
    made = record()
    await world.by_operator.post_invoice_record(made)
    stored = await held(world, made.object_id)
    assert stored is not None
    assert (stored.invoice_id, stored.cdr_ids) == ("RCO-0001", ("CDR-A", "CDR-B"))
    with pytest.raises(PartnerRejected):
        await world.by_operator.post_invoice_record(record(owner=PartyId(country_code="FR", party_id="XXX")))


@over(Operation.PUT_INVOICE_RECORD)
async def test_a_changed_invoice_record_arrives(world: World) -> None:
    made = await copied(world)
    await world.by_operator.put(made.model_copy(update={"cdr_ids": ("CDR-A",), "last_updated": objects.later(5)}))
    stored = await held(world, made.object_id)
    assert stored is not None
    assert stored.cdr_ids == ("CDR-A",)
    with pytest.raises(PartnerRejected):
        await world.by_operator.put(record(owner=PartyId(country_code="FR", party_id="XXX")))


@over(Operation.DELETE_INVOICE_RECORD)
async def test_an_invoice_record_is_withdrawn(world: World) -> None:
    made = await copied(world)
    await world.by_operator.delete_invoice_record(made.object_id)
    assert await held(world, made.object_id) is None
    with pytest.raises(PartnerNotFound):
        await world.by_operator.delete_invoice_record(record().object_id)
