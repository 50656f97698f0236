from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.cdr import CdrDossier, CostComponent
from canonical.model import Finding
from canonical.settlement import ItemOutcome, ReconciliationReport, Statement
from settlement.reconciliation import left_out, reconcile
from settlement.statement import cdr_sha256, component_amounts, month_bounds, month_of, statement
from tests.settlement.build import CPO, EMSP, NOON, charged, dossier

MARCH = tuple(dossier(number, charged(idle_minutes=10 * number, kwh=f"{number}.5")) for number in range(1, 6))


def claim(dossiers: Sequence[CdrDossier] = MARCH) -> Statement:
    return statement(
        statement_id="ST-1",
        issuer=CPO,
        recipient=EMSP,
        month="2026-03",
        currency="EUR",
        dossiers=dossiers,
        issued_at=NOON,
    )


def answer(claimed: Statement, held: Sequence[CdrDossier] = MARCH, **more: object) -> ReconciliationReport:
    return reconcile(claimed, held, tolerance=Decimal("0.01"), checked_by=EMSP, checked_at=NOON, **more)


def with_idle_fee(claimed: Statement, place: int, extra: str) -> Statement:
    item = claimed.items[place]
    dearer = item.model_copy(
        update={
            "components": tuple(
                c.model_copy(update={"net": c.net + Decimal(extra)}) if c.component is CostComponent.IDLE else c
                for c in item.components
            ),
            "net": item.net + Decimal(extra),
            "gross": item.gross + Decimal(extra),
        }
    )
    items = (*claimed.items[:place], dearer, *claimed.items[place + 1 :])
    return claimed.model_copy(update={"items": items})


def test_what_both_sides_hold_alike_is_agreed():
    report = answer(claim())
    assert {item.outcome for item in report.items} == {ItemOutcome.AGREED}
    assert all(item.findings == () for item in report.items)
    assert report.agreed_net == sum(d.cdr.total_cost.before_tax for d in MARCH)


def test_another_idle_fee_at_equal_energy_is_named():
    disputed = answer(with_idle_fee(claim(), 2, "5.00"))
    item = next(i for i in disputed.items if i.outcome is ItemOutcome.DISPUTED)
    parking = item.findings[0]
    assert (parking.code, parking.expected, parking.stated) == ("cdr.parking_cost_differs", "3.00", "8.00")
    assert [f.code for f in item.findings] == ["cdr.parking_cost_differs", "cdr.total_cost_differs"]
    assert len([i for i in disputed.items if i.outcome is ItemOutcome.AGREED]) == 4


def test_the_receivers_own_price_counts_and_not_what_the_record_states():
    # Statement and record agree; the receiver, repricing the record, came to another idle fee.
    ours = MARCH[0]
    cheaper = ours.model_copy(
        update={
            "lines": tuple(
                line.model_copy(update={"net": Decimal("0.40")}) if line.component is CostComponent.IDLE else line
                for line in ours.lines
            )
        }
    )
    report = answer(claim(), (cheaper, *MARCH[1:]))
    item = next(i for i in report.items if i.cdr == ours.cdr.object_id)
    assert item.findings[0].code == "cdr.parking_cost_differs"
    assert (item.findings[0].expected, item.findings[0].stated) == ("0.40", "1.00")


def test_what_one_side_lacks_is_named():
    report = answer(claim(MARCH[:4]), MARCH[1:])
    outcomes = {item.cdr: item.outcome for item in report.items}
    assert outcomes[MARCH[0].cdr.object_id] is ItemOutcome.MISSING_HERE
    assert outcomes[MARCH[4].cdr.object_id] is ItemOutcome.NOT_CLAIMED
    assert report.agreed_net == sum(d.cdr.total_cost.before_tax for d in MARCH[1:4])


def test_a_cdr_that_is_claimed_twice_is_disputed():
    twice = claim([*MARCH, MARCH[0]])
    item = next(i for i in answer(twice).items if i.cdr == MARCH[0].cdr.object_id)
    assert (item.outcome, item.findings[0].code) == (ItemOutcome.DISPUTED, "cdr.claimed_twice")


def test_what_is_in_quarantine_is_disputed_until_somebody_lets_it_pass():
    finding = Finding(code="cdr.token_differs", message="another token", blocks=True)
    provenance = MARCH[0].provenance.model_copy(update={"findings": (finding,)})
    held = (MARCH[0].model_copy(update={"provenance": provenance}), *MARCH[1:])
    key = MARCH[0].cdr.object_id.key
    assert finding in next(i for i in answer(claim(), held).items if i.cdr.key == key).findings
    assert {i.outcome for i in answer(claim(), held, accepted={key}).items} == {ItemOutcome.AGREED}


def test_a_cent_is_within_the_tolerance():
    assert {i.outcome for i in answer(with_idle_fee(claim(), 0, "0.01")).items} == {ItemOutcome.AGREED}


