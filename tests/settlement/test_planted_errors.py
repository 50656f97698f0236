"""That the comparison of the two engines can fail: a rule of the second one is broken, and a session shows it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from canonical.cdr import CostComponent, Discount
from canonical.session import ChargingPeriod
from canonical.tariff import Tariff
from settlement.pricing import Charge, PricingPolicy
from settlement.pricing.policy import NightReading, RoundingPlace
from settlement.rounding import Rounding
from tests.settlement import oracle
from tests.settlement.build import BERLIN, NOON, component, element, period, tariff
from tests.settlement.comparison import disagreements, engine
from tests.settlement.pricing_cases import Case

HOUR = timedelta(hours=1)
MIDNIGHT = NOON.replace(hour=23)
"""Local, the night to Friday, 6 March 2026; noon is a Thursday's."""
PAUSED = (
    period(NOON, TIME="0.5", ENERGY="5"),
    period(NOON + HOUR / 2, PARKING_TIME="0.5"),
    period(NOON + HOUR, TIME="0.5", ENERGY="5"),
    period(NOON + HOUR * 3 / 2, PARKING_TIME="0.5"),
)


def case(
    *priced_by: Tariff,
    periods: tuple[ChargingPeriod, ...] = (),
    hours: float = 1,
    policy: PricingPolicy | None = None,
    **more: object,
) -> Case:
    """An hour of charging 10 kWh, if nothing else is said."""
    periods = periods or (period(NOON, TIME="1", ENERGY="10", POWER="10"),)
    start = periods[0].start
    charge = Charge.model_validate(
        {"start": start, "end": start + hours * HOUR, "periods": periods, "time_zone": BERLIN, **more}
    )
    return Case(charge, priced_by, policy or PricingPolicy(name="usual"))


def at_first(price: str, **restrictions: object) -> Tariff:
    """A price where the restrictions hold, and one of nine where they do not."""
    return tariff(element(component("ENERGY", price), **restrictions), element(component("ENERGY", "9")))


def _never_wraps(clock: str, start: str | None, end: str | None) -> bool:
    return (start or "00:00") <= clock < (end or "24:00")


def _inclusive(low: Fraction, high: Fraction, least: Decimal | int | None, most: Decimal | int | None) -> bool:
    return (least is None or least <= low) and (most is None or high <= most)


def _until_and_with(date: str, first: str | None, beyond: str | None) -> bool:
    return (first is None or first <= date) and (beyond is None or date <= beyond)


def _stated_is_net(stated: Fraction, at: tuple[int, int, int], tariffs: object) -> oracle.Amount:
    return oracle.Amount(stated, stated)


def _highest(charging: ChargingPeriod, what: str) -> tuple[Fraction, Fraction] | None:
    stated = [v.volume for v in charging.volumes if v.dimension in (what, f"MIN_{what}", f"MAX_{what}")]
    return (Fraction(max(stated)), Fraction(max(stated))) if stated else None


def _in_utc(at: datetime, zone: str) -> datetime:
    return at


def _cut(amount: Fraction, rules: oracle.Rules) -> Fraction:
    return Fraction(int(amount * 10**rules.decimals), 10**rules.decimals)


def _tie_up(amount: Fraction, rules: oracle.Rules) -> Fraction:
    return Fraction(int(amount * 10**rules.decimals + Fraction(1, 2)), 10**rules.decimals)


_PENNIES = tariff(element(component("ENERGY", "0.0004"), component("TIME", "0.004")))
_TIE = at_first("0.0125")

