"""Activities on the real store: repeated, they do nothing twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from temporalio.testing import ActivityEnvironment

from activities.billing import BillingActivities, CdrRef, SessionRef
from activities.delivery import DeliveryActivities
from activities.handshake import Exchange, HandshakeActivities
from activities.resources import Resources, SettlementTerms, Us
from activities.settlement import Claim, InvoiceOrder, SettlementActivities, StatementRef
from activities.sweep import PENDING_FOR, SweepActivities, SweepOrder, Swept
from adapters.contract import Interface, Module
from adapters.registry import build_registry
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.http import PartnerHttp
from canonical.partner import Endpoint, Side
from canonical.session import SessionStatus
from canonical.settlement import ItemOutcome, ReconciledItem
from canonical.store import AccessPurpose, CdrState, DeliveryState, OutboxAction, Store
from settlement.pricing.policy import DEFAULT_POLICY
from settlement.statement import item
from settlement.vat import VatTreatment
from tests.adapters.transport.partner import Partner, enveloped, running_partner
from tests.api.recorder import Recorder
from tests.store.samples import (
    CPO,
    EMSP,
    T0,
    at,
    cdr,
    connection,
    context,
    dossier,
    reading,
    report,
    session,
    statement,
    tariff,
)

LOCAL = AddressPolicy(allow_http=True, allow_private=True)
MONTH = "2026-03"


def resources(store: Store, http: PartnerHttp | None = None) -> Resources:
    """What a worker's activities get, with the clock an hour after the last of the samples, or later."""
    return Resources(
        store=store,
        registry=build_registry(http),
        http=cast(PartnerHttp, http),
        us=Us(CPO, "Rco", frozenset({Side.CPO}), "https://roam.example"),
        policy=DEFAULT_POLICY,
        terms=SettlementTerms(ZoneInfo("Europe/Berlin"), Decimal("0.00"), VatTreatment.REVERSE_CHARGE),
        clock=lambda: at(24 * 60 * 365),
    )


@pytest_asyncio.fixture
async def partner() -> AsyncIterator[Partner]:
    async with running_partner() as running:
        yield running


@pytest_asyncio.fixture
async def connected(store: Store, partner: Partner) -> AsyncIterator[Resources]:
    async with PartnerHttp(LOCAL) as http:
        made = resources(store, http)
        adapter = made.registry.by_key("ocpi-2.2.1/standard")
        url = Endpoint(module=Module.CDRS, interface=Interface.RECEIVER, url=partner.url("/cdrs"))
        linked = {"adapter": adapter.key, "version": adapter.version, "endpoints": (url,)}
        async with store.transaction() as work:
            await work.connections.add(connection().model_copy(update=linked))
            await work.access.keep_outbound("emsp", SecretStr("token-of-the-partner"), request_key="test")
        yield made


@pytest.fixture
def billing(connected: Resources) -> BillingActivities:
    return BillingActivities(connected)


@pytest.fixture
def delivery(connected: Resources) -> DeliveryActivities:
    return DeliveryActivities(connected, Recorder(connected.store))


async def ended_session(store: Store) -> None:
    async with store.transaction() as work:
        await work.tariffs.put(tariff())
        ended = session(status=SessionStatus.COMPLETED, energy="10").model_copy(update={"end": at(60)})
        await work.sessions.put(ended)
        await work.sessions.seal(context())
        await work.sessions.add_reading(ended.object_id, reading(0, "0"))
        await work.sessions.add_reading(ended.object_id, reading(60, "10"))


async def test_a_session_becomes_one_cdr_however_often_it_is_billed(store: Store, billing: BillingActivities) -> None:
    await ended_session(store)
    ref = SessionRef("DE*RCO/S1", "emsp")
    first, second = await billing.generate_cdr(ref), await billing.generate_cdr(ref)
    assert first == second
    assert first.cdr_key is not None
    async with store.transaction() as work:
        (only,) = await work.cdrs.by_session("S1", connection_id="emsp", ours=True)
        assert only.dossier.cdr.total_cost.before_tax == Decimal("5.00")
        assert await work.sessions.unconcluded(at(10**6)) == ()


async def test_what_was_never_started_is_a_case_and_no_cdr(store: Store, billing: BillingActivities) -> None:
    async with store.transaction() as work:
        await work.sessions.put(session(status=SessionStatus.COMPLETED))
    billed = await billing.generate_cdr(SessionRef("DE*RCO/S1", "emsp"))
    assert billed.cdr_key is None
    assert billed.needs_person
    async with store.transaction() as work:
        (case,) = await work.cases.list()
    assert case.kind == "session-unbillable"


