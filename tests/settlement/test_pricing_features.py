"""What a tariff or an agreement may ask for beyond prices and restrictions, one feature after another."""

from datetime import timedelta
from decimal import Decimal
from time import process_time

import pytest

from canonical.cdr import CostComponent, Discount
from canonical.model import Extension, Finding
from canonical.session import ChargingPeriod
from canonical.tariff import PriceComponent, Tariff, TariffDimension, TaxIncluded, TaxRate
from settlement.pricing import (
    DEFAULT_POLICY,
    Breakdown,
    Charge,
    NetUnknown,
    Pricer,
    PricingPolicy,
    Sample,
    Unpriceable,
    price,
)
from settlement.pricing.policy import FlatReading, MinimumPrice, NightReading, PriceChange, RoundingPlace
from tests.settlement.build import BERLIN, EXACT, NOON, component, element, period, tariff

HOUR = timedelta(hours=1)


def charge(*periods: ChargingPeriod, hours: float = 1, **more: object) -> Charge:
    return Charge.model_validate(
        {"start": NOON, "end": NOON + hours * HOUR, "periods": periods, "time_zone": BERLIN, **more}
    )


def by(tariff_id: str, used: ChargingPeriod) -> ChargingPeriod:
    return used.model_copy(update={"tariff_id": tariff_id})


def codes(of: Breakdown | pytest.ExceptionInfo[Unpriceable]) -> list[str]:
    findings: tuple[Finding, ...] = of.notes if isinstance(of, Breakdown) else of.value.findings
    return [finding.code for finding in findings]


def amounts(got: Breakdown) -> list[tuple[CostComponent, Decimal]]:
    return [(line.component, line.net) for line in got.lines]


TEN_KWH = charge(period(NOON, ENERGY="10", TIME="1"))
ENERGY_040 = tariff(element(component("ENERGY", "0.40")))


def test_a_tariff_of_five_thousand_elements_is_ready_in_seconds():
    """A sender decides how many there are, and an answer is due. Every bound is another, so that nothing is shared."""
    absurd = tariff(
        *(
            element(
                component("ENERGY", f"0.{number + 1:05}"),
                start_time=f"{number // 60 % 24:02}:{number % 60:02}",
                start_date=f"{2001 + number // 300}-{number % 300 // 25 + 1:02}-{number % 25 + 1:02}",
                min_duration_s=number,
                max_kwh=str(number + 1),
            )
            for number in range(5_000)
        )
    )
    began = process_time()
    assert price(TEN_KWH, absurd, DEFAULT_POLICY).net == 0
    assert process_time() - began < 4


def test_so_is_one_with_thousands_of_fields_that_nobody_knows():
    pointers = [f"/elements/0/restrictions/{letter * 1000}{number}" for letter in "kvy" for number in range(1000)]
    absurd = ENERGY_040.model_copy(
        update={"extensions": tuple(Extension(pointer=pointer, json_text="1") for pointer in pointers)}
    )
    began = process_time()
    with pytest.raises(Unpriceable):
        price(TEN_KWH, absurd, DEFAULT_POLICY)
    assert process_time() - began < 4