PLANTED: dict[str, tuple[str, Callable[..., object], Case]] = {
    "a window never goes over midnight": (
        "in_window",
        _never_wraps,
        case(at_first("1", start_time="22:00", end_time="13:00")),
    ),
    "an upper bound is inclusive": ("in_band", _inclusive, case(at_first("1", max_power_kw="10"))),
    "the last date is inclusive": ("in_dates", _until_and_with, case(at_first("1", end_date="2026-03-05"))),
    "the clock is UTC": ("local_time", _in_utc, case(at_first("1", start_time="12:00"))),
    "the weekday is that of the instant, always": (
        "weekday",
        lambda local, *_: oracle._WEEKDAYS[local.weekday()],
        case(
            at_first("1", start_time="22:00", end_time="06:00", days_of_week=["THURSDAY"]),
            periods=(period(MIDNIGHT, TIME="1", ENERGY="10"),),
            policy=PricingPolicy(name="nights", nights=NightReading.DAY_IT_BEGAN),
        ),
    ),
    "durations count from the booking": (
        "seconds_before",
        lambda stretch, start, *_: oracle._seconds(stretch.begin - start),
        case(
            at_first("1", max_duration_s=60),
            periods=(period(NOON, RESERVATION_TIME="0.5"), period(NOON + HOUR / 2, TIME="0.5", ENERGY="10")),
        ),
    ),
    "a step is due when it is over": (
        "begun",
        int,
        case(tariff(element(component("ENERGY", "1", step=3000)))),
    ),
    "all time is rounded together": (
        "last_dimension",
        lambda time: time,
        case(
            tariff(element(component("TIME", "1", step=2700), component("PARKING_TIME", "2", step=2700))),
            periods=PAUSED,
            hours=2,
        ),
    ),
    "an expired reservation costs what a used one does": (
        "expiring",
        lambda expired: ["RESERVATION"],
        case(
            tariff(
                element(component("TIME", "2"), reservation="RESERVATION"),
                element(component("TIME", "5"), reservation="RESERVATION_EXPIRES"),
            ),
            periods=(period(NOON, RESERVATION_TIME="1"),),
            reservation_expired=True,
        ),
    ),
    "a flat fee is due in every period": (
        "is_paid",
        lambda *_: False,
        case(tariff(element(component("FLAT", "1"))), periods=PAUSED, hours=2),
    ),
    "a limit does not bind": (
        "clamp",
        lambda value, most, least: value,
        case(
            tariff(element(component("ENERGY", "1")), max_price={"currency": "EUR", "before_tax": 5}),
        ),
    ),
    "prices are before tax, and there is none": ("taxed", _stated_is_net, case(at_first("1"))),
    "money is cut and not rounded": ("to_money", _cut, case(at_first("0.0999"))),
    "a tie goes up, whatever was agreed": (
        "to_money",
        _tie_up,
        case(_TIE, policy=PricingPolicy(name="even", rounding=Rounding.HALF_EVEN)),
    ),
    "lines are rounded where the total is to be": (
        "rounded_total",
        lambda lines, discounts, tariffs, rules, right=oracle.rounded_total: right(
            lines, discounts, tariffs, replace(rules, rounding_place="LINE")
        ),
        case(_PENNIES, policy=PricingPolicy(name="total", rounding_place=RoundingPlace.TOTAL)),
    ),
    "all parking is a pause": (
        "idle_or_parking",
        lambda *_: "PARKING",
        case(tariff(element(component("PARKING_TIME", "2"))), periods=PAUSED, hours=2),
    ),
    "a period's own tariff is not looked at": (
        "tariff_of",
        lambda *_: 0,
        case(
            at_first("1"),
            at_first("2").model_copy(update={"id": "T2"}),
            periods=(period(NOON, TIME="1", ENERGY="10").model_copy(update={"tariff_id": "T2"}),),
        ),
    ),
    "power is the highest of a period": (
        "spread",
        _highest,
        case(
            at_first("1", min_power_kw="11"),
            periods=(period(NOON, TIME="1", ENERGY="10", MIN_POWER="7", MAX_POWER="22"),),
        ),
    ),
    "a discount is on everything": (
        "is_discounted",
        lambda *_: True,
        case(
            at_first("1"),
            discounts=(Discount(name="parker", percent=Decimal(10), components=(CostComponent.PARKING,)),),
        ),
    ),
    "each tax is on the sum of its own name alone": (
        "rate_of",
        lambda at, tariffs: oracle.Rate(included=False, taxes=((f"{at}", Decimal(19)),)),
        case(tariff(element(component("ENERGY", "0.012"), component("TIME", "0.12")))),
    ),
}


@pytest.mark.parametrize(("rule", "wrong", "shown_by"), PLANTED.values(), ids=PLANTED)
def test_a_planted_error_is_noticed(
    monkeypatch: pytest.MonkeyPatch, rule: str, wrong: Callable[..., object], shown_by: Case
) -> None:
    got = engine(shown_by)
    assert not list(disagreements(shown_by, got))
    monkeypatch.setattr(oracle, rule, wrong)
    assert list(disagreements(shown_by, got))