async def test_a_cdr_with_a_receipt_is_not_sent_again(
    store: Store, delivery: DeliveryActivities, partner: Partner
) -> None:
    partner.answers["POST", "/cdrs"] = enveloped(headers={"Location": partner.url("/cdrs/1")}, http=201)
    async with store.transaction() as work:
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
    ref = CdrRef(cdr().object_id.key, "emsp")
    for _ in range(2):
        await ActivityEnvironment().run(delivery.send_cdr, ref)
    assert len(partner.seen) == 1
    async with store.transaction() as work:
        (receipt,) = await work.cdr_deliveries.receipts(cdr().object_id, "emsp")
        stored = await work.cdrs.get(cdr().object_id, connection_id="emsp", ours=True)
    assert (receipt.http_status, receipt.url, receipt.proved) == (201, partner.url("/cdrs/1"), False)
    assert stored is not None
    assert stored.state is CdrState.DELIVERED


@pytest.mark.parametrize(
    "inside",
    [
        "http://partner.example/ocpi/versions",
        "https://127.0.0.1/ocpi/versions",
        "https://[::ffff:10.0.0.1]/ocpi/versions",
        "https://169.254.169.254/latest/meta-data",
        "https://user:secret@partner.example/ocpi/versions",
    ],
)
async def test_a_partner_that_registers_with_an_address_inside_is_told_3001(store: Store, inside: str) -> None:
    async with store.transaction() as work:
        await work.connections.add(connection().model_copy(update={"versions_url": inside, "adapter": None}))
        await work.access.keep_outbound("emsp", SecretStr("token-of-the-partner"), request_key="test")
    async with PartnerHttp(AddressPolicy()) as http:
        handshake = HandshakeActivities(resources(store, http))
        answer = await ActivityEnvironment().run(handshake.answer_registration, Exchange("emsp", "once"))
    assert (answer.accepted, answer.ocpi_status) == (False, 3001)
    async with store.transaction() as work:
        assert await work.access.live("emsp", AccessPurpose.ACCESS) is None
    assert "secret" not in answer.message
    assert "token-of-the-partner" not in answer.message


async def test_a_partner_does_not_learn_what_a_name_means_to_us(store: Store) -> None:
    async def inside(host: str, _: int) -> tuple[str, ...]:
        return ("10.20.30.40",)

    url = "https://intranet.example/ocpi/versions"
    async with store.transaction() as work:
        await work.connections.add(connection().model_copy(update={"versions_url": url, "adapter": None}))
        await work.access.keep_outbound("emsp", SecretStr("token-of-the-partner"), request_key="test")
    async with PartnerHttp(AddressPolicy(), resolver=inside) as http:
        handshake = HandshakeActivities(resources(store, http))
        answer = await ActivityEnvironment().run(handshake.answer_registration, Exchange("emsp", "once"))
    assert (answer.accepted, answer.ocpi_status) == (False, 3001)
    assert "10.20.30.40" not in answer.message
    assert "private" in answer.message


async def test_a_partner_that_keeps_us_waiting_is_told_3001_while_it_still_listens(
    store: Store, partner: Partner
) -> None:
    closing = asyncio.Event()

    async def silent(_: Request) -> Response:
        await closing.wait()
        return enveloped([])

    partner.answers["GET", "/versions"] = silent
    async with store.transaction() as work:
        theirs = {"versions_url": partner.url("/versions"), "adapter": None}
        await work.connections.add(connection().model_copy(update=theirs))
        await work.access.keep_outbound("emsp", SecretStr("token-of-the-partner"), request_key="test")
    async with PartnerHttp(LOCAL) as http:
        handshake = HandshakeActivities(resources(store, http), called_back_within_s=0.2)
        answer = await ActivityEnvironment().run(handshake.answer_registration, Exchange("emsp", "once"))
    closing.set()
    assert (answer.accepted, answer.ocpi_status) == (False, 3001)
    assert "within 0.2 s" in answer.message
    async with store.transaction() as work:
        assert await work.access.live("emsp", AccessPurpose.ACCESS) is None