class TestSeveralTariffs:
    day = tariff(element(component("ENERGY", "0.40")), id="DAY")
    green = tariff(element(component("ENERGY", "0.30", "7")), id="GREEN")
    switched = charge(
        period(NOON, ENERGY="10", TIME="1"), by("green", period(NOON + HOUR, ENERGY="10", TIME="1")), hours=2
    )

    def test_a_period_is_priced_by_the_tariff_that_it_names_and_else_by_the_first(self):
        got = price(self.switched, [self.day, self.green], DEFAULT_POLICY)
        assert [(line.net, line.source.tariff.tariff_id) for line in got.lines if line.source] == [
            (Decimal("4.00"), "DAY"),
            (Decimal("3.00"), "GREEN"),
        ]
        assert [usage.tariff_id for usage in got.usages] == ["DAY", "GREEN"]

    def test_one_that_is_not_given_is_refused(self):
        with pytest.raises(Unpriceable) as refused:
            price(self.switched, self.day, DEFAULT_POLICY)
        assert codes(refused) == ["pricing.other_tariff"]

    def test_two_currencies_are_refused(self):
        kroner = tariff(element(component("ENERGY", "3")), id="GREEN", currency="SEK")
        with pytest.raises(Unpriceable) as refused:
            price(self.switched, [self.day, kroner], DEFAULT_POLICY)
        assert codes(refused) == ["pricing.currencies_mixed"]

    def test_limits_are_those_of_the_one_that_it_began_with_and_this_is_said(self):
        capped = tariff(
            element(component("ENERGY", "0.40")), id="DAY", max_price={"currency": "EUR", "before_tax": "5"}
        )
        got = price(self.switched, [self.green, capped], DEFAULT_POLICY)
        assert (got.net, codes(got)) == (Decimal("6.00"), [])
        named = charge(by("DAY", period(NOON, ENERGY="10", TIME="1")), *self.switched.periods[1:], hours=2)
        got = price(named, [self.green, capped], DEFAULT_POLICY)
        assert (got.net, codes(got)) == (Decimal("5.00"), ["pricing.limits_of_several_tariffs"])

    def test_a_bad_tariff_that_is_not_used_does_no_harm(self):
        bad = self.green.model_copy(
            update={"extensions": (Extension(pointer="/elements/0/restrictions/dayOfWeek", json_text='["MONDAY"]'),)}
        )
        pricer = Pricer([self.day, bad], DEFAULT_POLICY)
        assert pricer.price(TEN_KWH).net == 4
        with pytest.raises(Unpriceable):
            pricer.price(self.switched)


class TestIdle:
    """Parking after the last charging is idle, a pause and a stay without charging are not."""

    parking = tariff(element(component("PARKING_TIME", "6", step=1200), component("TIME", "0")))

    def test_only_after_the_last_charging(self):
        got = price(
            charge(
                period(NOON, PARKING_TIME="0.5"),
                period(NOON + HOUR / 2, TIME="0.5"),
                period(NOON + HOUR, PARKING_TIME="0.5"),
                period(NOON + HOUR * 3 / 2, TIME="0.5"),
                period(NOON + HOUR * 2, PARKING_TIME="1"),
                hours=3,
            ),
            self.parking,
            DEFAULT_POLICY,
        )
        used = {line.component: line.quantity for line in got.lines}
        assert used == {CostComponent.PARKING: 1, CostComponent.TIME: 1, CostComponent.IDLE: 1}

    def test_who_never_charged_has_parked(self):
        got = price(charge(period(NOON, PARKING_TIME="1")), self.parking, DEFAULT_POLICY)
        assert amounts(got) == [(CostComponent.PARKING, Decimal("6.00"))]

    def test_steps_are_of_all_parking_together(self):
        # 15 minutes of pause and 20 of idle time are 35, and 40 in steps of 20.
        got = price(
            charge(
                period(NOON, TIME="0.25"),
                period(NOON + HOUR / 4, PARKING_TIME="0.25"),
                period(NOON + HOUR / 2, TIME="0.25"),
                period(NOON + HOUR * 3 / 4, PARKING_TIME="0.3333"),
                hours=65 / 60,
            ),
            self.parking,
            DEFAULT_POLICY,
        )
        assert got.net == Decimal("4.00")
        both = got.component(CostComponent.PARKING, CostComponent.IDLE)
        assert both is not None
        assert both.before_tax == Decimal("4.00")


