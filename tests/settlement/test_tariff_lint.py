"""What a tariff will do, and what speaks against it: every code, by a tariff that has it and one that has not."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from canonical.model import Extension
from canonical.money import Price
from canonical.tariff import Tariff, TaxIncluded
from settlement.tariff_lint import CODES, Kind, lint
from tests.settlement.build import NOON, component, element, tariff

ENERGY = component("ENERGY", "0.50")
TIME = component("TIME", "3.00")
PARKING = component("PARKING_TIME", "6.00")
FLAT = component("FLAT", "1.00")


def codes(of: Tariff, kind: Kind | None = None, **known: object) -> list[str]:
    remarks = lint(of, **known).remarks  # type: ignore[arg-type]
    return [remark.code for remark in remarks if kind is None or remark.kind is kind]


def euros(net: str, gross: str | None = None) -> Price:
    return Price(currency="EUR", before_tax=Decimal(net), after_tax=None if gross is None else Decimal(gross))


def days(*names: str) -> tuple[str, ...]:
    return names


def test_there_is_nothing_to_say_against_a_plain_tariff() -> None:
    assert codes(tariff(element(ENERGY, PARKING)), power_kw=Decimal(150), time_zone="Europe/Berlin") == []


EXAMPLES: Sequence[tuple[str, Tariff]] = (
    ("tariff.unknown_currency", tariff(element(ENERGY), currency="EUX")),
    ("tariff.never_valid", tariff(element(ENERGY), valid_from=NOON, valid_until=NOON)),
    ("tariff.limits_crossed", tariff(element(ENERGY), min_price=euros("5", "6"), max_price=euros("4", "7"))),
    ("tariff.limits_crossed", tariff(element(ENERGY), min_price=euros("5", "9"), max_price=euros("6", "7"))),
    ("tariff.gross_without_rate", tariff(element(component("ENERGY", "1", None)), tax=TaxIncluded.YES)),
    ("tariff.rate_without_tax", tariff(element(ENERGY), tax=TaxIncluded.NOT_APPLICABLE)),
    ("tariff.empty_range", tariff(element(ENERGY, min_kwh=10, max_kwh=10), element(ENERGY))),
    ("tariff.empty_range", tariff(element(ENERGY, max_duration_s=0), element(ENERGY))),
    ("tariff.empty_dates", tariff(element(ENERGY, start_date="2026-02-01", end_date="2026-02-01"), element(ENERGY))),
    ("tariff.reservation_dimension", tariff(element(ENERGY, reservation="RESERVATION"), element(ENERGY))),
    ("tariff.unreachable_element", tariff(element(ENERGY), element(component("ENERGY", "1"), start_time="08:00"))),
    ("tariff.unreachable_component", tariff(element(ENERGY), element(component("ENERGY", "1"), PARKING))),
    # Two halves of a day leave nothing to a third element.
    (
        "tariff.unreachable_element",
        tariff(
            element(ENERGY, start_time="08:00", end_time="20:00"),
            element(ENERGY, start_time="20:00", end_time="08:00"),
            element(component("ENERGY", "1")),
        ),
    ),
    ("tariff.step_size", tariff(element(component("ENERGY", "0.5", step=500)))),
    (
        "tariff.step_sizes_differ",
        tariff(element(component("TIME", "3", step=60), component("PARKING_TIME", "3", step=300))),
    ),
    ("tariff.time_without_parking", tariff(element(TIME))),
    (
        "tariff.wrapping_window_with_weekday",
        tariff(
            element(ENERGY, start_time="22:00", end_time="06:00", days_of_week=days("FRIDAY")), element(PARKING, ENERGY)
        ),
    ),
    ("tariff.window_start_is_end", tariff(element(ENERGY, start_time="08:00", end_time="08:00"))),
    ("tariff.dates_with_times", tariff(element(ENERGY, start_time="08:00", start_date="2026-01-01"), element(ENERGY))),
    (
        "tariff.overlapping_elements",
        tariff(
            element(ENERGY, days_of_week=days("SATURDAY")),
            element(component("ENERGY", "1"), start_time="08:00", end_time="10:00"),
            element(component("ENERGY", "2")),
        ),
    ),
    ("tariff.duplicate_dimension", tariff(element(ENERGY, component("ENERGY", "1")))),
    ("tariff.vat_absent", tariff(element(component("ENERGY", "1", None)))),
    ("tariff.no_fallback", tariff(element(ENERGY, days_of_week=days("MONDAY")))),
    ("tariff.flat_restricted", tariff(element(FLAT, start_time="08:00", end_time="10:00"), element(ENERGY))),
    ("tariff.flats_add_up", tariff(element(FLAT, end_time="12:00"), element(component("FLAT", "2"), ENERGY))),
    ("tariff.min_duration_on_parking", tariff(element(PARKING, min_duration_s=3600), element(ENERGY))),
    ("tariff.measured_power_needed", tariff(element(ENERGY, max_power_kw=50), element(ENERGY))),
    ("tariff.alt_url", tariff(element(ENERGY), alt_url="https://example.com/price")),
    ("tariff.profile_type", tariff(element(ENERGY), type="PROFILE_CHEAP")),
    ("tariff.limit_one_sided", tariff(element(ENERGY), max_price=euros("40"))),
    ("tariff.negative_price", tariff(element(component("ENERGY", "-0.1")))),
    ("tariff.price_per_wh", tariff(element(component("ENERGY", "0.0005")))),
    ("tariff.price_per_minute", tariff(element(ENERGY, component("PARKING_TIME", "0.10")))),
    ("tariff.price_in_minor_units", tariff(element(component("ENERGY", "49")))),
    ("tariff.unknown_field", tariff(element(ENERGY), extensions=(Extension(pointer="/prize", json_text="1"),))),
    ("tariff.afir_not_per_kwh", tariff(element(TIME, PARKING))),
    ("tariff.afir_session_fee", tariff(element(ENERGY, FLAT))),
    ("tariff.afir_minimum_price", tariff(element(ENERGY), min_price=euros("1", "1.19"))),
    ("tariff.afir_time_while_charging", tariff(element(ENERGY, TIME, PARKING))),
    ("tariff.afir_order", tariff(element(PARKING, ENERGY))),
)


@pytest.mark.parametrize(("code", "of"), EXAMPLES)
def test_it_is_said(code: str, of: Tariff) -> None:
    assert code in codes(of)


def test_every_code_has_an_example() -> None:
    known_elsewhere = {"tariff.window_at_clock_change", "tariff.power_out_of_reach", "tariff.too_many_cases"}
    assert {code for code, _ in EXAMPLES} | known_elsewhere == set(CODES)


def test_a_contradiction_blocks_and_a_doubt_does_not() -> None:
    assert lint(tariff(element(ENERGY, min_kwh=10, max_kwh=5))).blocks
    assert not lint(tariff(element(component("ENERGY", "0.5", step=500)))).blocks


@pytest.mark.parametrize(
    "of",
    [
        # The exception before the rule, day and night, bands of current, and what reservations cost.
        tariff(element(component("ENERGY", "1"), start_time="08:00", end_time="20:00"), element(ENERGY)),
        tariff(
            element(ENERGY, max_current_a=32),
            element(component("ENERGY", "1"), min_current_a=32, days_of_week=days("SATURDAY", "SUNDAY")),
            element(
                component("ENERGY", "2"),
                min_current_a=32,
                days_of_week=days("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"),
            ),
        ),
        tariff(element(TIME, reservation="RESERVATION"), element(ENERGY, reservation=None)),
    ],
)
def test_usual_ways_of_writing_a_tariff_are_neither_gaps_nor_contradictions(of: Tariff) -> None:
    assert not {"tariff.no_fallback", "tariff.overlapping_elements"} & set(codes(of))
    assert codes(of, Kind.CONTRADICTION) == []


def test_a_gap_is_named_by_an_example() -> None:
    of = tariff(
        element(ENERGY, start_time="06:00", end_time="22:00"),
        element(ENERGY, start_time="22:00", end_time="06:00", days_of_week=days("SUNDAY")),
    )
    said = next(remark.message for remark in lint(of).remarks if remark.code == "tariff.no_fallback")
    assert "on Monday, at 00:00" in said


@pytest.mark.parametrize(("power", "blocked"), [("22", False), ("49.9", False), ("50", True), ("300", True)])
def test_afir_binds_from_50_kw_on(power: str, blocked: bool) -> None:
    assert lint(tariff(element(ENERGY, FLAT)), power_kw=Decimal(power)).blocks == blocked


def test_afir_is_about_ad_hoc_prices_and_lets_a_fee_for_staying_pass() -> None:
    assert codes(tariff(element(FLAT, TIME), type="REGULAR"), Kind.AFIR, power_kw=Decimal(150)) == []
    assert codes(tariff(element(ENERGY, PARKING), type="AD_HOC_PAYMENT"), Kind.AFIR, power_kw=Decimal(150)) == []
    later = tariff(element(TIME, PARKING, min_duration_s=3600), element(ENERGY))
    assert codes(later, Kind.AFIR, power_kw=Decimal(150)) == []
    booked = tariff(element(FLAT, reservation="RESERVATION"), element(ENERGY))
    assert codes(booked, Kind.AFIR, power_kw=Decimal(150)) == []


def test_a_power_that_a_connector_never_has_is_named() -> None:
    of = tariff(element(component("ENERGY", "1"), min_power_kw=100), element(ENERGY))
    assert "tariff.power_out_of_reach" in codes(of, power_kw=Decimal(22))
    assert "tariff.power_out_of_reach" not in codes(of, power_kw=Decimal(100))


def test_a_bound_in_the_hour_in_which_clocks_change_is_named_where_they_change() -> None:
    of = tariff(element(component("ENERGY", "1"), start_time="02:30", end_time="06:00"), element(ENERGY))
    assert "tariff.window_at_clock_change" in codes(of, time_zone="Europe/Berlin")
    assert "tariff.window_at_clock_change" not in codes(of, time_zone="UTC")
    undated = of.model_copy(update={"last_updated": datetime(1970, 1, 1, tzinfo=UTC)})
    assert "tariff.window_at_clock_change" in codes(undated, time_zone="Europe/Berlin")
    by_day = tariff(element(component("ENERGY", "1"), start_time="06:00", end_time="22:00"), element(ENERGY))
    assert "tariff.window_at_clock_change" not in codes(by_day, time_zone="Europe/Berlin")


def test_what_is_too_much_to_look_at_is_said() -> None:
    many = [
        element(ENERGY, min_kwh=n, min_duration_s=7 * n % 61, min_current_a=17 * n % 61, min_power_kw=29 * n % 61)
        for n in range(1, 61)
    ]
    assert "tariff.too_many_cases" in codes(tariff(*many))
    assert "tariff.too_many_cases" in codes(tariff(*[element(ENERGY, min_kwh=n) for n in range(300)]))


def test_of_two_prices_for_the_same_it_says_the_one_that_counts() -> None:
    (said,) = [
        each for each in lint(tariff(element(ENERGY, component("ENERGY", "0.77")))).sentences if "energy" in each
    ]
    assert "0.77" not in said


def test_it_says_in_words_what_it_does() -> None:
    of = tariff(
        element(component("FLAT", "2.00"), reservation="RESERVATION"),
        element(
            component("PARKING_TIME", "5.00", step=300),
            start_time="09:00",
            end_time="18:00",
            days_of_week=days("MONDAY", "TUESDAY", "WEDNESDAY"),
        ),
        element(ENERGY, max_kwh=30, min_duration_s=5400),
        element(component("ENERGY", "0", None)),
        max_price=euros("40", "47.60"),
    )
    assert lint(of, time_zone="Europe/Berlin").sentences == (
        "Tariff T1: prices are in EUR, before tax.",
        "Element 1: for a reservation: it costs 2.00 EUR once plus 19 % VAT (2.38 EUR with tax).",
        "Element 2: on Monday to Wednesday, from 09:00 to 18:00 (Europe/Berlin): parking without charging costs "
        "5.00 EUR per hour plus 19 % VAT (5.95 EUR with tax), in begun steps of 5 min.",
        "Element 3: for the first 30 kWh of the session, from 1 h 30 min after the start of the session on: energy "
        "costs 0.50 EUR per kWh plus 19 % VAT (0.595 EUR with tax).",
        "Element 4: always: energy is free.",
        "Not priced, and therefore free: charging time.",
        "A session costs at most 40.00 EUR before tax, and 47.60 EUR with tax.",
    )


def test_prices_with_tax_in_them_are_told_without() -> None:
    (_, sentence, *_) = lint(tariff(element(component("ENERGY", "1.19")), tax=TaxIncluded.YES)).sentences
    assert sentence == "Element 1: always: energy costs 1.19 EUR per kWh with 19 % VAT (1.00 EUR before tax)."
