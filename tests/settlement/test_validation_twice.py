from datetime import timedelta
from decimal import Decimal

import pytest

from canonical.cdr import Cdr
from canonical.money import Price
from settlement.validation import Circumstances, Kin, OtherCdr, Validation, validate
from tests.settlement.build import BERLIN, ENERGY_AND_IDLE, charged, dossier, session

FIRST = dossier().cdr.model_copy(update={"authorization_reference": "A-1"})
LATER = timedelta(hours=5)


def again(**fields: object) -> Cdr:
    """Another CDR over another session with another authorisation, later at the same EVSE."""
    other = {"id": "AGAIN", "authorization_reference": "A-2", "session_id": "S1"}
    return FIRST.model_copy(update={**other, **moved(LATER), **fields})


def moved(by: timedelta) -> dict[str, object]:
    periods = tuple(p.model_copy(update={"start": p.start + by}) for p in FIRST.charging_periods)
    return {"start": FIRST.start + by, "end": FIRST.end + by, "charging_periods": periods}


def full_credit(net: str = "-12.00") -> Cdr:
    total = Price(currency="EUR", before_tax=Decimal(net))
    return FIRST.model_copy(
        update={"id": "C", "credit": True, "credit_reference_id": FIRST.id.lower(), "total_cost": total}
    )


def check(cdr: Cdr, *, of_session: str = "S2", first: str = "S1", taken_back: tuple[Cdr, ...] = ()) -> Validation:
    kin = Kin(session_id=of_session, earlier=(OtherCdr(cdr=FIRST, session_id=first),), credits=taken_back)
    return validate(
        cdr,
        session=session(charged(), start=cdr.start, end=cdr.end),
        tariff_held=ENERGY_AND_IDLE,
        time_zone=BERLIN,
        circumstances=Circumstances(kin=kin),
    )


def test_two_sessions_one_after_the_other_are_billed_twice():
    assert check(again()).findings == ()


@pytest.mark.parametrize(
    ("code", "cdr", "of_session"),
    [
        ("cdr.second_debit", again(), "s1"),
        ("cdr.second_debit_of_authorization", again(authorization_reference="a-1"), "S2"),
        ("cdr.duplicate_economic", again(**moved(timedelta(minutes=30))), "S2"),
    ],
)
def test_what_was_billed_before_waits_for_a_person(code: str, cdr: Cdr, of_session: str):
    got = check(cdr, of_session=of_session)
    assert [(f.code, f.blocks) for f in got.findings] == [(code, True)]
    assert FIRST.id in got.findings[0].message


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"evse_uid": "E2", "evse_id": "DE*RCO*E2"},
        {"location_id": "L2"},
    ],
)
def test_one_token_may_charge_two_cars_at_two_evses(elsewhere: dict[str, str]):
    place = FIRST.charge_point.model_copy(update=elsewhere)
    got = check(again(**moved(timedelta(minutes=30)), charge_point=place))
    assert {f.code for f in got.findings} <= {"cdr.place_differs"}


def test_another_token_at_the_same_time_is_noted():
    other = FIRST.token.model_copy(update={"uid": "FFFF"})
    got = check(again(**moved(timedelta(minutes=30)), token=other))
    assert ("cdr.overlap", False) in [(f.code, f.blocks) for f in got.findings]


def test_so_does_one_car_after_the_other():
    assert check(again(**moved(FIRST.end - FIRST.start - timedelta(seconds=30)))).findings == ()


def test_a_correction_is_a_credit_and_a_new_cdr():
    assert check(again(), of_session="S1", taken_back=(full_credit(),)).findings == ()


def test_half_a_credit_leaves_the_first_standing():
    assert check(again(), of_session="S1", taken_back=(full_credit("-6.00"),)).quarantine


def test_a_credit_is_no_debit():
    assert "cdr.second_debit" not in [f.code for f in check(full_credit(), of_session="S1").findings]