class TestDiscounts:
    half_off_energy = Discount(name="Half", percent=Decimal(50), components=(CostComponent.ENERGY,))
    tenth_off = Discount(name="Club", percent=Decimal(10))
    two_rates = tariff(element(component("ENERGY", "0.40", "7"), component("TIME", "2")))

    def test_each_has_a_line_a_tax_rate(self):
        got = price(charge(*TEN_KWH.periods, discounts=[self.half_off_energy, self.tenth_off]), self.two_rates, EXACT)
        off = [(line.net, line.tax_percent, line.tax) for line in got.lines if line.component is CostComponent.DISCOUNT]
        assert off == [
            (-2, 7, Decimal("-0.14")),
            (Decimal("-0.4"), 7, Decimal("-0.028")),
            (Decimal("-0.2"), 19, Decimal("-0.038")),
        ]
        assert (got.net, got.exact.before_tax) == (Decimal("3.4"), Decimal("3.4"))
        assert [line.note for line in got.lines][2:] == [
            "Half: 50 % off energy",
            "Club: 10 % off everything",
            "Club: 10 % off everything",
        ]

    def test_limits_come_after_them(self):
        capped = tariff(element(component("ENERGY", "0.40")), max_price={"currency": "EUR", "before_tax": "3"})
        discounted = charge(*TEN_KWH.periods, discounts=[self.half_off_energy])
        assert price(TEN_KWH, capped, DEFAULT_POLICY).net == 3
        assert price(discounted, capped, DEFAULT_POLICY).net == 2

    @pytest.mark.parametrize("place", list(RoundingPlace))
    def test_everything_off_leaves_nothing_not_even_a_cent(self, place: RoundingPlace):
        odd = tariff(element(component("ENERGY", "0.3333"), component("TIME", "0.777"), component("FLAT", "0.015")))
        all_off = [Discount(name=name, percent=Decimal(percent)) for name, percent in (("a", "33.3"), ("b", "66.7"))]
        policy = PricingPolicy(name="odd", rounding_place=place)
        got = price(charge(*TEN_KWH.periods, discounts=all_off), odd, policy)
        assert (got.net, got.gross, got.exact.before_tax, got.exact.after_tax) == (0, 0, 0, 0)

    def test_never_takes_off_more_than_there_is(self):
        greedy = [Discount(name=name, percent=Decimal(60)) for name in ("a", "b")]
        got = price(charge(*TEN_KWH.periods, discounts=greedy), ENERGY_040, DEFAULT_POLICY)
        assert (got.net, codes(got)) == (0, ["pricing.discount_capped"])


class TestSeveralTaxes:
    two = (
        TaxRate(name="GST", percent=Decimal(5)),
        TaxRate(name="PST", percent=Decimal(7), account_number="P-1"),
    )

    def with_taxes(self, dimension: str, amount: str) -> PriceComponent:
        return PriceComponent(
            dimension=TariffDimension(dimension),
            price=Decimal(amount),
            vat_percent=Decimal(12),
            taxes=self.two,
            step_size=1,
        )

    @pytest.mark.parametrize("tax", [TaxIncluded.NO, TaxIncluded.YES])
    def test_each_has_its_own_amount_and_they_make_the_tax_of_the_line(self, tax: TaxIncluded):
        parts = [self.with_taxes("ENERGY", "0.333"), self.with_taxes("TIME", "0.555"), self.with_taxes("FLAT", "0.11")]
        got = price(TEN_KWH, tariff(element(*parts), tax=tax), DEFAULT_POLICY)
        assert [[each.name for each in line.taxes] for line in got.lines] == [["GST", "PST"]] * 3
        for line in got.lines:
            assert line.tax == sum(each.amount for each in line.taxes)
        total = got.total()
        assert total.taxes is not None
        assert [(each.name, each.percentage, each.account_number) for each in total.taxes] == [
            ("GST", 5, None),
            ("PST", 7, "P-1"),
        ]
        assert total.after_tax == got.gross

    def test_each_is_rounded_on_the_sum_of_the_session(self):
        # 0.10 thrice: 5 % of each is half a cent, of all of them one and a half.
        thrice = [self.with_taxes(dimension, amount) for dimension, amount in (("ENERGY", "0.01"), ("TIME", "0.10"))]
        got = price(TEN_KWH, tariff(element(*thrice, self.with_taxes("FLAT", "0.10"))), DEFAULT_POLICY)
        taxes = got.total().taxes
        assert taxes is not None
        assert [(each.name, each.amount) for each in taxes] == [("GST", Decimal("0.02")), ("PST", Decimal("0.02"))]

    def test_a_single_rate_without_a_name_is_vat(self):
        got = price(TEN_KWH, ENERGY_040, DEFAULT_POLICY)
        assert [(each.name, each.amount) for each in got.lines[0].taxes] == [("VAT", Decimal("0.76"))]

    def test_limits_share_them_out(self):
        capped = tariff(
            element(self.with_taxes("ENERGY", "0.40")),
            max_price={"currency": "EUR", "before_tax": "2", "after_tax": "2.24"},
        )
        got = price(TEN_KWH, capped, DEFAULT_POLICY)
        assert [(each.name, each.amount) for each in got.lines[-1].taxes] == [
            ("GST", Decimal("-0.10")),
            ("PST", Decimal("-0.14")),
        ]


