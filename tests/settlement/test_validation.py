from decimal import Decimal

import pytest

from canonical.cdr import Cdr
from canonical.money import Price
from canonical.session import VehicleState
from canonical.tariff import Tariff
from settlement.pricing import DEFAULT_POLICY
from settlement.validation import Validation, validate
from tests.settlement.build import (
    BERLIN,
    ENERGY_AND_IDLE,
    charged,
    component,
    dossier,
    element,
    reading,
    session,
    tariff,
)

GOOD = dossier().cdr


def check(cdr: Cdr, held: Tariff | None = ENERGY_AND_IDLE, **more: object) -> Validation:
    seen = session(charged(), **more)
    return validate(cdr, session=seen, tariff_held=held, time_zone=BERLIN, policy=DEFAULT_POLICY)


def codes(validation: Validation) -> list[str]:
    return [finding.code for finding in validation.findings]


def changed(**fields: object) -> Cdr:
    return GOOD.model_copy(update=fields)


def euros(net: str, gross: str | None = None) -> Price:
    return Price(currency="EUR", before_tax=Decimal(net), after_tax=None if gross is None else Decimal(gross))


def test_our_own_cdr_passes_its_own_check():
    got = check(GOOD)
    assert (got.findings, got.quarantine) == ((), False)
    assert got.lines == dossier().lines


def test_an_idle_fee_that_is_too_high_is_named_with_both_amounts():
    got = check(changed(total_parking_cost=euros("9.00", "10.71"), total_cost=euros("17.00", "20.23")))
    assert codes(got) == ["cdr.parking_cost_differs", "cdr.total_cost_differs", "cdr.gross_cost_differs"]
    assert (got.findings[0].expected, got.findings[0].stated) == ("4.00", "9.00")
    assert got.quarantine


@pytest.mark.parametrize(
    ("cdr", "expected"),
    [
        (changed(total_cost=euros("0.00", "0.00")), "cdr.zero_total_not_free"),
        (changed(total_cost=euros("13.00", "15.47")), "cdr.total_not_sum"),
        (changed(total_energy_kwh=Decimal(20000)), "cdr.energy_not_sum"),
        (changed(currency="CHF"), "cdr.currency_differs"),
        (changed(end=GOOD.charging_periods[1].start), "cdr.total_cost_differs"),
        (changed(end=GOOD.start), "cdr.times_out_of_order"),
        (changed(end=GOOD.start), "cdr.unpriceable"),
        (changed(total_energy_cost=euros("8.50")), "cdr.energy_cost_differs"),
        (changed(total_fixed_cost=euros("1")), "cdr.fixed_cost_differs"),
        (changed(total_reservation_cost=euros("1")), "cdr.reservation_cost_differs"),
        (changed(total_time_cost=euros("1")), "cdr.time_cost_differs"),
        (changed(total_cost=euros("12.00", "12.00")), "cdr.gross_cost_differs"),
    ],
)
def test_contradictions_are_quarantined_by_code(cdr: Cdr, expected: str):
    got = check(cdr)
    assert expected in codes(got)
    assert got.quarantine


def test_vat_that_is_not_stated_is_noted_and_no_reason_to_stop():
    got = check(changed(total_cost=euros("12.00")))
    assert (codes(got), got.quarantine) == (["cdr.vat_unknown"], False)


def test_without_any_tariff_there_is_nothing_to_check_by():
    got = check(changed(tariffs=()), held=None)
    assert (codes(got), got.quarantine, got.lines) == (["cdr.tariff_unknown"], True, ())


def test_the_embedded_tariff_serves_when_none_is_held():
    assert not check(GOOD, held=None).quarantine


def test_a_tariff_that_is_not_the_published_one_is_named_as_the_cause():
    dearer = tariff(element(component("ENERGY", "0.60"), component("PARKING_TIME", "6.00", step=60)))
    got = check(dossier(priced_by=dearer).cdr)
    assert codes(got) == [
        "cdr.tariff_differs",
        "cdr.energy_cost_differs",
        "cdr.total_cost_differs",
        "cdr.gross_cost_differs",
        "cdr.priced_by_other_tariff",
    ]


def test_the_session_that_was_seen_counts():
    got = check(GOOD, energy_kwh=Decimal(19))
    assert (codes(got), got.quarantine) == (["cdr.energy_differs"], True)
    unseen = validate(GOOD, session=None, tariff_held=ENERGY_AND_IDLE, time_zone=BERLIN, policy=DEFAULT_POLICY)
    assert (codes(unseen), unseen.quarantine) == (["cdr.session_unknown"], False)


def test_a_credit_is_its_original_with_a_negative_total():
    credit = changed(id="X-C", credit=True, credit_reference_id=GOOD.id, total_cost=euros("-12.00", "-14.28"))
    assert not check(credit).quarantine


@pytest.mark.parametrize(("net", "quarantine"), [("1.00", False), ("3.00", False), ("2.00", True)])
def test_a_reservation_may_have_expired_or_have_been_cancelled(net: str, quarantine: bool):
    booked = tariff(
        element(component("TIME", "1", "0"), reservation="RESERVATION"),
        element(component("FLAT", "2", "0"), reservation="RESERVATION_EXPIRES"),
    )
    states = [reading(0, "0", VehicleState.RESERVED), reading(60, "0", VehicleState.RESERVED)]
    cdr = dossier(readings=states, priced_by=booked).cdr.model_copy(
        update={"total_cost": euros(net, net), "total_reservation_cost": euros(net, net)}
    )
    got = validate(cdr, session=None, tariff_held=booked, time_zone=BERLIN, policy=DEFAULT_POLICY)
    assert got.quarantine is quarantine
