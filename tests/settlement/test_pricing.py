from datetime import timedelta
from decimal import Decimal

import pytest

from canonical.cdr import CostComponent
from canonical.tariff import TaxIncluded
from settlement.pricing import DEFAULT_POLICY, Charge, PricingPolicy, Unpriceable, price
from settlement.pricing.policy import SelectionReading, StepSizeReading
from settlement.rounding import Rounding
from tests.settlement.build import BERLIN, NOON, component, element, period, tariff


def charge(*periods, hours: float = 1, **more):
    return Charge(start=NOON, end=NOON + timedelta(hours=hours), periods=periods, time_zone=BERLIN, **more)


TEN_KWH = charge(period(NOON, ENERGY="10", TIME="1"))


def codes(refused: pytest.ExceptionInfo[Unpriceable]) -> list[str]:
    return [finding.code for finding in refused.value.findings]


class TestTax:
    def test_stated_before_tax(self):
        got = price(TEN_KWH, tariff(element(component("ENERGY", "0.40"))), DEFAULT_POLICY)
        assert (got.net, got.gross) == (Decimal("4.00"), Decimal("4.76"))

    def test_stated_after_tax_takes_the_tax_out_of_the_sum(self):
        got = price(TEN_KWH, tariff(element(component("ENERGY", "0.40")), tax=TaxIncluded.YES), DEFAULT_POLICY)
        assert (got.net, got.gross) == (Decimal("3.36"), Decimal("4.00"))

    def test_not_applicable(self):
        got = price(
            TEN_KWH,
            tariff(element(component("ENERGY", "0.40", None)), tax=TaxIncluded.NOT_APPLICABLE),
            DEFAULT_POLICY,
        )
        assert (got.net, got.gross, got.total().taxes) == (Decimal("4.00"), Decimal("4.00"), ())

    def test_a_rate_of_zero_is_known_and_a_missing_one_is_not(self):
        zero = price(TEN_KWH, tariff(element(component("ENERGY", "0.40", "0"))), DEFAULT_POLICY)
        missing = price(TEN_KWH, tariff(element(component("ENERGY", "0.40", None))), DEFAULT_POLICY)
        assert (zero.gross, missing.gross) == (Decimal("4.00"), None)
        assert missing.total().taxes is None

    def test_several_rates_are_kept_apart(self):
        two = tariff(element(component("ENERGY", "0.40", "7"), component("TIME", "1", "19")))
        got = price(TEN_KWH, two, DEFAULT_POLICY)
        assert [(r.percent, r.base, r.tax) for r in got.rates] == [
            (7, Decimal("4.00"), Decimal("0.28")),
            (19, Decimal("1.00"), Decimal("0.19")),
        ]

    def test_lines_of_a_rate_sum_to_its_tax(self):
        # Three times 0.03 at 19 %: each by itself rounds to 0.01, together they are 0.02.
        cents = tariff(element(component("ENERGY", "0.003"), component("TIME", "0.03"), component("FLAT", "0.03")))
        got = price(TEN_KWH, cents, DEFAULT_POLICY)
        assert got.rates[0].tax == Decimal("0.02")
        assert sum(line.tax for line in got.lines if line.tax is not None) == Decimal("0.02")


class TestLimits:
    def test_minimum(self):
        got = price(
            TEN_KWH,
            tariff(element(component("ENERGY", "0.10")), min_price={"currency": "EUR", "before_tax": "2"}),
            DEFAULT_POLICY,
        )
        assert (got.net, got.gross) == (Decimal("2.00"), Decimal("2.38"))
        assert got.lines[-1].component is CostComponent.LIMIT
        assert got.lines[-1].note == "minimum price"

    def test_after_tax_binds_by_itself(self):
        limited = tariff(
            element(component("ENERGY", "0.40")),
            max_price={"currency": "EUR", "before_tax": "5", "after_tax": "4.50"},
        )
        got = price(TEN_KWH, limited, DEFAULT_POLICY)
        assert (got.net, got.gross) == (Decimal("4.00"), Decimal("4.50"))
        assert got.lines[-1].tax == Decimal("-0.26")

    def test_minimum_of_a_session_that_used_nothing(self):
        idle = charge(period(NOON, TIME="0"), hours=0)
        limited = tariff(
            element(component("ENERGY", "0.40")),
            min_price={"currency": "EUR", "before_tax": "1", "after_tax": "1.19"},
        )
        got = price(idle, limited, DEFAULT_POLICY)
        assert (got.net, got.gross) == (Decimal("1.00"), Decimal("1.19"))

    def test_does_not_apply_to_a_mere_reservation(self):
        booked = charge(period(NOON, RESERVATION_TIME="1"))
        limited = tariff(
            element(component("TIME", "1"), reservation="RESERVATION"),
            min_price={"currency": "EUR", "before_tax": "9"},
        )
        assert price(booked, limited, DEFAULT_POLICY).net == 1