class TestPriceChangeWithinAPeriod:
    """Half an hour into the hour the price doubles."""

    later = tariff(
        element(component("ENERGY", "1", step=0), component("TIME", "6", step=0), end_time="12:30"),
        element(component("ENERGY", "2", step=0), component("TIME", "12", step=0)),
    )
    split = PricingPolicy(name="split", price_change=PriceChange.SPLIT)

    def at(self, minutes: float, kwh: str) -> Sample:
        return Sample(at=NOON + timedelta(minutes=minutes), kwh=Decimal(kwh))

    def test_is_flagged(self):
        got = price(TEN_KWH, self.later, DEFAULT_POLICY)
        assert (got.net, codes(got)) == (10 + 6, ["pricing.period_spans_price_change"])

    def test_may_be_refused(self):
        with pytest.raises(Unpriceable) as refused:
            price(TEN_KWH, self.later, PricingPolicy(name="strict", price_change=PriceChange.REFUSE))
        assert codes(refused) == ["pricing.period_spans_price_change"]

    def test_may_be_split_by_the_samples_around_it(self):
        samples = [self.at(0, "0"), self.at(20, "6"), self.at(40, "9"), self.at(60, "10")]
        got = price(charge(*TEN_KWH.periods, samples=samples), self.later, self.split)
        # 7.5 kWh and half an hour, then 2.5 kWh and half an hour.
        assert got.net == Decimal("7.5") + 3 + 2 * Decimal("2.5") + 6
        [note] = got.notes
        assert (note.code, note.stated, note.blocks) == ("pricing.period_split", "3 kWh", False)

    def test_a_sample_at_the_change_leaves_no_doubt(self):
        samples = [self.at(0, "0"), self.at(30, "8"), self.at(60, "10")]
        got = price(charge(*TEN_KWH.periods, samples=samples), self.later, self.split)
        assert got.net == 8 + 3 + 2 * 2 + 6
        assert [note.stated for note in got.notes] == ["0 kWh"]

    def test_without_samples_around_it_it_is_flagged(self):
        got = price(charge(*TEN_KWH.periods, samples=[self.at(0, "0"), self.at(20, "6")]), self.later, self.split)
        assert (got.net, codes(got)) == (10 + 6, ["pricing.period_spans_price_change"])

    def test_time_alone_needs_none(self):
        parked = charge(period(NOON, TIME="1"))
        got = price(parked, self.later, self.split)
        assert (got.net, codes(got)) == (3 + 6, ["pricing.period_split"])

    def test_samples_that_go_backwards_prove_nothing(self):
        samples = [self.at(0, "0"), self.at(40, "9"), self.at(60, "8")]
        got = price(charge(*TEN_KWH.periods, samples=samples), self.later, self.split)
        assert codes(got) == ["pricing.samples_contradict", "pricing.period_spans_price_change"]

    def test_an_energy_tier_is_split_where_the_energy_is_reached(self):
        tiers = tariff(
            element(component("ENERGY", "1", step=0), component("TIME", "6", step=0), max_kwh="8"),
            element(component("ENERGY", "2", step=0), component("TIME", "12", step=0)),
        )
        got = price(charge(*TEN_KWH.periods, samples=[self.at(0, "0"), self.at(60, "10")]), tiers, self.split)
        assert got.net == 8 + 2 * 2 + Decimal("0.8") * 6 + Decimal("0.2") * 12

    def test_a_change_that_changes_no_money_is_none(self):
        same = tariff(element(component("ENERGY", "1"), end_time="12:30"), element(component("ENERGY", "1.00")))
        assert price(TEN_KWH, same, DEFAULT_POLICY).notes == ()

    def test_a_flat_fee_that_begins_within_it_is_due_from_then_on(self):
        fee = tariff(
            element(component("FLAT", "1"), start_time="12:30"),
            element(component("TIME", "6")),
        )
        parked = charge(period(NOON, TIME="1"))
        assert price(parked, fee, DEFAULT_POLICY).net == 6
        assert price(parked, fee, self.split).net == 7