@pytest.mark.parametrize(
    ("held", "outcome", "cases"),
    [
        ({}, "PROVED", []),
        ({"id": "c1", "remark": "thank you"}, "PROVED", []),
        ({"total_cost": {"excl_vat": 5.01}}, "DIFFERENT", ["receipt-differs"]),
        ({"total_energy": 11}, "DIFFERENT", ["receipt-differs"]),
    ],
)
async def test_a_receipt_proves_what_money_hangs_on(
    store: Store,
    delivery: DeliveryActivities,
    partner: Partner,
    held: dict[str, object],
    outcome: str,
    cases: list[str],
) -> None:
    partner.answers["POST", "/cdrs"] = enveloped(headers={"Location": partner.url("/cdrs/1")}, http=201)
    async with store.transaction() as work:
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
    ref = CdrRef(cdr().object_id.key, "emsp")
    await ActivityEnvironment().run(delivery.send_cdr, ref)
    partner.answers["GET", "/cdrs/1"] = enveloped({**json.loads(partner.last.body), **held})
    assert await ActivityEnvironment().run(delivery.prove_receipt, ref) == outcome
    async with store.transaction() as work:
        assert [case.kind for case in await work.cases.list()] == cases
        assert (await work.cdr_deliveries.receipts(cdr().object_id, "emsp"))[-1].proved is (outcome == "PROVED")


async def test_a_refused_cdr_is_a_case_and_not_repeated(
    store: Store, delivery: DeliveryActivities, partner: Partner
) -> None:
    partner.answers["POST", "/cdrs"] = enveloped(status_code=2001, message="no", http=200)
    async with store.transaction() as work:
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
    with pytest.raises(Exception, match="no") as failure:
        await ActivityEnvironment().run(delivery.send_cdr, CdrRef(cdr().object_id.key, "emsp"))
    assert failure.value.non_retryable
    assert failure.value.type == DeliveryState.PARKED
    async with store.transaction() as work:
        (case,) = await work.cases.list()
        (answer,) = await work.cdr_deliveries.receipts(cdr().object_id, "emsp")
        assert (answer.outcome, answer.ocpi_status, answer.version_accepted) == ("REFUSED", 2001, None)
    assert case.kind == "cdr-refused"


async def test_the_record_of_an_invoice_wakes_the_partners_feed(store: Store, connected: Resources) -> None:
    ear = Recorder(store)
    settlement = SettlementActivities(connected, ear)
    adapter = connected.registry.by_key("ocpi-2.3.0/standard")
    async with store.transaction() as work:
        newest = {"adapter": adapter.key, "version": adapter.version}
        await work.connections.save((await work.connections.get("emsp")).model_copy(update=newest))
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
    claimed = await settlement.claim(Claim("emsp", MONTH))
    agreed = ReconciledItem(cdr=cdr().object_id, outcome=ItemOutcome.AGREED)
    verdict = {"statement_id": claimed.statement_id, "items": (agreed,), "checked_by": EMSP}
    async with store.transaction() as work:
        await work.settlement.save_report(report().model_copy(update=verdict))
    await settlement.invoice(InvoiceOrder("emsp", MONTH, approved_by="A. Finance"))
    assert ear.of("feed") == [("emsp",)]


async def test_invoices_are_numbered_without_a_gap_and_a_repeat_is_the_same(
    store: Store, billing: BillingActivities
) -> None:
    settlement = SettlementActivities(resources(store), Recorder(store))
    async with store.transaction() as work:
        await work.cdrs.add(dossier(), connection_id="emsp", ours=True, evidence_id=None)
        april = cdr("C2", session_id="S2").model_copy(
            update={"start": T0 + timedelta(days=20), "end": at(60 * 24 * 20)}
        )
        await work.cdrs.add(dossier(april), connection_id="emsp", ours=True, evidence_id=None)
    numbers = []
    for month, record in ((MONTH, cdr()), ("2026-04", april)):
        claimed = await settlement.claim(Claim("emsp", month))
        assert claimed == await settlement.claim(Claim("emsp", month))
        assert claimed.statement_id is not None
        agreed = ReconciledItem(cdr=record.object_id, outcome=ItemOutcome.AGREED)
        verdict = report().model_copy(update={"statement_id": claimed.statement_id, "items": (agreed,)})
        async with store.transaction() as work:
            await work.settlement.save_report(verdict.model_copy(update={"checked_by": EMSP}))
        order = InvoiceOrder("emsp", month, approved_by="A. Finance")
        numbers += [await settlement.invoice(order), await settlement.invoice(order)]
    first, again, second, again_second = numbers
    assert (first, second) == (again, again_second)
    assert int(second.rpartition("-")[2]) == int(first.rpartition("-")[2]) + 1
    async with store.transaction() as work:
        assert len(await work.ledger.entries()) == 2
        assert len(await work.settlement.files(first)) == 3