class TestPolicy:
    def test_its_name_changes_with_its_content(self):
        even = PricingPolicy(name=DEFAULT_POLICY.name, rounding=Rounding.HALF_EVEN)
        assert even.ref.startswith(f"{DEFAULT_POLICY.name}@")
        assert DEFAULT_POLICY.ref != even.ref

    def test_rounds_ties_as_agreed(self):
        tie = tariff(element(component("ENERGY", "0.0125")))
        even = PricingPolicy(name="even", rounding=Rounding.HALF_EVEN)
        assert price(TEN_KWH, tie, DEFAULT_POLICY).net == Decimal("0.13")
        assert price(TEN_KWH, tie, even).net == Decimal("0.12")

    def test_may_ignore_step_sizes(self):
        coarse = tariff(element(component("ENERGY", "1", step=7000)))
        ignored = PricingPolicy(name="measured", step_size=StepSizeReading.IGNORED)
        assert price(TEN_KWH, coarse, DEFAULT_POLICY).net == 14
        assert price(TEN_KWH, coarse, ignored).net == 10


class TestSelection:
    """One element prices time, a later one energy: two readings of the same tariff."""

    split = tariff(element(component("TIME", "3")), element(component("ENERGY", "0.50")))

    def test_is_by_dimension(self):
        assert price(TEN_KWH, self.split, DEFAULT_POLICY).net == 8

    def test_may_be_by_element(self):
        whole = PricingPolicy(name="whole-element", selection=SelectionReading.WHOLE_ELEMENT)
        assert price(TEN_KWH, self.split, whole).net == 3
        assert DEFAULT_POLICY.ref != whole.model_copy(update={"name": DEFAULT_POLICY.name}).ref


class TestWhatCannotBePriced:
    @pytest.mark.parametrize(
        ("given", "code"),
        [
            (charge(), "pricing.no_periods"),
            (charge(period(NOON - timedelta(1), TIME="1")), "pricing.times_out_of_order"),
            (charge(period(NOON, ENERGY="-1", TIME="1")), "pricing.negative_energy"),
            (charge(period(NOON, TIME="1"), hours=9000), "pricing.session_too_long"),
            (charge(period(NOON, TIME="0.5", RESERVATION_TIME="0.5")), "pricing.kinds_mixed"),
        ],
    )
    def test_is_refused_by_code(self, given: Charge, code: str):
        with pytest.raises(Unpriceable) as refused:
            price(given, tariff(element(component("ENERGY", "1"))), DEFAULT_POLICY)
        assert codes(refused) == [code]

    def test_another_tariff(self):
        other = charge(period(NOON, TIME="1").model_copy(update={"tariff_id": "T2"}))
        with pytest.raises(Unpriceable) as refused:
            price(other, tariff(element(component("TIME", "1"))), DEFAULT_POLICY)
        assert codes(refused) == ["pricing.other_tariff"]


class TestNotes:
    def test_a_period_over_a_change_of_price(self):
        late = tariff(element(component("TIME", "1"), end_time="12:30"), element(component("TIME", "2")))
        got = price(TEN_KWH, late, DEFAULT_POLICY)
        assert [n.code for n in got.notes] == ["pricing.period_spans_price_change"]

    def test_hours_that_do_not_fill_the_period(self):
        got = price(
            charge(period(NOON, ENERGY="10", TIME="0.5")), tariff(element(component("TIME", "1"))), DEFAULT_POLICY
        )
        assert [(n.code, n.blocks) for n in got.notes] == [("pricing.duration_differs", True)]

    def test_charging_and_parking_in_one_period_are_split(self):
        both = charge(period(NOON, TIME="0.25", PARKING_TIME="0.75"))
        got = price(both, tariff(element(component("TIME", "1"), component("PARKING_TIME", "2"))), DEFAULT_POLICY)
        assert [(line.component, line.net) for line in got.lines] == [
            (CostComponent.TIME, Decimal("0.25")),
            (CostComponent.IDLE, Decimal("1.50")),
        ]
