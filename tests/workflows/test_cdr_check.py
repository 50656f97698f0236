"""What a CDR is checked against is gathered from the store: its session, tariff, agreement, and the CDRs before it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from activities.billing import BillingActivities, CdrRef, Verdict
from activities.cdr_check import check
from activities.resources import Resources, Us
from canonical.cdr import Cdr
from canonical.identity import ObjectId
from canonical.money import Price
from canonical.partner import Side
from canonical.session import AuthMethod, Session, SessionStatus
from canonical.store import CdrState, Store
from canonical.tariff import TariffElement, TariffRestrictions
from canonical.token import Whitelist
from settlement.agreement import STANDARD, Agreement, AmountBasis
from settlement.validation import Basis, Outcome, Validation
from tests.store.samples import CPO, EMSP, T0, at, cdr, connection, dossier, location, session, tariff, token
from tests.workflows.test_activities import resources

SOURCE = "emsp"


@pytest_asyncio.fixture
async def partner(store: Store) -> Store:
    """A partner that published a location and a tariff, and reported a session."""
    async with store.transaction() as work:
        await work.connections.add(connection())
        await work.locations.put(location(), source=SOURCE)
        await work.tariffs.put(tariff(), source=SOURCE)
        await work.sessions.put(ended(), source=SOURCE)
        await work.tokens.put(token(updated=-60))
    return store


def provider(store: Store) -> Resources:
    return replace(resources(store), us=Us(EMSP, "Rem", frozenset({Side.EMSP}), "https://roam.example"))


def ended(id_: str = "S1", **fields: object) -> Session:
    done = session(id_, status=SessionStatus.COMPLETED, energy="10")
    return done.model_copy(update={"end": at(60), **fields})


def sent(id_: str = "C1", **fields: object) -> Cdr:
    return cdr(id_).model_copy(update={"tariffs": (tariff(),), **fields})


def later(id_: str = "C2", **fields: object) -> Cdr:
    """Of another session, after the first one."""
    by = timedelta(hours=3)
    first = sent()
    moved = {
        "session_id": "S2",
        "start": first.start + by,
        "end": first.end + by,
        "charging_periods": tuple(p.model_copy(update={"start": p.start + by}) for p in first.charging_periods),
    }
    return sent(id_, **{**moved, **fields})


def credit(of: Cdr, **fields: object) -> Cdr:
    total = Price(currency="EUR", before_tax=-of.total_cost.before_tax)
    taken_back = {"id": f"{of.id}-C", "credit": True, "credit_reference_id": of.id, "total_cost": total}
    return of.model_copy(update={**taken_back, **fields})


async def arrive(store: Store, record: Cdr, *, bare: bool = False) -> None:
    received = dossier(record)
    provenance = received.provenance.model_copy(update={"bare_amounts": bare})
    async with store.transaction() as work:
        await work.cdrs.add(
            received.model_copy(update={"provenance": provenance, "lines": ()}),
            connection_id=SOURCE,
            ours=False,
            evidence_id=None,
        )


async def verdict(store: Store, record: Cdr) -> Validation:
    async with store.transaction() as work:
        stored = await work.cdrs.get(record.object_id, connection_id=SOURCE, ours=False)
        assert stored is not None
        return await check(work, provider(store), stored)


async def arrived(store: Store, *records: Cdr) -> Validation:
    """The verdict on the last of them."""
    for record in records:
        await arrive(store, record)
    return await verdict(store, records[-1])


async def agree(store: Store, terms: Agreement) -> None:
    async with store.transaction() as work:
        await work.agreements.add(
            connection_id=SOURCE, ref=terms.ref, document=terms.model_dump_json(), agreed_by="finance", valid_from=T0
        )


def blocking(got: Validation) -> list[str]:
    return [finding.code for finding in got.findings if finding.blocks]


async def test_it_is_priced_by_what_was_published_and_reported(partner: Store) -> None:
    got = await arrived(partner, sent())
    assert got.explained_by == tuple(Basis)
    assert [finding.code for finding in got.findings] == ["cdr.vat_unknown"]
    assert got.outcome is Outcome.ACCEPTED_WITH_FINDINGS


async def test_a_cdr_without_a_tariff_is_priced_by_that_of_the_session(partner: Store) -> None:
    async with partner.transaction() as work:
        used = sent().charging_periods[0].model_copy(update={"tariff_id": "T1"})
        await work.sessions.put(ended(charging_periods=(used,)), source=SOURCE)
    got = await arrived(partner, sent(tariffs=()))
    assert (blocking(got), Basis.HELD in got.explained_by) == ([], True)


async def test_the_session_is_found_by_its_authorisation_when_the_id_is_a_hubs(partner: Store) -> None:
    async with partner.transaction() as work:
        await work.sessions.put(ended("OTHER", authorization_reference="Auth-1", energy_kwh=Decimal(9)), source=SOURCE)
    got = await arrived(partner, sent(session_id="HUB-1", authorization_reference="AUTH-1"))
    assert blocking(got) == ["cdr.energy_differs"]
    assert "cdr.session_id_differs" in [finding.code for finding in got.findings]


async def test_else_by_token_place_and_time(partner: Store) -> None:
    got = await arrived(partner, sent(session_id="HUB-1"))
    assert "cdr.session_id_differs" in [finding.code for finding in got.findings]


@pytest.mark.parametrize(
    ("code", "again"),
    [
        ("cdr.second_debit", later(session_id="s1")),
        ("cdr.second_debit_of_authorization", later(authorization_reference="a1")),
        ("cdr.duplicate_economic", later(start=at(30), end=at(90))),
    ],
)
async def test_what_was_billed_before_is_found_and_only_the_later_one_waits(
    partner: Store, code: str, again: Cdr
) -> None:
    first = sent(authorization_reference="A1")
    assert code in blocking(await arrived(partner, first, again))
    assert blocking(await verdict(partner, first)) == []


async def test_a_correction_passes_once_its_credit_is_there(partner: Store) -> None:
    first, corrected = sent(), sent("C2")
    assert blocking(await arrived(partner, first, corrected)) == ["cdr.second_debit"]
    assert blocking(await arrived(partner, credit(first))) == []
    assert blocking(await verdict(partner, corrected)) == []


async def test_a_credit_is_held_against_its_original(partner: Store) -> None:
    first = sent()
    assert blocking(await arrived(partner, credit(first))) == ["cdr.credit_orphan"]
    assert blocking(await arrived(partner, first, credit(first, id="C1-D"))) == ["cdr.over_credit"]


async def test_a_credit_shares_the_fate_of_its_original(partner: Store) -> None:
    first, second = sent(), sent("C2")
    got = await arrived(partner, first, second, credit(second))
    assert blocking(got) == ["cdr.original_waits"]


async def test_a_price_that_was_never_published_is_seen(partner: Store) -> None:
    secret = tariff("T-SECRET", price="0.50")
    got = await arrived(partner, sent(tariffs=(secret,)))
    assert (got.explained_by, got.quarantine) == ((Basis.OWN, Basis.SESSION), False)
    assert "cdr.tariff_not_published" in [finding.code for finding in got.findings]


@pytest.mark.parametrize(
    ("code", "stranger", "auth_method"),
    [
        ("cdr.token_unknown", {"uid": "FFFF"}, AuthMethod.WHITELIST),
        (None, {"uid": "FFFF"}, AuthMethod.COMMAND),
        (None, {"uid": None, "type": None}, AuthMethod.WHITELIST),
        ("cdr.token_of_another_provider", {"issuer_party": CPO}, AuthMethod.COMMAND),
    ],
)
async def test_a_token_that_is_not_ours_is_not_ours_to_pay(
    partner: Store, code: str | None, stranger: dict[str, object], auth_method: AuthMethod
) -> None:
    used = sent().token.model_copy(update=stranger)
    async with partner.transaction() as work:
        await work.sessions.put(ended(token=used, auth_method=auth_method), source=SOURCE)
    assert blocking(await arrived(partner, sent(token=used, auth_method=auth_method))) == ([code] if code else [])


@pytest.mark.parametrize(("since", "blocks"), [(-1, True), (30, False)])
async def test_a_token_counts_as_it_was_when_it_was_used(partner: Store, since: float, blocks: bool) -> None:
    async with partner.transaction() as work:
        await work.tokens.put(token(valid=False, updated=since).model_copy(update={"whitelist": Whitelist.NEVER}))
    assert blocking(await arrived(partner, sent())) == (["cdr.token_blocked"] if blocks else [])


@pytest.mark.parametrize("by_clock", [True, False])
async def test_an_assumed_time_zone_stops_a_price_by_the_clock(partner: Store, by_clock: bool) -> None:
    plain = tariff("T9").elements
    night = TariffElement(price_components=plain[0].price_components, restrictions=TariffRestrictions(end_time="06:00"))
    priced_by = tariff("T9").model_copy(update={"elements": (night, *plain) if by_clock else plain})
    nowhere = sent().charge_point.model_copy(update={"location_id": "UNHEARD-OF"})
    got = await arrived(partner, sent(tariffs=(priced_by,), charge_point=nowhere))
    assert ("cdr.time_zone_unknown", by_clock) in [(finding.code, finding.blocks) for finding in got.findings]


async def test_another_partners_cdrs_are_not_asked(partner: Store) -> None:
    async with partner.transaction() as work:
        await work.cdrs.add(dossier(sent()), connection_id="other", ours=False, evidence_id=None)
        await work.cdrs.add(dossier(sent("OURS")), connection_id=SOURCE, ours=True, evidence_id=None)
    assert blocking(await arrived(partner, sent("C2"))) == []


async def test_the_agreement_of_the_day_on_which_the_session_began_holds(partner: Store) -> None:
    await arrive(partner, sent(), bare=True)
    assert blocking(await verdict(partner, sent())) == []
    await agree(partner, STANDARD.model_copy(update={"name": "new", "amount_basis": AmountBasis.NOT_AGREED}))
    got = await verdict(partner, sent())
    assert (blocking(got), got.agreement and got.agreement[:4]) == (["cdr.tax_basis_not_agreed"], "new@")


async def test_what_comes_too_late_waits(partner: Store) -> None:
    await agree(partner, STANDARD.model_copy(update={"name": "quick", "latest": timedelta(days=2)}))
    assert blocking(await arrived(partner, sent())) == ["cdr.late"]


async def test_a_case_says_what_a_person_has_to_look_at(partner: Store) -> None:
    await arrive(partner, sent())
    await arrive(partner, later(session_id="S1"))
    billing = BillingActivities(provider(partner))
    ref = CdrRef(ObjectId(owner=sent().owner, id="C2").key, SOURCE)
    verdicts: list[Verdict] = [await billing.check_cdr(ref) for _ in range(2)]
    assert verdicts[0] == verdicts[1]
    assert (verdicts[0].state, verdicts[0].needs_person) == ("QUARANTINED", True)
    assert verdicts[0].text.startswith("priced again, the amounts follow from its own tariff, the tariff that we hold")
    async with partner.transaction() as work:
        (case,) = await work.cases.list()
    assert (case.kind, "cdr.second_debit" in [finding.code for finding in case.findings]) == ("cdr-quarantined", True)


async def test_what_refers_to_itself_is_checked_once(partner: Store) -> None:
    got = await arrived(partner, sent(credit_reference_id="C1"))
    assert blocking(got) == ["cdr.reference_without_credit"]


async def test_a_check_that_breaks_off_leaves_the_cdr_to_a_person(
    partner: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> Validation:
        raise ZeroDivisionError("NL-REM-C1")

    monkeypatch.setattr("settlement.validation.validate", broken)
    record = sent()
    await arrive(partner, record)
    activities = BillingActivities(provider(partner))
    told = await activities.check_cdr(CdrRef(record.object_id.key, SOURCE))
    assert (told.state, told.needs_person) == ("QUARANTINED", True)
    async with partner.transaction() as work:
        (case,) = await work.cases.list()
    assert [finding.code for finding in case.findings] == ["cdr.check_failed"]
    assert "NL-REM-C1" not in caplog.text + case.model_dump_json()


async def test_of_very_many_alike_not_all_are_read(partner: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.cdr_check._MOST_KIN", 2)
    assert "cdr.too_many_alike" not in blocking(await arrived(partner, sent(), later("C2", session_id="S9")))
    assert "cdr.too_many_alike" in blocking(
        await arrived(partner, later("C3"), sent("C4", session_id="S1"), sent("C5"))
    )


async def test_an_end_that_comes_after_its_cdr_and_contradicts_it_has_it_quarantined(partner: Store) -> None:
    async with partner.transaction() as work:
        await work.sessions.put(session("S1", energy="1", updated=120), source=SOURCE)  # still ACTIVE
    record = sent()
    await arrive(partner, record)
    billing, ref = BillingActivities(provider(partner)), CdrRef(record.object_id.key, SOURCE)
    assert (await billing.check_cdr(ref)).state == "ACCEPTED"
    async with partner.transaction() as work:
        await work.sessions.put(ended(energy_kwh=Decimal(3), last_updated=at(180)), source=SOURCE)
    for _ in range(2):
        assert (await billing.check_cdr(ref)).state == "QUARANTINED"
    async with partner.transaction() as work:
        stored = await work.cdrs.get(record.object_id, connection_id=SOURCE, ours=False)
        assert stored is not None
        assert stored.state is CdrState.QUARANTINED
        assert [case.kind for case in await work.cases.list()] == ["cdr-quarantined"]


async def test_what_its_session_says_later_makes_no_second_case_of_one_cdr(partner: Store) -> None:
    async with partner.transaction() as work:
        await work.sessions.put(ended(energy_kwh=Decimal(3), last_updated=at(120)), source=SOURCE)
    record = sent()
    await arrive(partner, record)
    billing, ref = BillingActivities(provider(partner)), CdrRef(record.object_id.key, SOURCE)
    first = await billing.check_cdr(ref)
    async with partner.transaction() as work:
        later = ended(energy_kwh=Decimal(3), end=at(600), last_updated=at(700))
        await work.sessions.put(later, source=SOURCE)
    second = await billing.check_cdr(ref)
    assert (first.state, second.state) == ("QUARANTINED", "QUARANTINED")
    assert first.text != second.text
    async with partner.transaction() as work:
        assert [case.kind for case in await work.cases.list()] == ["cdr-quarantined"]
