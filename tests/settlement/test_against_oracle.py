"""Two engines that share no code agree on any session and any tariff.

500 pairs in every run, always the same. A long run draws new ones, as many as it is told:

    ROAM_ORACLE_PAIRS=20000 pytest tests/settlement/test_against_oracle.py
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from canonical.cdr import CostComponent
from canonical.session import ChargingPeriod, VolumeDimension
from canonical.tariff import TariffRestrictions
from settlement.pricing import Breakdown, Unpriceable, price
from tests.settlement import oracle
from tests.settlement.pricing_cases import Case, cases, features, metered

PAIRS = int(os.environ.get("ROAM_ORACLE_PAIRS", "500"))
METERED = PAIRS // 5
pytestmark = pytest.mark.timeout(120 if PAIRS <= 500 else 0)
_RUN = settings(
    deadline=None, derandomize=PAIRS <= 500, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)
# Amounts that have no end are given to twelve decimals; a limit spreads the error of one over the others.
Number = Decimal | Fraction | int
_SPANS = "pricing.period_spans_price_change"
_NEAR = Fraction(1, 10**9)


@settings(_RUN, max_examples=PAIRS - METERED)
@given(cases())
def test_both_engines_agree(case: Case) -> None:
    got = engine(case)
    found = [*disagreements(case, got), *unlike_in_notes(case, got)]
    assert not found, "\n".join([*found, str(case)])


@settings(_RUN, max_examples=METERED)
@given(metered())
def test_both_engines_agree_on_a_session_cut_by_the_minute(case: Case) -> None:
    """Our own periods, cut where the price changes, cost what a session costs that is cut everywhere."""
    by_the_minute = case.charge.model_copy(update={"periods": oracle.minutes(case.readings)})
    found = list(disagreements(case, engine(case), by_the_minute))
    assert not found, "\n".join([*found, str(case)])
    energies = [period.volume(VolumeDimension.ENERGY) or Decimal(0) for period in case.charge.periods]
    assert sum(energies) == case.readings[-1].energy_kwh


def engine(case: Case) -> Breakdown | str:
    """The price, or the codes of what stands against one."""
    try:
        return price(case.charge, case.tariffs, case.policy)
    except Unpriceable as refused:
        return ", ".join(finding.code for finding in refused.findings)


def disagreements(case: Case, got: Breakdown | str, session: oracle.Session | None = None) -> Iterator[str]:
    """Where the engines differ, in words. The oracle may be given the session in other periods."""
    try:
        expected = oracle.answer(session or case.charge, case.tariffs, case.rules)
    except oracle.NoPriceError as refused:
        if not isinstance(got, str):
            yield f"the oracle refuses ({refused}), the engine says {got.net}"
        return
    if isinstance(got, str):
        if case.rules.price_change == "REFUSE" and _SPANS in got:
            return
        if "_unknown" in got and _unknown_later(case):
            return
        yield f"the engine refuses ({got}), the oracle says {float(expected.total.net)}"
        return
    for component in CostComponent:
        part = expected.parts.get(component, oracle.FREE)
        usages = [usage for usage in got.usages if usage.component is component]
        after_tax = [usage.after_tax for usage in usages]
        gross = None if None in after_tax else sum(Fraction(amount) for amount in after_tax if amount is not None)
        yield from _unlike(f"{component} net", sum(Fraction(u.before_tax) for u in usages), part.net)
        yield from _unlike(f"{component} gross", gross, part.gross)
        if component in expected.quantities:
            billed = sum(Fraction(usage.billed) for usage in usages)
            yield from _unlike(f"{component} quantity", billed, expected.quantities[component])
    yield from _unlike("net", got.exact.before_tax, expected.total.net)
    yield from _unlike("gross", got.exact.after_tax, expected.total.gross)
    yield from _unlike("rounded net", got.net, expected.rounded_net, expected.leeway)
    yield from _unlike("rounded gross", got.gross, expected.rounded_gross, expected.leeway)


def _unknown_later(case: Case) -> bool:
    """Whether a price may change within a period by a power or a current that is not stated: the engine may refuse."""
    try:
        oracle.price_changes_inside(case.charge, case.tariffs, case.rules)
    except oracle.NoPriceError:
        return True
    return False


def unlike_in_notes(case: Case, got: Breakdown | str) -> Iterator[str]:
    """A period within which a price changes has a note that says so, or no price by such a policy; no other has."""
    if isinstance(got, str):
        noted = _SPANS in got
        if not noted:
            return
    else:
        noted = _SPANS in {note.code for note in got.notes}
    try:
        changes = oracle.price_changes_inside(case.charge, case.tariffs, case.rules)
    except oracle.NoPriceError:
        return
    if changes is not None and changes is not noted:
        yield f"a price {'changes' if changes else 'does not change'} within a period, and the engine does not say so"


def _unlike(what: str, engines: Number | None, oracles: Number | None, leeway: Fraction = Fraction(0)) -> Iterator[str]:
    if engines is None or oracles is None:
        if engines is not oracles:
            yield f"{what}: engine {engines}, oracle {oracles}"
    elif abs(Fraction(engines) - Fraction(oracles)) > _NEAR + leeway:
        yield f"{what}: engine {engines}, oracle {float(oracles)}"


@pytest.fixture(scope="module")
def sample() -> list[tuple[Case, Breakdown | str]]:
    """The pairs of the short run, with the engine's answers."""
    drawn: list[tuple[Case, Breakdown | str]] = []

    @settings(_RUN, max_examples=500, derandomize=True, phases=[Phase.generate])
    @given(cases())
    def draw(case: Case) -> None:
        drawn.append((case, engine(case)))

    draw()
    return drawn


