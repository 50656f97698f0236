"""The audit-ready CDR on its way: made out of the store, sent to a partner, and what is kept of both."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.billing import BillingActivities, CdrRef, SessionRef
from activities.delivery import DeliveryActivities
from activities.resources import Resources
from activities.settlement import Claim, SettlementActivities
from activities.sweep import SweepActivities, SweepOrder
from adapters.contract import Interface, Module
from adapters.conversion import VERSION_NUMBERS
from adapters.transport.http import PartnerHttp
from canonical.cdr import Discount, TariffMoment
from canonical.identity import ObjectId
from canonical.money import Price
from canonical.partner import Endpoint
from canonical.session import SessionStatus
from canonical.store import CdrState, Store, StoredCdr
from settlement.agreement import STANDARD, Agreement
from settlement.cdr_generator import credit
from settlement.pricing import PricingPolicy
from tests.adapters.transport.partner import Partner, enveloped, running_partner
from tests.api.recorder import Recorder
from tests.settlement.test_audit_ready import place
from tests.store.samples import at, connection, context, dossier, of, reading, session, tariff
from tests.workflows.test_activities import LOCAL, resources

NO_TAX, NO_LINES, ALL = VERSION_NUMBERS


@pytest_asyncio.fixture
async def partner() -> AsyncIterator[Partner]:
    async with running_partner() as running:
        running.answers["POST", "/cdrs"] = enveloped(headers={"Location": running.url("/cdrs/1")}, http=201)
        yield running


@pytest_asyncio.fixture(params=VERSION_NUMBERS)
async def connected(request: pytest.FixtureRequest, store: Store, partner: Partner) -> AsyncIterator[Resources]:
    """Connected with a partner that speaks one version."""
    async with PartnerHttp(LOCAL) as http:
        made = resources(store, http)
        adapter = made.registry.by_key(f"ocpi-{request.param}/standard")
        url = Endpoint(module=Module.CDRS, interface=Interface.RECEIVER, url=partner.url("/cdrs"))
        linked = {"adapter": adapter.key, "version": adapter.version, "endpoints": (url,)}
        async with store.transaction() as work:
            await work.connections.add(connection().model_copy(update=linked))
            await work.access.keep_outbound("emsp", SecretStr("token-of-the-partner"), request_key="test")
        yield replace(made, clock=lambda: at(90))


@pytest.fixture
def billing(connected: Resources) -> BillingActivities:
    return BillingActivities(connected)


@pytest.fixture
def delivery(connected: Resources) -> DeliveryActivities:
    return DeliveryActivities(connected, Recorder(connected.store))


async def ended(store: Store, *, discounts: tuple[Discount, ...] = ()) -> None:
    """A session of an hour and 10 kWh whose tariff costs 0.50 when it begins, 0.60 when it ends, and more later."""
    over = session(status=SessionStatus.COMPLETED, energy="10").model_copy(update={"end": at(60), "place": place()})
    sealed = context().model_copy(update={"billing_record": "2026/4711", "discounts": discounts})
    async with store.transaction() as work:
        for price, minutes in (("0.50", 0), ("0.60", 30), ("0.70", 70), ("9.99", 600)):
            await work.tariffs.put(tariff(price=price, updated=minutes))
        await work.sessions.put(over)
        await work.sessions.seal(sealed)
        await work.sessions.add_reading(over.object_id, reading(0, "0"))
        await work.sessions.add_reading(over.object_id, reading(60, "10"))


async def billed(store: Store, billing: BillingActivities) -> StoredCdr:
    made = await billing.generate_cdr(SessionRef("DE*RCO/S1", "emsp"))
    assert made.cdr_key, made.reason
    async with store.transaction() as work:
        kept = await work.cdrs.get(ObjectId.parse(made.cdr_key), connection_id="emsp", ours=True)
    assert kept is not None
    return kept


async def send(delivery: DeliveryActivities, sent: ObjectId) -> None:
    await ActivityEnvironment().run(delivery.send_cdr, CdrRef(sent.key, "emsp"))


async def test_tariff_provenance(store: Store, billing: BillingActivities) -> None:
    """Priced by the version of the start, and named are those of the end and of the making: never the newest."""
    await ended(store)
    made = (await billed(store, billing)).dossier
    assert [(each.moment, each.at, each.tariff) for each in made.tariff_moments] == [
        (TariffMoment.SESSION_START, at(0), tariff(price="0.50", updated=0).version()),
        (TariffMoment.SESSION_END, at(60), tariff(price="0.60", updated=30).version()),
        (TariffMoment.CDR_GENERATION, at(90), tariff(price="0.70", updated=70).version()),
    ]
    assert made.cdr.total_cost.before_tax == Decimal("5.00")
    async with store.transaction() as work:
        for each in made.tariff_moments:
            assert (await work.tariffs.version(each.tariff)).version() == each.tariff


async def test_partner_version_provenance(
    store: Store, billing: BillingActivities, delivery: DeliveryActivities, partner: Partner
) -> None:
    await ended(store)
    made = await billed(store, billing)
    name = made.dossier.cdr.object_id
    await send(delivery, name)
    async with store.transaction() as work:
        (sent,) = await work.cdr_deliveries.emissions(name, "emsp")
        (receipt,) = await work.cdr_deliveries.receipts(name, "emsp")
        spoken = await work.connections.get("emsp")
    assert (sent.adapter, sent.version) == (spoken.adapter, spoken.version)
    assert sent.body_sha256 == hashlib.sha256(partner.last.body).hexdigest()
    assert sent.outcome in ("ACCEPTED", "ACCEPTED_WITH_FINDINGS")
    assert (receipt.version_accepted, receipt.outcome, receipt.ocpi_status) == (spoken.version, "ACCEPTED", 1000)
    lost = {finding.where for finding in sent.losses}
    assert {"lines", "tariff_moments", "handles.billing_record", "handles.idempotency_key"} <= lost
    assert ("session_id" in lost) is (spoken.version == NO_TAX)
    assert ("place" in lost) is (spoken.version != NO_TAX)
    assert "remark" not in json.loads(partner.last.body)


async def test_a_refusal_is_kept_with_its_words_and_is_no_receipt(
    store: Store, billing: BillingActivities, delivery: DeliveryActivities, partner: Partner
) -> None:
    await ended(store)
    name = (await billed(store, billing)).dossier.cdr.object_id
    accepts = partner.answers["POST", "/cdrs"]
    partner.answers["POST", "/cdrs"] = enveloped(status_code=2001, message="total_cost is strange", http=400)
    with pytest.raises(Exception, match="total_cost is strange"):
        await send(delivery, name)
    partner.answers["POST", "/cdrs"] = accepts
    await send(delivery, name)
    async with store.transaction() as work:
        receipts = await work.cdr_deliveries.receipts(name, "emsp")
        assert len(await work.cdr_deliveries.emissions(name, "emsp")) == 1  # the same bytes
        stored = await work.cdrs.get(name, ours=True)
    assert [(r.outcome, r.http_status, r.ocpi_status) for r in receipts] == [
        ("REFUSED", 400, 2001),
        ("ACCEPTED", 201, 1000),
    ]
    assert "total_cost is strange" in receipts[0].findings[0].message
    assert stored is not None
    assert stored.state is CdrState.DELIVERED


async def test_what_contradicts_itself_waits_until_somebody_lets_it_out(
    store: Store, delivery: DeliveryActivities, partner: Partner
) -> None:
    sound = dossier()
    asked = Price(currency="EUR", before_tax=Decimal(-5))
    wrong = sound.cdr.model_copy(update={"total_cost": asked, "place": place()})
    name = wrong.object_id
    async with store.transaction() as work:
        await work.cdrs.add(sound.model_copy(update={"cdr": wrong}), connection_id="emsp", ours=True, evidence_id=None)
    for _ in range(2):
        with pytest.raises(ApplicationError, match="its amounts contradict each other"):
            await send(delivery, name)
    assert not partner.seen
    async with store.transaction() as work:
        (case,) = await work.cases.list()
        assert (case.kind, case.subject) == ("cdr-self-check", name.key)
        await work.cases.close(case.id, "agreed by phone", at(91), accepted=True)
    await send(delivery, name)
    async with store.transaction() as work:
        stored = await work.cdrs.get(name, ours=True)
    assert stored is not None
    assert stored.state is CdrState.DELIVERED


async def test_reconciliation_handles(store: Store, billing: BillingActivities) -> None:
    await ended(store)
    first, again = await billed(store, billing), await billed(store, billing)
    assert first.dossier == again.dossier
    handles = first.dossier.handles
    assert (handles.session_id, handles.billing_record) == ("S1", "2026/4711")
    assert len(handles.idempotency_key) == 64


async def test_a_session_is_billed_under_the_agreement_that_held_when_it_began(
    store: Store, billing: BillingActivities
) -> None:
    subscribed = Discount(name="ten-off", percent=Decimal(10))
    await ended(store, discounts=(subscribed,))
    granted = Discount(name="partner", percent=Decimal(20))
    held = Agreement(name="held", pricing=PricingPolicy(name="whole", decimals=0), discounts=(granted,))
    async with store.transaction() as work:
        for terms, minutes in ((held, -10), (STANDARD, 10)):
            await work.agreements.add(
                connection_id="emsp",
                ref=terms.ref,
                document=terms.model_dump_json(),
                agreed_by="Erika Muster",
                valid_from=at(minutes),
            )
    made = (await billed(store, billing)).dossier
    assert (made.agreement, made.pricing_policy) == (held.ref, held.pricing.ref)
    assert made.discounts == (subscribed, granted)
    assert made.cdr.total_cost.before_tax < 5
    assert made.cdr.total_cost.before_tax == made.cdr.total_cost.before_tax.to_integral_value()


async def test_a_credit_is_delivered_and_proved_like_any_cdr(
    store: Store, billing: BillingActivities, delivery: DeliveryActivities, partner: Partner
) -> None:
    await ended(store)
    original = (await billed(store, billing)).dossier
    await send(delivery, original.cdr.object_id)
    taken_back = credit(original, at(100), f"{original.cdr.id}-C")
    name = taken_back.cdr.object_id
    async with store.transaction() as work:
        spoken = await work.connections.get("emsp")
        await work.cdrs.add(taken_back, connection_id="emsp", ours=True, evidence_id=None)
    if spoken.version == NO_TAX:  # it has no word for it; the contract API does not let it come this far
        with pytest.raises(Exception, match="no credit CDRs"):
            await send(delivery, name)
        return
    await send(delivery, name)
    body = json.loads(partner.last.body)
    assert (body["credit"], body["credit_reference_id"]) == (True, original.cdr.id)
    owed = body["total_cost"]["before_taxes" if spoken.version == ALL else "excl_vat"]
    assert (owed, body["total_energy"]) == (-5, 10)
    partner.answers["GET", "/cdrs/1"] = enveloped(body)
    assert await ActivityEnvironment().run(delivery.prove_receipt, CdrRef(name.key, "emsp")) == "PROVED"
    async with store.transaction() as work:
        assert (await work.cdr_deliveries.emissions(name, "emsp"))[0].outcome in ("ACCEPTED", "ACCEPTED_WITH_FINDINGS")
        assert await work.cases.list() == ()


async def test_a_credit_of_a_later_month_is_on_the_statement_of_that_month(store: Store) -> None:
    made = replace(resources(store), clock=lambda: at(0))
    settlement = SettlementActivities(made, Recorder(store))
    async with store.transaction() as work:
        await work.connections.add(connection())
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
    first = await settlement.claim(Claim("emsp", "2026-03"))
    in_may = at(0) + timedelta(days=40)
    async with store.transaction() as work:
        await work.cdrs.add(credit(dossier(), in_may, "C1-C"), connection_id="emsp", ours=True, evidence_id=None)
    later = await settlement.claim(Claim("emsp", "2026-05"))
    assert "5.00" in first.text
    assert "-5.00" in later.text
    assert (await settlement.claim(Claim("emsp", "2026-04"))).statement_id is None


async def test_a_credit_of_a_month_that_is_claimed_already_is_for_a_person(
    store: Store, delivery: DeliveryActivities, partner: Partner
) -> None:
    async with store.transaction() as work:
        if (await work.connections.get("emsp")).version == NO_TAX:
            pytest.skip("this version has no credit CDRs")
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
    await send(delivery, of("C1"))
    await SettlementActivities(resources(store), Recorder(store)).claim(Claim("emsp", "2026-03"))
    async with store.transaction() as work:
        await work.cdrs.add(credit(dossier(), at(90), "C1-C"), connection_id="emsp", ours=True, evidence_id=None)
    await send(delivery, of("C1-C"))
    async with store.transaction() as work:
        late = [case.subject for case in await work.cases.list() if case.kind == "cdr-late"]
    assert late == ["DE*RCO/C1-C"]


async def test_the_sweep_has_a_cdr_and_a_credit_delivered_that_nobody_was_told_of(store: Store) -> None:
    async with store.transaction() as work:
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
        await work.cdrs.add(credit(dossier(), at(90), "C1-C"), connection_id="emsp", ours=True, evidence_id=None)
    ear = Recorder(store)
    assert (await SweepActivities(resources(store), ear).wake_unattended(SweepOrder())).cdrs == 2
    assert ear.of("delivery_due") == [(of("C1").key, "emsp"), (of("C1-C").key, "emsp")]