class TestRounding:
    odd = tariff(element(component("ENERGY", "0.3333"), component("TIME", "0.004"), component("FLAT", "0.004")))

    def test_of_the_total_rounds_once(self):
        lines = PricingPolicy(name="lines", rounding_place=RoundingPlace.LINE)
        line_by_line, at_the_end = price(TEN_KWH, self.odd, lines), price(TEN_KWH, self.odd, DEFAULT_POLICY)
        assert (line_by_line.net, at_the_end.net) == (Decimal("3.33"), Decimal("3.34"))
        assert at_the_end.exact.before_tax == Decimal("3.341")
        assert sum(line.net for line in at_the_end.lines) == at_the_end.net

    @pytest.mark.parametrize(("currency", "net"), [("EUR", "3.34"), ("JPY", "3"), ("KWD", "3.341")])
    def test_is_to_the_minor_unit_of_the_currency(self, currency: str, net: str):
        got = price(TEN_KWH, self.odd.model_copy(update={"currency": currency}), DEFAULT_POLICY)
        assert str(got.net) == net

    def test_may_be_to_so_many_decimals_whatever_the_currency(self):
        four = PricingPolicy(name="four", decimals=4)
        assert str(price(TEN_KWH, self.odd.model_copy(update={"currency": "JPY"}), four).net) == "3.3410"


class TestChoicesOfThePolicy:
    def test_one_flat_fee_or_one_of_each_element(self):
        fees = tariff(
            element(component("FLAT", "1"), end_time="12:30"),
            element(component("FLAT", "2")),
        )
        halves = charge(period(NOON, TIME="0.5"), period(NOON + HOUR / 2, TIME="0.5"))
        once = PricingPolicy(name="once", flat_fees=FlatReading.ONCE_PER_SESSION)
        assert price(halves, fees, DEFAULT_POLICY).net == 3
        assert price(halves, fees, once).net == 1

    def test_a_night_belongs_to_the_instant_or_to_the_day_it_began(self):
        friday = tariff(
            element(component("TIME", "1"), start_time="22:00", end_time="06:00", days_of_week=("FRIDAY",)),
            element(component("TIME", "5")),
        )
        saturday_early = NOON + timedelta(hours=13 + 24)  # 01:00 in Berlin, after a Friday
        night = Charge(
            start=saturday_early,
            end=saturday_early + HOUR,
            periods=(period(saturday_early, TIME="1"),),
            time_zone=BERLIN,
        )
        assert price(night, friday, DEFAULT_POLICY).net == 5
        assert price(night, friday, PricingPolicy(name="night", nights=NightReading.DAY_IT_BEGAN)).net == 1

    def test_a_lowest_price_may_need_energy(self):
        least = tariff(element(component("ENERGY", "0.1")), min_price={"currency": "EUR", "before_tax": "3"})
        failed = charge(period(NOON, TIME="0"), hours=0)
        needs_energy = PricingPolicy(name="energy", minimum_price=MinimumPrice.WHERE_ENERGY_FLOWED)
        assert price(failed, least, DEFAULT_POLICY).net == 3
        assert price(failed, least, needs_energy).net == 0
        assert price(TEN_KWH, least, needs_energy).net == 3


