"""A credit CDR takes back all of a CDR, once, and sums over credits are right (OCPI 2.2.1 cdrs, Credit CDRs)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from canonical.cdr import Cdr, CdrDossier
from canonical.identity import ObjectId
from canonical.settlement import ItemOutcome
from settlement.cdr_generator import NotCreditable, cdr_id_for, credit, credit_id_for
from settlement.invoice import csv_writer
from settlement.ledger import is_postable, issued, received
from settlement.statement import component_amounts, month_bounds, month_of, settles_at
from settlement.vat import VatTreatment
from tests.settlement.build import CPO, NOON, charged, component, dossier, element, tariff
from tests.settlement.test_invoice import bill
from tests.settlement.test_reconciliation import answer, claim

TWO_RATES = tariff(
    element(component("FLAT", "0.33", "7"), component("ENERGY", "0.417"), component("PARKING_TIME", "5.5"))
)
IN_MAY = datetime(2026, 5, 4, 9, tzinfo=UTC)


def billed(number: int = 1, kwh: str = "20.123") -> CdrDossier:
    return dossier(number, charged(kwh=kwh), priced_by=TWO_RATES)


def credited(original: CdrDossier, at: datetime = IN_MAY) -> CdrDossier:
    return credit(original, at, credit_id_for(original.cdr.object_id))


def test_only_what_is_owed_is_negated() -> None:
    original = billed()
    taken_back = credited(original).cdr
    changed = {name for name in Cdr.model_fields if getattr(taken_back, name) != getattr(original.cdr, name)}
    assert changed == {"id", "credit", "credit_reference_id", "total_cost", "last_updated"}
    assert taken_back.credit
    assert taken_back.credit_reference_id == original.cdr.id
    before, after = original.cdr.total_cost, taken_back.total_cost
    assert (after.before_tax, after.after_tax) == (-before.before_tax, -(before.after_tax or 0))
    assert [tax.amount for tax in after.taxes or ()] == [-tax.amount for tax in before.taxes or ()]
    assert len(after.taxes or ()) == 2


def test_a_credit_keeps_the_working_of_its_original_under_a_key_of_its_own() -> None:
    original = billed()
    taken_back = credited(original)
    assert taken_back.lines == original.lines
    assert taken_back.tariff_moments == original.tariff_moments
    assert (taken_back.pricing_policy, taken_back.agreement) == (original.pricing_policy, original.agreement)
    assert taken_back.handles.billing_record == original.handles.billing_record
    assert taken_back.handles.idempotency_key != original.handles.idempotency_key
    assert taken_back == credited(original)


def test_ids_fit_and_are_always_the_same() -> None:
    longest = ObjectId(owner=CPO, id="C" * 34)
    assert credit_id_for(longest) == "C" * 34 + "-C"
    assert len(credit_id_for(ObjectId(owner=CPO, id=cdr_id_for(longest)))) <= 36
    with pytest.raises(ValueError, match="too long for a credit"):
        credit_id_for(ObjectId(owner=CPO, id="C" * 35))


def test_a_credit_is_not_credited() -> None:
    with pytest.raises(NotCreditable) as refused:
        credited(credited(billed()))
    assert [finding.code for finding in refused.value.findings] == ["credit.of_credit"]


def test_unknown_tax_stays_unknown() -> None:
    original = dossier(priced_by=tariff(element(component("ENERGY", "0.40", None))))
    taken_back = credited(original).cdr.total_cost
    assert (taken_back.before_tax, taken_back.after_tax, taken_back.taxes) == (Decimal("-8.00"), None, None)


def test_a_cdr_and_its_credit_are_nothing_on_statement_invoice_and_ledger() -> None:
    original = billed()
    both = [original, credited(original)]
    claimed = claim(both)
    assert sum(item.net for item in claimed.items) == sum(item.vat for item in claimed.items) == 0
    assert sum(item.gross for item in claimed.items) == sum(item.energy_kwh for item in claimed.items) == 0
    sums = {amount.component: Decimal(0) for item in claimed.items for amount in item.components}
    for item in claimed.items:
        for amount in item.components:
            sums[amount.component] += amount.net
    assert len(sums) == 3
    assert set(sums.values()) == {Decimal(0)}
    for treatment in VatTreatment:
        invoice = bill(dossiers=both, treatment=treatment)
        assert (invoice.net, invoice.vat, invoice.gross) == (0, 0, 0)
        assert {(line.quantity, line.net) for line in invoice.lines} == {(0, 0)}
        assert not is_postable(invoice)


def test_a_credit_is_agreed_to_by_who_holds_it() -> None:
    both = [billed(), credited(billed())]
    report = answer(claim(both), both)
    assert {item.outcome for item in report.items} == {ItemOutcome.AGREED}
    assert (report.agreed_net, report.agreed_gross) == (0, 0)
    original_only = answer(claim(both), both[:1])
    assert [item.outcome for item in original_only.items] == [ItemOutcome.AGREED, ItemOutcome.MISSING_HERE]


def test_a_credit_of_a_later_month_is_of_that_month() -> None:
    original = billed()
    taken_back = credited(original)
    assert taken_back.cdr.end == original.cdr.end
    zone = ZoneInfo("Europe/Berlin")
    assert (month_of(settles_at(original.cdr), zone), month_of(settles_at(taken_back.cdr), zone)) == (
        "2026-03",
        "2026-05",
    )
    since, until = month_bounds("2026-05", zone)
    assert since <= settles_at(taken_back.cdr) < until
    fresh = dossier(7, charged(kwh="30"), priced_by=TWO_RATES)
    invoice = bill(dossiers=[fresh, taken_back])
    net = fresh.cdr.total_cost.before_tax - original.cdr.total_cost.before_tax
    assert invoice.net == net == sum(line.net for line in invoice.lines)
    energy = next(line for line in invoice.lines if line.unit == "kWh")
    assert energy.quantity == fresh.cdr.total_energy_kwh - original.cdr.total_energy_kwh
    for entry in (issued(invoice), received(invoice)):
        assert sum(posting.amount_minor for posting in entry.postings) == 0


def test_an_invoice_of_credits_alone_is_owed_by_the_issuer() -> None:
    invoice = bill(dossiers=[credited(billed())])
    original = bill(dossiers=[billed()])
    assert (invoice.net, invoice.vat, invoice.gross) == (-original.net, -original.vat, -original.gross)
    mirrored = {posting.account: -posting.amount_minor for posting in issued(original).postings}
    assert {posting.account: posting.amount_minor for posting in issued(invoice).postings} == mirrored
    row = csv_writer.write(invoice).decode().splitlines()[1]
    assert ",-20.1230," in row


def test_a_sum_of_nothing_may_still_move_revenue_from_one_kind_to_another() -> None:
    parked = dossier(1, charged(60, "0"), priced_by=tariff(element(component("PARKING_TIME", "8"))))
    energy = dossier(2, charged(0, "20"), priced_by=tariff(element(component("ENERGY", "0.40"))))
    invoice = bill(dossiers=[parked, credited(energy)])
    assert (invoice.net, invoice.gross) == (0, 0)
    assert is_postable(invoice)
    assert sorted(posting.amount_minor for posting in issued(invoice).postings) == [-800, 800]


def test_amounts_of_a_credit_are_negative_where_they_are_summed() -> None:
    original = billed()
    assert [-amount.net for amount in component_amounts(credited(original))] == [
        amount.net for amount in component_amounts(original)
    ]
    assert credited(original, NOON + timedelta(hours=9)).cdr.last_updated == NOON + timedelta(hours=9)
