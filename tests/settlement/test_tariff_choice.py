from datetime import timedelta

import pytest

from canonical.tariff import Tariff
from settlement.tariff_choice import TariffChoice, choose
from tests.settlement.build import NOON, component, element, tariff


def named(tariff_id: str, kind: str | None = None, **more: object) -> Tariff:
    return tariff(element(component("ENERGY", "0.4")), id=tariff_id, type=kind, **more)


ALL = [
    named("ANY"),
    named("ADHOC", "AD_HOC_PAYMENT"),
    named("GREEN", "PROFILE_GREEN"),
    named("CHEAP", "PROFILE_CHEAP"),
    named("REGULAR", "REGULAR"),
]


def outcome(choice: TariffChoice) -> tuple[str | None, list[str]]:
    return choice.tariff.id if choice.tariff else None, [finding.code for finding in choice.findings]


@pytest.mark.parametrize(
    ("tariffs", "wishes", "expected"),
    [
        (ALL, {}, "REGULAR"),
        (ALL, {"profile": "REGULAR"}, "REGULAR"),
        (ALL, {"profile": "GREEN"}, "GREEN"),
        (ALL, {"profile": "FAST"}, "REGULAR"),
        (ALL, {"ad_hoc": True}, "ADHOC"),
        (ALL, {"ad_hoc": True, "profile": "GREEN"}, "ADHOC"),
        (ALL[:3], {}, "ANY"),
        (ALL[:3], {"profile": "CHEAP"}, "ANY"),
        ([ALL[0], ALL[4]], {"ad_hoc": True}, "ANY"),
    ],
)
def test_the_type_decides(tariffs: list[Tariff], wishes: dict[str, object], expected: str):
    choice = choose(tariffs, NOON, **wishes)
    assert outcome(choice) == (expected, [])
    assert choice.reason


def test_the_window_is_looked_at_when_the_session_begins():
    over = named("OVER", "REGULAR", valid_until=NOON)
    later = named("LATER", "REGULAR", valid_from=NOON + timedelta(seconds=1))
    now = named("NOW", valid_from=NOON, valid_until=NOON + timedelta(seconds=1))
    assert outcome(choose([over, later, now], NOON)) == ("NOW", [])
    assert outcome(choose([over, later], NOON)) == (None, [])
    assert outcome(choose([], NOON)) == (None, [])


def test_of_several_that_fit_alike_the_first_is_taken_and_this_is_said():
    assert outcome(choose([named("A", "REGULAR"), named("B", "REGULAR"), named("C")], NOON)) == (
        "A",
        ["tariff.ambiguous"],
    )


def test_one_that_is_for_others_is_a_case_for_a_person():
    choice = choose([ALL[1], ALL[2]], NOON)
    assert outcome(choice) == ("ADHOC", ["tariff.type_does_not_fit"])
    assert choice.findings[0].blocks


def test_prices_on_a_page_of_their_own_are_not_promised():
    page = named("GREEN", "PROFILE_GREEN", alt_url="https://example.org/prices")
    assert outcome(choose([page], NOON, profile="GREEN")) == ("GREEN", ["tariff.price_indicative"])