class TestOddTariffs:
    @pytest.mark.parametrize(
        ("valid", "found"),
        [
            ({"valid_from": NOON + HOUR}, ["pricing.tariff_not_valid"]),
            ({"valid_until": NOON}, ["pricing.tariff_not_valid"]),
            ({"valid_from": NOON, "valid_until": NOON + HOUR / 2}, []),
        ],
    )
    def test_one_that_is_not_valid_at_the_start_is_said(self, valid: dict[str, object], found: list[str]):
        got = price(TEN_KWH, ENERGY_040.model_copy(update=valid), DEFAULT_POLICY)
        assert (got.net, codes(got)) == (4, found)

    @pytest.mark.parametrize(
        ("pointer", "text", "code", "meant"),
        [
            ("/elements/0/restrictions/dayOfWeek", '["MONDAY"]', "pricing.misspelt_field", "day_of_week"),
            ("/elements/0/restrictions/start-time", '"08:00"', "pricing.misspelt_field", "start_time"),
            ("/elements/0/restrictions/weather", '"RAIN"', "pricing.unknown_field", None),
            ("/elements/0/price_components/0/stepsize", "300", "pricing.misspelt_field", "step_size"),
            ("/elements/0/price_components/1", '{"type": "SESSION_TIME"}', "pricing.unknown_part", None),
            ("/maxprice", '{"excl_vat": 2}', "pricing.misspelt_field", "max_price"),
            ("/max_price/excl_Vat", "2", "pricing.misspelt_field", "excl_vat"),
        ],
    )
    def test_what_may_change_the_price_and_is_not_understood_leaves_none(
        self, pointer: str, text: str, code: str, meant: str | None
    ):
        with pytest.raises(Unpriceable) as refused:
            price(TEN_KWH, self.having(pointer, text), DEFAULT_POLICY)
        assert [(f.code, f.expected, f.blocks) for f in refused.value.findings] == [(code, meant, True)]

    @pytest.mark.parametrize("pointer", ["/name", "/elements/0/price_components/0/label"])
    def test_what_does_not_is_noted(self, pointer: str):
        assert codes(price(TEN_KWH, self.having(pointer, '"x"'), DEFAULT_POLICY)) == ["pricing.unknown_field"]

    def test_nothing_says_nothing(self):
        assert price(TEN_KWH, self.having("/elements/0/restrictions/weather", "null"), DEFAULT_POLICY).notes == ()

    def test_of_two_prices_for_the_same_the_first_counts_and_this_is_noted(self):
        twice = tariff(element(component("ENERGY", "0.40"), component("ENERGY", "9")))
        got = price(TEN_KWH, twice, DEFAULT_POLICY)
        assert (got.net, codes(got)) == (4, ["pricing.duplicate_component"])

    def test_a_free_tariff_is_free(self):
        got = price(TEN_KWH, tariff(element(component("FLAT", "0", step=0))), DEFAULT_POLICY)
        assert (got.net, got.gross, codes(got)) == (0, 0, [])

    @pytest.mark.parametrize("number", ["1E+30", "1E-90"])
    def test_absurd_numbers_are_refused_at_once(self, number: str):
        with pytest.raises(Unpriceable, match=r"pricing\.number_absurd"):
            price(TEN_KWH, tariff(element(component("ENERGY", number))), DEFAULT_POLICY)
        with pytest.raises(Unpriceable, match=r"pricing\.number_absurd"):
            price(charge(period(NOON, ENERGY=number)), ENERGY_040, DEFAULT_POLICY)

    def having(self, pointer: str, text: str) -> Tariff:
        return ENERGY_040.model_copy(update={"extensions": (Extension(pointer=pointer, json_text=text),)})


