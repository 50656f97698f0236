from datetime import timedelta
from decimal import Decimal

from canonical.cdr import CostComponent, Discount
from settlement.pricing import DEFAULT_POLICY
from settlement.repricing import reprice
from tests.settlement.build import BERLIN, ENERGY_AND_IDLE, NOON, component, dossier, element, period, tariff


def test_costs_what_its_issuer_says_by_the_same_tariff():
    made = dossier()
    got = reprice(made.cdr, ENERGY_AND_IDLE, BERLIN, DEFAULT_POLICY)
    assert (got.total(), got.lines) == (made.cdr.total_cost, made.lines)


def test_by_several_tariffs_less_discounts():
    cdr = dossier().cdr
    other = ENERGY_AND_IDLE.model_copy(update={"id": "T0"})
    half = Discount(name="Half", percent=Decimal(50), components=(CostComponent.ENERGY,))
    got = reprice(cdr, [other, ENERGY_AND_IDLE], BERLIN, DEFAULT_POLICY, [half])
    assert got.net == cdr.total_cost.before_tax - Decimal("4.00")
    assert {usage.tariff_id for usage in got.usages} == {"T1", None}


def test_a_reservation_that_nobody_used_is_read_as_its_amount_says():
    fees = tariff(
        element(component("TIME", "2"), reservation="RESERVATION"),
        element(component("FLAT", "5"), reservation="RESERVATION_EXPIRES"),
    )
    booked = dossier().cdr.model_copy(
        update={"charging_periods": (period(NOON, RESERVATION_TIME="1"),), "end": NOON + timedelta(hours=1)}
    )
    cancelled = booked.model_copy(
        update={"total_cost": booked.total_cost.model_copy(update={"before_tax": Decimal("2.00")})}
    )
    assert reprice(booked, fees, BERLIN, DEFAULT_POLICY).net == 7
    assert reprice(cancelled, fees, BERLIN, DEFAULT_POLICY).net == 2
    unpriced = booked.model_copy(update={"total_cost": booked.total_cost.model_copy(update={"before_tax": Decimal(0)})})
    only_expired = fees.model_copy(update={"elements": fees.elements[1:]})
    assert reprice(unpriced, only_expired, BERLIN, DEFAULT_POLICY).net == 5
