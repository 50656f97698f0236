"""Sessions that the two engines once priced differently, with the price that is right and why."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from canonical.cdr import Discount
from canonical.session import ChargingPeriod, VehicleState, VolumeDimension
from canonical.tariff import Tariff, TaxIncluded
from settlement.pricing import Breakdown, Charge, PricingPolicy, Sample, Unpriceable
from settlement.pricing.policy import NightReading, PriceChange, RoundingPlace, SelectionReading
from tests.settlement import oracle
from tests.settlement.build import BERLIN, NOON, component, element, period, reading, tariff
from tests.settlement.comparison import codes, disagreements, engine, unlike_in_notes
from tests.settlement.pricing_cases import Case, one_a_state

HOUR = timedelta(hours=1)
USUAL = PricingPolicy(name="usual")
ENERGY = element(component("ENERGY", "1"))


def asked(
    *periods: ChargingPeriod,
    by: Tariff | tuple[Tariff, ...],
    hours: float = 1,
    start: datetime = NOON,
    policy: PricingPolicy = USUAL,
    **more: object,
) -> Case:
    charge = Charge.model_validate(
        {"start": start, "end": NOON + hours * HOUR, "periods": periods, "time_zone": BERLIN, **more}
    )
    return Case(charge, (by,) if isinstance(by, Tariff) else by, policy)


def agreed(case: Case) -> Breakdown | Unpriceable:
    """The answer of both."""
    got = engine(case)
    assert [*disagreements(case, got), *unlike_in_notes(case, got)] == []
    return got


def agreed_price(case: Case) -> Breakdown:
    got = agreed(case)
    assert isinstance(got, Breakdown), got
    return got


def test_power_of_a_parked_vehicle_is_its_energy_by_time():
    by = tariff(element(component("ENERGY", "1"), min_power_kw="1"), element(component("ENERGY", "5")))
    assert agreed_price(asked(period(NOON, PARKING_TIME="1", ENERGY="10"), by=by)).net == 10


def test_what_is_not_used_needs_no_price():
    by = tariff(element(component("ENERGY", "1"), component("PARKING_TIME", "1"), min_power_kw="1"))
    used = period(NOON, TIME="0"), period(NOON, PARKING_TIME="1")
    got = agreed_price(asked(*used, by=by))
    assert (got.net, codes(got)) == (0, ["pricing.gap"])


def test_an_element_that_is_never_reached_needs_no_current():
    """The first one that holds prices everything (WHOLE_ELEMENT)."""
    by = tariff(
        element(component("TIME", "0"), component("PARKING_TIME", "0"), end_date="2026-11-01"),
        element(component("TIME", "0.25"), min_current_a="63"),
        element(component("ENERGY", "0.25")),
    )
    whole = PricingPolicy(name="whole", selection=SelectionReading.WHOLE_ELEMENT)
    used = period(NOON, ENERGY="0.1152", TIME="0.5", PARKING_TIME="0.5")
    assert agreed_price(asked(used, by=by, policy=whole)).net == 0


def test_a_price_with_tax_of_unknown_rate_is_known_with_it():
    by = tariff(element(component("ENERGY", "0.35", vat=None)), tax=TaxIncluded.YES)
    got = agreed(asked(period(NOON, TIME="1", ENERGY="15"), by=by))
    assert isinstance(got, Unpriceable)
    assert (codes(got), getattr(got, "after_tax", None)) == (["pricing.net_unknown"], Decimal("5.25"))


def test_durations_count_from_the_start_of_the_session():
    """OCPI counts from the time of start_date_time, though the first period may begin later."""
    by = tariff(element(component("TIME", "1"), max_duration_s=60), element(component("TIME", "2")))
    assert agreed_price(asked(period(NOON, TIME="1"), by=by, start=NOON - HOUR / 6)).net == 2


def test_energy_in_no_time_has_the_price_of_its_moment():
    by = tariff(
        element(component("ENERGY", "1"), max_kwh="2"), element(component("ENERGY", "3"), max_kwh="5.5"), ENERGY
    )
    used = period(NOON, TIME="1", ENERGY="0.5"), period(NOON + HOUR, TIME="0", ENERGY="5.5")
    got = agreed_price(asked(*used, by=by))
    assert (got.net, codes(got)) == (6, ["pricing.period_spans_price_change"])


@pytest.mark.parametrize("on_change", [PriceChange.FLAG, PriceChange.SPLIT])
def test_what_is_unknown_later_in_a_period_does_not_take_the_price_of_its_beginning(on_change: PriceChange):
    by = tariff(element(component("ENERGY", "9"), min_duration_s=900, max_current_a="16"), ENERGY)
    case = asked(
        period(NOON, TIME="1", ENERGY="10"), by=by, policy=PricingPolicy(name="change", price_change=on_change)
    )
    got = agreed_price(case)
    assert (got.net, codes(got)) == (10, ["pricing.period_spans_price_change"])


def test_by_a_policy_that_wants_no_change_within_a_period_it_does():
    by = tariff(element(component("ENERGY", "9"), min_duration_s=900, max_current_a="16"), ENERGY)
    policy = PricingPolicy(name="change", price_change=PriceChange.REFUSE)
    got = agreed(asked(period(NOON, TIME="1", ENERGY="10"), by=by, policy=policy))
    assert codes(got) == ["pricing.current_unknown"]


def test_a_limit_of_a_tariff_without_tax_that_does_not_bind_takes_no_tax_away():
    least = {"currency": "EUR", "before_tax": "0.5"}
    untaxed = tariff(
        element(component("TIME", "2"), reservation="RESERVATION"), tax=TaxIncluded.NOT_APPLICABLE, min_price=least
    )
    taxed = tariff(element(component("TIME", "11.9")), tax=TaxIncluded.YES, id="T2")
    used = period(NOON, RESERVATION_TIME="0.5"), period(NOON + HOUR / 2, TIME="0.5")
    named = used[1].model_copy(update={"tariff_id": "T2"})
    got = agreed_price(asked(used[0], named, by=(untaxed, taxed)))
    assert (got.net, got.gross) == (6, Decimal("6.95"))


def test_a_reservation_over_more_than_a_day_meets_its_changes():
    by = tariff(
        element(component("TIME", "1"), reservation="RESERVATION", start_time="22:00", end_time="06:00"),
        element(component("TIME", "2"), reservation="RESERVATION"),
        tax=TaxIncluded.NOT_APPLICABLE,
    )
    policy = PricingPolicy(name="nights", nights=NightReading.DAY_IT_BEGAN, selection=SelectionReading.WHOLE_ELEMENT)
    got = agreed_price(asked(period(NOON, RESERVATION_TIME="25"), by=by, hours=25, policy=policy))
    assert (got.net, codes(got)) == (50, ["pricing.period_spans_price_change"])


@pytest.mark.parametrize(("power", "expected"), [({"min_power_kw": "11"}, 0), ({"max_power_kw": "11"}, 1)])
def test_a_reserved_vehicle_takes_no_power(power: dict[str, object], expected: int):
    by = tariff(element(component("FLAT", "1"), reservation="RESERVATION", **power))
    assert agreed_price(asked(period(NOON, RESERVATION_TIME="1"), by=by)).net == expected


def test_a_reservation_that_was_used_did_not_expire():
    """Whatever is said of it: OCPI has RESERVATION_EXPIRES for one that no session followed."""
    by = tariff(
        element(component("FLAT", "1"), component("TIME", "2"), reservation="RESERVATION"),
        element(component("FLAT", "5"), component("TIME", "10"), reservation="RESERVATION_EXPIRES"),
    )
    used = period(NOON, RESERVATION_TIME="0.5"), period(NOON + HOUR / 2, TIME="0.5", ENERGY="5")
    assert agreed_price(asked(*used, by=by, reservation_expired=True)).net == 2


def test_a_price_that_another_takes_the_place_of_may_change():
    """That of an expired reservation is one all the time, whatever one that was used would have cost."""
    by = tariff(
        element(component("TIME", "3"), reservation="RESERVATION_EXPIRES"),
        element(component("TIME", "1"), reservation="RESERVATION", end_time="12:30"),
    )
    got = agreed_price(asked(period(NOON, RESERVATION_TIME="1"), by=by, reservation_expired=True))
    assert (got.net, codes(got)) == (3, [])


def test_limits_are_those_of_the_tariff_of_the_first_period():
    """The order of the tariffs in a CDR means nothing."""
    least = {"currency": "EUR", "before_tax": "15"}
    first, second = tariff(ENERGY, min_price=least), tariff(ENERGY, id="T2")
    used = period(NOON, TIME="0.5", ENERGY="1"), period(NOON + HOUR / 2, TIME="0.5", ENERGY="1")
    named = used[0].model_copy(update={"tariff_id": "T2"})
    assert agreed_price(asked(named, used[1], by=(first, second))).net == 2


@pytest.mark.parametrize("place", RoundingPlace)
def test_a_discount_does_not_tell_the_tax_of_what_it_takes_off(place: RoundingPlace):
    """Nothing is left to be paid before tax. That nothing is left of the tax either is not ours to say."""
    case = asked(
        period(NOON, TIME="1", ENERGY="10"),
        by=tariff(element(component("ENERGY", "1", vat=None))),
        discounts=(Discount(name="free", percent=Decimal(100)),),
        policy=PricingPolicy(name="free", rounding_place=place),
    )
    got = agreed_price(case)
    assert (got.net, got.gross, got.exact.after_tax) == (0, None, None)


def test_tax_is_unknown_however_small_its_base_is():
    """Which of two lines a cent falls on does not decide what is known."""
    by = tariff(element(component("ENERGY", "0.0004", vat=None), component("TIME", "5")))
    got = agreed_price(asked(period(NOON, TIME="1", ENERGY="10"), by=by))
    assert (got.net, got.gross, got.exact.after_tax) == (5, None, None)


def test_a_limit_of_a_total_is_rounded_once():
    """The net is cut to 900, and the tax with it: 1000.004 at 19 % is 1190.00476, of which nine tenths remain."""
    by = tariff(
        element(component("ENERGY", "100.0004", "19"), component("TIME", "0.0045", "7")),
        max_price={"currency": "EUR", "before_tax": "900"},
    )
    policy = PricingPolicy(name="total", rounding_place=RoundingPlace.TOTAL)
    got = agreed_price(asked(period(NOON, TIME="1", ENERGY="10"), by=by, policy=policy))
    assert (got.net, got.gross) == (900, round(got.exact.after_tax or Decimal(0), 2))


class TestSplitBySignedReadings:
    """A period within which the price changes costs what one costs that was cut there."""

    policy = PricingPolicy(name="split", price_change=PriceChange.SPLIT, rounding_place=RoundingPlace.TOTAL)
    readings = (
        reading(0, "0"),
        reading(20, "2"),
        reading(40, "8"),
        reading(60, "10", VehicleState.PARKED),
        reading(90, "10", VehicleState.PARKED),
    )
    samples = tuple(Sample(at=r.at, kwh=r.energy_kwh) for r in readings)

    @pytest.mark.parametrize(
        ("restrictions", "expected"),
        [
            ({"end_time": "12:30"}, "5"),
            ({"end_time": "12:20"}, "2"),
            ({"max_duration_s": 3000}, "9"),
            ({"max_kwh": "5"}, "5"),
            ({"max_kwh": "9"}, "9"),
        ],
    )
    def test_at_any_kind_of_change(self, restrictions: dict[str, object], expected: str):
        by = tariff(
            element(component("ENERGY", "1"), **restrictions),
            element(component("ENERGY", "0"), component("PARKING_TIME", "0")),
        )
        case = asked(
            *one_a_state(self.readings), by=by, hours=1.5, start=NOON, policy=self.policy, samples=self.samples
        )
        cut = case.charge.model_copy(update={"periods": oracle.minutes(self.readings)})
        got = engine(case)
        assert isinstance(got, Breakdown)
        assert [*disagreements(case, got, cut)] == []
        assert (got.net, codes(got)) == (Decimal(expected), ["pricing.period_split"])

    def test_what_was_not_sampled_is_not_cut(self):
        by = tariff(element(component("ENERGY", "1"), end_time="12:30"), element(component("ENERGY", "0")))
        late = asked(period(NOON, TIME="1", ENERGY="10"), by=by, policy=self.policy, samples=(Sample(at=NOON, kwh=0),))
        got = agreed_price(late)
        assert (got.net, codes(got)) == (10, ["pricing.period_spans_price_change"])
        assert late.charge.periods[0].volume(VolumeDimension.ENERGY) == 10
