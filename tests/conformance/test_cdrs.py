"""Charge detail records: listed by the operator, delivered to the provider, and read back there."""

from decimal import Decimal

import pytest

from adapters.contract import Operation, PartnerNotFound, PartnerRejected
from canonical.cdr import Cdr, CdrDossier, Handles, Provenance
from canonical.identity import PartyId
from canonical.money import Price
from tests.conformance import objects
from tests.conformance.rows import over
from tests.conformance.site import World


async def owned(world: World) -> Cdr:
    cdr = objects.cdr()
    dossier = CdrDossier(
        cdr=cdr,
        lines=(),
        handles=Handles(session_id=cdr.session_id, idempotency_key=cdr.object_id.key, billing_record=None),
        provenance=Provenance(adapter="of the tests", protocol_version="none"),
        pricing_policy="of the tests",
        time_zone="Europe/Berlin",
    )
    async with world.operator.store.transaction() as unit:
        await unit.cdrs.add(dossier, connection_id=World.AT_OPERATOR, ours=True, evidence_id=None)
    return cdr


@over(Operation.LIST_CDRS)
async def test_cdrs_are_listed(world: World) -> None:
    cdr = await owned(world)
    page = await world.by_provider.get_page(Cdr)
    assert page.unreadable == ()
    listed = {item.value.object_id.key: item.value for item in page.items}
    assert listed[cdr.object_id.key].total_cost.before_tax == Decimal("5.00")
    assert page.total == len(page.items)


@over(Operation.POST_CDR)
async def test_a_cdr_is_delivered(world: World) -> None:
    """Once, however often it is sent; with other content it is refused, and where it names its owner, a stranger's."""
    cdr = objects.cdr()
    first, again = [await world.by_operator.post_cdr(cdr) for _ in range(2)]
    assert first.url is not None
    assert first.url == again.url
    async with world.provider.store.transaction() as unit:
        stored = await unit.cdrs.get(cdr.object_id, connection_id=World.AT_PROVIDER, ours=False)
    assert stored is not None
    assert stored.dossier.cdr.total_energy_kwh == Decimal(10)
    other = cdr.model_copy(update={"total_cost": Price(currency="EUR", before_tax=Decimal("6.00"))})
    with pytest.raises(PartnerRejected):
        await world.by_operator.post_cdr(other)
    if not world.adapter.routed:
        return
    foreign = objects.cdr().model_copy(update={"owner": PartyId(country_code="FR", party_id="XXX")})
    with pytest.raises(PartnerRejected):
        await world.by_operator.post_cdr(foreign)


@over(Operation.GET_CDR)
async def test_a_delivered_cdr_is_read_back(world: World) -> None:
    cdr = objects.cdr()
    receipt = await world.by_operator.post_cdr(cdr)
    assert receipt.url is not None
    read = (await world.by_operator.get_cdr(receipt.url)).value
    assert (read.object_id.key, read.total_cost.before_tax) == (cdr.object_id.key, Decimal("5.00"))
    with pytest.raises(PartnerNotFound):
        await world.by_operator.get_cdr(f"{receipt.url[:-4]}0000")