# How many of 500 pairs have it, at least. What is not named here is in at least five.
OFTEN = {"priced": 400, "gross known": 250, "costs something": 250, "limit binds": 25, "tax included YES": 50}


def test_nothing_is_left_out(sample: list[tuple[Case, Breakdown | str]]) -> None:
    seen = Counter(feature for case, _ in sample for feature in set(features(case)))
    for _, got in sample:
        if isinstance(got, Breakdown):
            seen.update({"priced"})
            seen.update({"gross known"} if got.gross is not None else ())
            seen.update({"costs something"} if got.exact.before_tax else ())
            seen.update({"limit binds"} if any(u.component is CostComponent.LIMIT for u in got.usages) else ())
            seen.update({f"billed {usage.component}" for usage in got.usages})
            seen.update({"step added"} if any(usage.step_added for usage in got.usages) else ())
            seen.update({f"note {note.code}" for note in got.notes})
        else:
            seen.update({f"refused {got}"})
    missing = [name for name in EVERYTHING if seen[name] < OFTEN.get(name, 5)]
    assert not missing, f"{missing} in {seen}"


EVERYTHING = (
    *OFTEN,
    *(f"billed {component}" for component in CostComponent),
    *(f"restriction {name}" for name in TariffRestrictions.model_fields),
    "window wraps",
    "window equal",
    "window with one edge",
    *(f"dimension {dimension}" for dimension in ("ENERGY", "TIME", "PARKING_TIME", "FLAT")),
    *(f"tax included {included}" for included in ("YES", "NO", "N/A")),
    "unknown rate",
    "several rates",
    "several taxes",
    "several tariffs",
    "discount",
    "free tariff",
    *(f"step size {name}" for name in ("LAST_DIMENSION", "COMBINED_TIME", "PER_DIMENSION", "IGNORED")),
    *(f"selection {name}" for name in ("PER_DIMENSION", "WHOLE_ELEMENT")),
    "step added",
    *(f"{limit} price {side}" for limit in ("min", "max") for side in ("before tax", "after tax")),
    "period of no length",
    "periods out of order",
    "reservation",
    "reservation expired",
    "charging and parking in one period",
    "no energy",
    "change of the clock in Europe/Berlin",
    "change of the clock in America/New_York",
    "change of the clock in America/St_Johns",
    "change of the clock in Australia/Lord_Howe",
    "note pricing.gap",
    "note pricing.period_spans_price_change",
    "refused pricing.times_out_of_order",
    "refused pricing.net_unknown",
)


def _never_wraps(clock: str, start: str | None, end: str | None) -> bool:
    return (start or "00:00") <= clock < (end or "24:00")


def _inclusive(low: Fraction, high: Fraction, least: Decimal | int | None, most: Decimal | int | None) -> bool:
    return (least is None or least <= low) and (most is None or high <= most)


def _until_and_with(date: str, first: str | None, beyond: str | None) -> bool:
    return (first is None or first <= date) and (beyond is None or date <= beyond)


def _stated_is_net(stated: Fraction, at: tuple[int, int, int], tariffs: object) -> oracle.Amount:
    return oracle.Amount(stated, stated)


def _highest(period: ChargingPeriod, what: str) -> tuple[Fraction, Fraction] | None:
    stated = [v.volume for v in period.volumes if v.dimension in (what, f"MIN_{what}", f"MAX_{what}")]
    return (Fraction(max(stated)), Fraction(max(stated))) if stated else None


def _in_utc(at: datetime, zone: str) -> datetime:
    return at


PLANTED: dict[str, tuple[str, Callable[..., object]]] = {
    "a window never goes over midnight": ("in_window", _never_wraps),
    "an upper bound is inclusive": ("in_band", _inclusive),
    "the last date is inclusive": ("in_dates", _until_and_with),
    "the clock is UTC": ("local_time", _in_utc),
    "the weekday is that of the instant, always": (
        "weekday",
        lambda local, *_: oracle._WEEKDAYS[local.weekday()],
    ),
    "durations count from the booking": ("seconds_before", lambda s, start, *_: oracle._seconds(s.begin - start)),
    "a step is due when it is over": ("begun", int),
    "all time is rounded together": ("last_dimension", lambda time: time),
    "an expired reservation costs what a used one does": ("expiring", lambda expired: ["RESERVATION"]),
    "a flat fee is due in every period": ("is_paid", lambda *_: False),
    "a limit does not bind": ("clamp", lambda value, most, least: value),
    "prices are before tax, and there is none": ("taxed", _stated_is_net),
    "money is cut and not rounded": (
        "to_money",
        lambda amount, rules: Fraction(int(amount * 10**rules.decimals), 10**rules.decimals),
    ),
    "all parking is a pause": ("idle_or_parking", lambda *_: "PARKING"),
    "a period's own tariff is not looked at": ("tariff_of", lambda *_: 0),
    "power is the highest of a period": ("spread", _highest),
    "a discount is on everything": ("is_discounted", lambda *_: True),
}


@pytest.mark.parametrize(("rule", "wrong"), PLANTED.values(), ids=PLANTED)
def test_a_planted_error_is_noticed(
    sample: list[tuple[Case, Breakdown | str]],
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
    wrong: Callable[..., object],
) -> None:
    monkeypatch.setattr(oracle, rule, wrong)
    assert any(found for case, got in sample for found in disagreements(case, got))