@settings(max_examples=40, deadline=None)
@given(st.permutations(MARCH), st.permutations(MARCH[1:]), st.permutations(range(5)))
def test_no_order_changes_the_answer(issued, held, places):
    straight = with_idle_fee(claim(), 3, "2.00")
    shuffled = straight.model_copy(update={"items": tuple(straight.items[p] for p in places)})
    assert claim(issued) == claim()
    assert answer(shuffled, held) == answer(straight, MARCH[1:])
    assert answer(straight, [*held, *held]) == answer(straight, held)


def test_the_digest_is_of_what_money_hangs_on():
    cdr = MARCH[0].cdr
    same = cdr.model_copy(update={"remark": "hello", "total_energy_kwh": Decimal("1.50")})
    other = cdr.model_copy(update={"total_energy_kwh": Decimal("1.51")})
    assert cdr_sha256(cdr) == cdr_sha256(same) != cdr_sha256(other)


def test_a_credit_takes_back_what_its_original_claimed():
    original = MARCH[0]
    total = original.cdr.total_cost
    negative = total.model_copy(
        update={"before_tax": -total.before_tax, "after_tax": -(total.after_tax or 0), "taxes": None}
    )
    cdr = original.cdr.model_copy(
        update={"id": "X-C", "credit": True, "credit_reference_id": original.cdr.id, "total_cost": negative}
    )
    credit = original.model_copy(update={"cdr": cdr})
    claimed = claim([original, credit])
    assert sum(item.net for item in claimed.items) == 0
    assert sum(c.net for item in claimed.items for c in item.components) == 0
    assert answer(claimed, [original, credit]).agreed_net == 0


def test_currencies_do_not_mix():
    foreign = MARCH[0].model_copy(update={"cdr": MARCH[0].cdr.model_copy(update={"currency": "CHF"})})
    with pytest.raises(ValueError, match="not in EUR"):
        claim([*MARCH[1:], foreign])


def test_what_the_report_does_not_agree_to_is_left_out_silence_included():
    claimed = claim()
    verdicts = answer(claimed).items
    first = verdicts[0]
    disputed = first.model_copy(update={"outcome": ItemOutcome.DISPUTED})
    report = answer(claimed).model_copy(update={"items": (disputed, *verdicts[2:])})
    out = {item.cdr.key: item for item in left_out(claimed, report)}
    assert set(out) == {first.cdr.key, verdicts[1].cdr.key}
    assert [f.code for f in out[verdicts[1].cdr.key].findings] == ["report.not_mentioned"]
    assert left_out(claimed, answer(claimed)) == ()


def test_a_month_begins_and_ends_in_the_zone_of_the_books():
    zone = ZoneInfo("Europe/Brussels")
    since, until = month_bounds("2026-03", zone)
    assert (since.astimezone(UTC), until.astimezone(UTC)) == (
        datetime(2026, 2, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 31, 22, tzinfo=UTC),  # the clocks went forward in between
    )
    assert month_of(since, zone) == "2026-03"
    assert month_of(until, zone) == "2026-04"
    assert month_bounds("2026-12", zone)[1] == datetime(2027, 1, 1, tzinfo=zone)


def test_who_cannot_tell_idle_from_parking_agrees_with_who_can():
    """A record that was not priced again states one parking cost for both (OCPI has one dimension)."""
    unpriced = [dossier.model_copy(update={"lines": ()}) for dossier in MARCH]
    assert {c.component for c in component_amounts(unpriced[0])} != {c.component for c in component_amounts(MARCH[0])}
    assert {item.outcome for item in answer(claim(), unpriced).items} == {ItemOutcome.AGREED}


def test_a_bare_amount_that_holds_the_tax_is_compared_after_tax() -> None:
    """OCPI 2.1.1, agreed to be GROSS, and a person let it pass although it could not be priced again."""
    (sent,) = MARCH[:1]
    total = sent.cdr.total_cost
    bare = total.model_copy(update={"before_tax": total.after_tax, "after_tax": None, "taxes": None})
    held = sent.model_copy(update={"cdr": sent.cdr.model_copy(update={"total_cost": bare}), "lines": ()})
    key = held.cdr.object_id.key
    assert answer(claim([sent]), [held], with_tax={key}).items[0].outcome is ItemOutcome.AGREED
    assert answer(claim([sent]), [held]).items[0].outcome is ItemOutcome.DISPUTED
    dearer = held.cdr.model_copy(update={"total_cost": bare.model_copy(update={"before_tax": Decimal(1)})})
    other = answer(claim([sent]), [held.model_copy(update={"cdr": dearer})], with_tax={key}).items[0]
    assert "cdr.gross_cost_differs" in {finding.code for finding in other.findings}