@pytest.mark.parametrize(
    ("accepted", "outcome"), [(True, ItemOutcome.AGREED), (False, ItemOutcome.DISPUTED), (None, ItemOutcome.DISPUTED)]
)
async def test_a_quarantined_cdr_is_agreed_to_only_when_a_person_accepted_it(
    store: Store, accepted: bool | None, outcome: ItemOutcome
) -> None:
    provider = replace(resources(store), us=Us(EMSP, "Rem", frozenset({Side.EMSP}), "https://roam.example"))
    received = dossier(cdr().model_copy(update={"total_energy_cost": cdr().total_cost}))
    claim = statement().model_copy(update={"items": (item(received),)})
    async with store.transaction() as work:
        await work.connections.add(connection())
        await work.cdrs.add(received, connection_id="emsp", ours=False, evidence_id=None)
        await work.settlement.save_statement(claim, "emsp")
    verdict = await BillingActivities(provider).check_cdr(CdrRef(received.cdr.object_id.key, "emsp"))
    assert (verdict.state, verdict.needs_person) == ("QUARANTINED", True)  # its tariff is known to nobody
    async with store.transaction() as work:
        (case,) = await work.cases.list()
        if accepted is not None:
            await work.cases.close(case.id, "agreed by phone", at(90), accepted=accepted)
    await SettlementActivities(provider, Recorder(store)).reconcile(StatementRef("emsp", claim.id))
    async with store.transaction() as work:
        kept = await work.settlement.report(claim.id, EMSP)
    assert kept is not None
    assert [verdict.outcome for verdict in kept.items] == [outcome], kept.items


async def test_a_cdr_that_comes_after_its_months_statement_is_a_case(store: Store, billing: BillingActivities) -> None:
    settlement = SettlementActivities(resources(store), Recorder(store))
    async with store.transaction() as work:
        await work.cdrs.add(dossier(cdr("C9", session_id="S9")), connection_id="emsp", ours=True, evidence_id=None)
    await settlement.claim(Claim("emsp", MONTH))
    await ended_session(store)
    await billing.generate_cdr(SessionRef(session().object_id.key, "emsp"))
    async with store.transaction() as work:
        assert [case.kind for case in await work.cases.list()] == ["cdr-late"]


async def test_the_sweep_wakes_what_nobody_looks_after(
    store: Store, billing: BillingActivities, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ended_session(store)
    theirs = cdr("C9", session_id="S9")
    async with store.transaction() as work:
        await work.cdrs.add(dossier(theirs), connection_id="emsp", ours=False, evidence_id=None)
        await work.outbox.add("emsp", "tariffs", tariff().object_id.key, OutboxAction.PUT)
    ear = Recorder(store)
    sweep = SweepActivities(resources(store), ear)
    assert (await sweep.wake_unattended(SweepOrder())).feeds == 0  # it was added just now, whatever our clock says
    monkeypatch.setattr("activities.sweep.GRACE", -timedelta(seconds=1))
    assert await sweep.wake_unattended(SweepOrder(recent_s=600)) == Swept(0, 0, 1)  # by its clock that was long ago
    ear.told.clear()
    swept = await sweep.wake_unattended(SweepOrder())
    assert (swept.sessions, swept.cdrs, swept.feeds) == (1, 1, 1)
    assert ear.of("session_changed") == [("DE*RCO/S1", "emsp", Side.CPO, SessionStatus.COMPLETED)]
    assert ear.of("cdr_received") == [(theirs.object_id.key, "S9", "emsp")]
    assert ear.of("feed") == [("emsp",)]


async def test_a_session_that_never_began_does_not_pend_for_ever(store: Store, billing: BillingActivities) -> None:
    pending = session(status=SessionStatus.PENDING, energy="0")
    charged = session("S2", status=SessionStatus.PENDING, energy="1.5")
    async with store.transaction() as work:
        for each in (pending, charged):
            await work.sessions.put(each)
            await work.sessions.seal(context().model_copy(update={"session": each.object_id}))
    ear, now = Recorder(store), datetime.now(UTC)
    waiting = SweepActivities(replace(resources(store), clock=lambda: now + PENDING_FOR / 2), ear)
    assert (await waiting.wake_unattended(SweepOrder())).invalid == 0
    sweep = SweepActivities(replace(resources(store), clock=lambda: now + PENDING_FOR * 2), ear)
    assert (await sweep.wake_unattended(SweepOrder(recent_s=600))).invalid == 0  # seldom is often enough
    assert [(await sweep.wake_unattended(SweepOrder())).invalid for _ in range(2)] == [1, 0]
    assert ear.of("session_changed") == [("DE*RCO/S1", "emsp", Side.CPO, SessionStatus.INVALID)]
    async with store.transaction() as work:
        ended = await work.sessions.get(pending.object_id)
        assert ended is not None
        assert (ended.status, ended.end) == (SessionStatus.INVALID, now + PENDING_FOR * 2)
        assert await work.sessions.get(charged.object_id) == charged
        assert [entry.object_key for entry in await work.outbox.pending("emsp", 10)] == ["DE*RCO/S1"]
