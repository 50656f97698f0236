from datetime import timedelta
from decimal import Decimal

import pytest

from canonical.cdr import CostComponent, SignedMeterData, SignedReading, TariffMoment
from canonical.session import ChargingPeriod, VehicleState, Volume, VolumeDimension
from settlement.agreement import STANDARD, Agreement
from settlement.cdr_generator import cdr_id_for, running_cost
from settlement.pricing import DEFAULT_POLICY, PricingPolicy, Unpriceable
from settlement.pricing.policy import PriceChange
from settlement.validation import Circumstances, validate
from tests.settlement import meters
from tests.settlement.build import (
    BERLIN,
    ENERGY_AND_IDLE,
    NOON,
    charged,
    component,
    dossier,
    element,
    reading,
    session,
    tariff,
)


def test_totals_are_the_sums_of_the_lines():
    made = dossier()
    cdr = made.cdr
    assert cdr.total_energy_cost is not None
    assert cdr.total_parking_cost is not None
    assert cdr.total_energy_cost.before_tax == Decimal("8.00")
    assert cdr.total_parking_cost.before_tax == Decimal("4.00")
    assert (cdr.total_cost.before_tax, cdr.total_cost.after_tax) == (Decimal("12.00"), Decimal("14.28"))
    assert cdr.total_cost.before_tax == sum(line.net for line in made.lines)
    assert (cdr.total_energy_kwh, cdr.total_time_h, cdr.total_parking_time_h) == (
        Decimal("20.0000"),
        Decimal("1.6667"),
        Decimal("0.6667"),
    )


def test_the_dossier_answers_an_auditor():
    made = dossier()
    assert [m.moment for m in made.tariff_moments] == [TariffMoment.SESSION_START, TariffMoment.SESSION_END]
    assert all(line.source and line.source.tariff == ENERGY_AND_IDLE.version() for line in made.lines)
    assert made.cdr.tariffs == (ENERGY_AND_IDLE,)
    assert made.handles.session_id == "S1"
    assert made.handles.billing_record == "BR-1"
    assert made.pricing_policy == DEFAULT_POLICY.ref
    assert made.time_zone == BERLIN


def test_the_same_inputs_give_the_same_bytes():
    assert dossier().model_dump_json() == dossier().model_dump_json()
    shuffled = charged()[::-1]
    assert dossier(readings=sorted(shuffled, key=lambda r: r.at)) == dossier()


def test_ids_are_stable_and_leave_room_for_a_credit():
    one, two = session(charged(), 1).object_id, session(charged(), 2).object_id
    assert cdr_id_for(one) == cdr_id_for(one) != cdr_id_for(two)
    assert len(cdr_id_for(one)) <= 34


def test_no_tariff_is_no_price():
    with pytest.raises(Unpriceable) as refused:
        dossier(priced_by=None)
    assert refused.value.findings[0].code == "tariff.unknown"


def test_a_session_that_goes_on_has_no_cdr():
    with pytest.raises(Unpriceable, match=r"session\.not_ended"):
        dossier(end=None)


def test_energy_that_the_session_does_not_know_blocks():
    made = dossier(energy_kwh=Decimal(21))
    assert [(f.code, f.blocks) for f in made.provenance.findings] == [("session.energy_differs", True)]


def test_what_runs_before_the_first_reading_is_charging():
    made = dossier(readings=[reading(30, "5", VehicleState.PARKED), reading(60, "5")], start=NOON)
    assert made.cdr.total_parking_time_h == Decimal("0.5000")
    assert made.cdr.total_energy_kwh == Decimal("5.0000")


def test_a_mere_reservation_names_no_session():
    booked = tariff(element(component("TIME", "3"), reservation="RESERVATION"))
    states = [reading(0, "0", VehicleState.RESERVED), reading(60, "0", VehicleState.RESERVED)]
    made = dossier(readings=states, priced_by=booked)
    assert made.cdr.session_id is None
    assert made.cdr.total_reservation_cost is not None
    assert made.cdr.total_reservation_cost.before_tax == 3
    assert made.handles.session_id == "S1"


def test_running_cost_meets_the_cdr():
    readings = charged()
    at = readings[-1].at
    assert running_cost(readings, ENERGY_AND_IDLE, BERLIN, at, DEFAULT_POLICY) == dossier().cdr.total_cost
    half = running_cost(readings[:1], ENERGY_AND_IDLE, BERLIN, NOON + timedelta(minutes=30), DEFAULT_POLICY)
    assert half is not None
    assert half.before_tax == 0


def test_running_cost_is_unknown_and_not_zero_without_a_price():
    assert running_cost(charged(), None, BERLIN, NOON, DEFAULT_POLICY) is None
    assert running_cost([], ENERGY_AND_IDLE, BERLIN, NOON, DEFAULT_POLICY) is None


def test_flat_fees_are_the_fixed_cost():
    made = dossier(priced_by=tariff(element(component("FLAT", "0.50"), component("ENERGY", "0.40"))))
    assert made.cdr.total_fixed_cost is not None
    assert made.cdr.total_fixed_cost.before_tax == Decimal("0.50")
    assert [line.component for line in made.lines] == [CostComponent.FLAT, CostComponent.ENERGY]