class TestPower:
    bands = tariff(
        element(component("ENERGY", "1"), max_power_kw="11"),
        element(component("ENERGY", "2"), max_power_kw="50"),
        element(component("ENERGY", "3")),
    )

    @pytest.mark.parametrize(
        ("volumes", "net"),
        [
            ({}, 1),  # on average 10 kW
            ({"MIN_POWER": "9", "MAX_POWER": "11"}, 2),  # the upper bound is exclusive
            ({"POWER": "60"}, 3),
        ],
    )
    def test_is_as_stated_and_else_the_average(self, volumes: dict[str, str], net: int):
        got = price(charge(period(NOON, ENERGY="10", TIME="1", **volumes)), self.bands, DEFAULT_POLICY)
        assert got.net == 10 * net

    def test_current_that_is_not_stated_matters_only_where_the_price_hangs_on_it(self):
        by_current = element(component("TIME", "6"), min_current_a="16")
        first_is_enough = tariff(element(component("ENERGY", "0.4"), component("TIME", "1")), by_current)
        assert price(TEN_KWH, first_is_enough, DEFAULT_POLICY).net == 5
        with pytest.raises(Unpriceable, match=r"pricing\.current_unknown"):
            price(TEN_KWH, tariff(by_current), DEFAULT_POLICY)
        stated = charge(period(NOON, TIME="1", MIN_CURRENT="16", MAX_CURRENT="32"))
        assert price(stated, tariff(by_current), DEFAULT_POLICY).net == 6


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "code"),
        [
            (period(NOON, ENERGY="10", TIME="-1"), "pricing.negative_time"),
            (
                ChargingPeriod(start=NOON, volumes=2 * period(NOON, ENERGY="1").volumes),
                "pricing.volume_repeated",
            ),
        ],
    )
    def test_a_period_that_contradicts_itself(self, given: ChargingPeriod, code: str):
        with pytest.raises(Unpriceable) as refused:
            price(charge(given), ENERGY_040, DEFAULT_POLICY)
        assert codes(refused) == [code]

    def test_no_tariff(self):
        with pytest.raises(Unpriceable, match=r"pricing\.no_tariff"):
            price(TEN_KWH, [], DEFAULT_POLICY)

    def test_the_gross_of_a_price_without_a_rate_is_known_though_its_net_is_not(self):
        gross = tariff(element(component("ENERGY", "0.40", None)), tax=TaxIncluded.YES)
        with pytest.raises(NetUnknown) as refused:
            price(charge(period(NOON, ENERGY="10.0005", TIME="1")), gross, DEFAULT_POLICY)
        assert (refused.value.currency, refused.value.after_tax) == ("EUR", Decimal("4.0004"))

    @pytest.mark.parametrize(("stated", "due"), [("3.50", Decimal("3.50")), (None, None)])
    def test_only_a_limit_with_tax_binds_such_a_gross(self, stated: str | None, due: Decimal | None):
        capped = tariff(
            element(component("ENERGY", "0.40", None)),
            tax=TaxIncluded.YES,
            max_price={"currency": "EUR", "before_tax": "3", "after_tax": stated},
        )
        with pytest.raises(NetUnknown) as refused:
            price(TEN_KWH, capped, DEFAULT_POLICY)
        assert refused.value.after_tax == due


class TestTheWorking:
    """The breakdown shows it."""

    def test_each_price_says_how_much_of_what_and_why(self):
        rules = tariff(
            element(
                component("ENERGY", "0.3", step=500),
                start_time="08:00",
                end_time="18:00",
                days_of_week=("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"),
            ),
            element(component("ENERGY", "0.2"), component("TIME", "1.5")),
        )
        got = price(charge(period(NOON, ENERGY="5.4", TIME="0.3333"), hours=1 / 3), rules, DEFAULT_POLICY)
        energy, time = got.usages
        assert (energy.measured, energy.billed, energy.step_added) == (
            Decimal("5.4"),
            Decimal("5.5"),
            Decimal("0.1"),
        )
        assert energy.why == "element 1 of 2: Mon-Fri 08:00-18:00"
        assert (time.unit, time.measured, time.why) == ("h", Decimal("0.333333333333"), "element 2 of 2: always")
        assert (energy.before_tax, energy.after_tax) == (Decimal("1.65"), Decimal("1.9635"))
        assert (got.exact.before_tax, got.exact.after_tax) == (Decimal("2.15"), Decimal("2.5585"))

    def test_a_limit_shows_what_it_changed(self):
        capped = tariff(element(component("ENERGY", "0.40")), max_price={"currency": "EUR", "before_tax": "3"})
        got = price(TEN_KWH, capped, DEFAULT_POLICY)
        limit = got.usages[-1]
        assert (limit.component, limit.before_tax, limit.why) == (CostComponent.LIMIT, -1, "maximum price of tariff T1")
        assert (got.exact.before_tax, got.exact.after_tax) == (3, Decimal("3.57"))

    def test_what_is_made_without_checks_would_have_passed_them(self):
        rules = tariff(
            element(component("ENERGY", "0.3", step=500), component("FLAT", "1", "7"), component("PARKING_TIME", "2")),
            min_price={"currency": "EUR", "before_tax": "9", "after_tax": "11"},
        )
        used = [period(NOON, ENERGY="5.4", TIME="0.5"), period(NOON + HOUR / 2, PARKING_TIME="0.5")]
        got = price(charge(*used, discounts=[Discount(name="x", percent=Decimal(5))]), rules, DEFAULT_POLICY)
        assert {line.component for line in got.lines} >= {CostComponent.DISCOUNT, CostComponent.LIMIT}
        assert Breakdown.model_validate(got.model_dump()) == got
        assert Breakdown.model_validate_json(got.model_dump_json()) == got
