from datetime import timedelta
from decimal import Decimal

from canonical.cdr import CostComponent, Discount
from settlement.pricing import DEFAULT_POLICY, PricingPolicy, Sample
from settlement.pricing.policy import PriceChange
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


def test_signed_readings_may_split_its_periods():
    later = tariff(element(component("ENERGY", "1"), end_time="12:30"), element(component("ENERGY", "2")))
    cdr = dossier().cdr.model_copy(
        update={"charging_periods": (period(NOON, ENERGY="10", TIME="1"),), "end": NOON + timedelta(hours=1)}
    )
    samples = [Sample(at=NOON + timedelta(minutes=m), kwh=Decimal(kwh)) for m, kwh in ((0, 0), (30, 8), (60, 10))]
    policy = PricingPolicy(name="split", price_change=PriceChange.SPLIT)
    assert reprice(cdr, later, BERLIN, policy, samples=samples).net == 8 + 2 * 2


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