BY_DAY = tariff(element(component("ENERGY", "0.30"), end_time="13:00"), element(component("ENERGY", "0.60")))
SPLIT = STANDARD.model_copy(
    update={"name": "split", "pricing": PricingPolicy(name="split", price_change=PriceChange.SPLIT)}
)


def two_hours(*kwh: str) -> SignedMeterData:
    """Signed readings at noon, at 13:00 and at 14:00 local time; of two the first and the last."""
    minutes = (0, 60, 120) if len(kwh) == 3 else (0, 120)
    entries = [
        meters.reading(tx, counted, TM=f"2026-03-05T{12 + minute // 60}:00:00,000+0100 S")
        for tx, counted, minute in zip(("B", "C", "E") if len(kwh) == 3 else ("B", "E"), kwh, minutes, strict=True)
    ]
    text = meters.ocmf(meters.payload(*entries, ID="04AB"))
    return SignedMeterData(
        encoding_method="OCMF", readings=(SignedReading(nature="End", plain_data="", signed_data=text),)
    )


@pytest.mark.parametrize(
    ("signed", "key", "agreement", "net"),
    [
        (two_hours("100", "118", "120"), meters.METER.key, SPLIT, "6.60"),
        (two_hours("100", "118", "120"), meters.METER.key, STANDARD, "9.00"),
        (two_hours("100", "118", "120"), None, SPLIT, "9.00"),
        (two_hours("100", "118", "120"), meters.OTHER.key, SPLIT, "9.00"),
        (two_hours("100", "120"), meters.METER.key, SPLIT, "9.00"),
    ],
    ids=["as the meter signed", "not agreed", "no registered key", "another key", "begin and end alone"],
)
def test_energy_goes_to_the_price_at_which_the_meter_says_it_flowed(
    signed: SignedMeterData, key: str | None, agreement: Agreement, net: str
) -> None:
    made = dossier(
        readings=[reading(0, "0"), reading(120, "20", VehicleState.PARKED)],
        priced_by=BY_DAY,
        signed=signed,
        registered_key=key,
        agreement=agreement,
    )
    assert made.cdr.total_cost.before_tax == Decimal(net)
    assert made.cdr.total_energy_kwh == 20
    assert made.agreement == agreement.ref


def test_a_sample_that_the_readings_contradict_moves_nothing() -> None:
    readings = [reading(0, "0"), reading(30, "2"), reading(90, "3"), reading(120, "20", VehicleState.PARKED)]
    signed = two_hours("100", "118", "120")
    made = dossier(readings=readings, priced_by=BY_DAY, signed=signed, registered_key=meters.METER.key, agreement=SPLIT)
    assert made.cdr.total_cost.before_tax == dossier(readings=readings, priced_by=BY_DAY).cdr.total_cost.before_tax


def test_idle_and_parking_are_one_price_to_ocpi_and_two_lines_to_us() -> None:
    paused = [
        reading(0, "0"),
        reading(60, "10", VehicleState.PARKED),
        reading(75, "10"),
        reading(90, "20", VehicleState.PARKED),
        reading(135, "20", VehicleState.PARKED),
    ]
    made = dossier(readings=paused)
    by_component = {line.component: line.net for line in made.lines}
    assert (by_component[CostComponent.PARKING], by_component[CostComponent.IDLE]) == (Decimal("1.50"), Decimal("4.50"))
    assert made.cdr.total_parking_cost is not None
    assert made.cdr.total_parking_cost.before_tax == Decimal("6.00")
    assert made.cdr.total_parking_time_h == Decimal("1.0000")


def test_hours_are_rounded_once_and_not_period_by_period() -> None:
    paused = [
        reading(0, "0"),
        reading(20, "5", VehicleState.PARKED),
        reading(40, "5"),
        reading(50, "10", VehicleState.PARKED),
        reading(90, "10", VehicleState.PARKED),
    ]
    made = dossier(readings=paused).cdr
    assert (made.total_parking_time_h, made.total_time_h) == (Decimal("1.0000"), Decimal("1.5000"))


def test_a_session_has_one_idempotency_key_whatever_its_cdr_is_called() -> None:
    assert dossier(1).handles.idempotency_key == dossier(1, charged(kwh="7")).handles.idempotency_key
    assert dossier(1).handles.idempotency_key != dossier(2).handles.idempotency_key


@pytest.mark.parametrize(
    ("key", "agreement", "net"),
    [(meters.METER.key, SPLIT, "6.60"), (meters.METER.key, STANDARD, "6.00"), (None, SPLIT, "6.00")],
    ids=["as the meter signed", "not agreed", "no registered key"],
)
def test_a_partners_period_over_a_price_change_is_checked_by_what_the_meter_signed(
    key: str | None, agreement: Agreement, net: str
) -> None:
    signed = two_hours("100", "118", "120")
    readings = [reading(0, "0"), reading(120, "20", VehicleState.PARKED)]
    ours = dossier(readings=readings, priced_by=BY_DAY, signed=signed).cdr
    energy = Volume(dimension=VolumeDimension.ENERGY, volume=Decimal(20))
    whole = ChargingPeriod(start=ours.start, volumes=(energy,))
    theirs = ours.model_copy(update={"charging_periods": (whole,)})
    got = validate(
        theirs,
        session=None,
        tariff_held=BY_DAY,
        time_zone=BERLIN,
        agreement=agreement,
        circumstances=Circumstances(registered_key=key),
    )
    assert sum(line.net for line in got.lines) == Decimal(net)
