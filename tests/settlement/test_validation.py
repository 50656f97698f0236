from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from canonical.cdr import Cdr, Discount
from canonical.model import Finding
from canonical.money import Price, TaxLine
from canonical.session import AuthMethod, ChargingPeriod, Session, SessionStatus, VehicleState, VolumeDimension
from canonical.tariff import Tariff, TaxIncluded
from settlement.agreement import STANDARD, Agreement, AmountBasis
from settlement.validation import Basis, Circumstances, Outcome, Validation, conflict, validate
from tests.settlement.build import (
    BERLIN,
    ENERGY_AND_IDLE,
    NOON,
    charged,
    component,
    dossier,
    element,
    period,
    reading,
    session,
    tariff,
)

GOOD = dossier().cdr
SEEN = session(charged())
RECEIVED = GOOD.end + timedelta(minutes=2)
FLAT_AND_ENERGY = tariff(element(component("FLAT", "1.00"), component("ENERGY", "0.40")))


def check(
    cdr: Cdr = GOOD,
    *,
    seen: Session | None = SEEN,
    held: Tariff | None = ENERGY_AND_IDLE,
    agreement: Agreement = STANDARD,
    bare: bool = False,
) -> Validation:
    circumstances = Circumstances(received_at=RECEIVED, bare_amounts=bare)
    return validate(
        cdr, session=seen, tariff_held=held, time_zone=BERLIN, agreement=agreement, circumstances=circumstances
    )


def codes(validation: Validation) -> list[str]:
    return [finding.code for finding in validation.findings]


def found(validation: Validation, code: str) -> Finding:
    return next(finding for finding in validation.findings if finding.code == code)


def changed(**fields: object) -> Cdr:
    return GOOD.model_copy(update=fields)


def euros(net: str, gross: str | None = None, currency: str = "EUR") -> Price:
    return Price(currency=currency, before_tax=Decimal(net), after_tax=None if gross is None else Decimal(gross))


def periods(*starts: float) -> tuple[ChargingPeriod, ...]:
    """The periods of GOOD, begun so many minutes after noon."""
    moved = zip(GOOD.charging_periods, starts, strict=True)
    return tuple(one.model_copy(update={"start": NOON + timedelta(minutes=minutes)}) for one, minutes in moved)


def taxed(percent: str, amount: str) -> Price:
    lines = (TaxLine(name="VAT", percentage=Decimal(percent), amount=Decimal(amount)),)
    return Price(currency="EUR", before_tax=Decimal("12.00"), after_tax=12 + Decimal(amount), taxes=lines)


def seen(**fields: object) -> Session:
    return session(charged(), **fields)


def test_our_own_cdr_passes_its_own_check():
    got = check()
    assert (got.findings, got.outcome) == ((), Outcome.ACCEPTED)
    assert got.lines == dossier().lines
    assert got.agreement == STANDARD.ref


LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
TWO_HOURS = timedelta(hours=2)
BLOCKING: dict[str, Callable[[], Validation]] = {
    # times
    "cdr.clock_fault": lambda: check(changed(start=LONG_AGO)),
    "cdr.times_out_of_order": lambda: check(changed(end=GOOD.start)),
    "cdr.period_outside": lambda: check(changed(charging_periods=periods(-1, 60))),
    "cdr.in_future": lambda: check(changed(end=RECEIVED + timedelta(minutes=6))),
    "cdr.late": lambda: check(agreement=STANDARD.model_copy(update={"latest": timedelta(minutes=1)})),
    "cdr.total_time_differs": lambda: check(changed(total_time_h=Decimal("2.5"))),
    "cdr.parking_time_differs": lambda: check(changed(total_parking_time_h=Decimal("1.5"))),
    # energy
    "cdr.negative_volume": lambda: check(changed(charging_periods=(period(NOON, ENERGY="-20", TIME="1"),))),
    "cdr.energy_not_sum": lambda: check(changed(total_energy_kwh=Decimal(21))),
    "cdr.energy_not_in_periods": lambda: check(changed(charging_periods=(period(NOON, TIME="1.6667"),))),
    "cdr.energy_cumulative": lambda: check(
        changed(
            charging_periods=(
                period(NOON, ENERGY="12", TIME="0.5"),
                period(NOON + timedelta(minutes=30), ENERGY="20", TIME="1.1667"),
            )
        )
    ),
    "cdr.energy_factor_1000": lambda: check(changed(total_energy_kwh=Decimal(20_000))),
    # amounts by themselves
    "cdr.currency_differs": lambda: check(changed(currency="CHF")),
    "cdr.money_decimals": lambda: check(changed(total_cost=euros("12.00499999", "14.28"))),
    "cdr.gross_below_net": lambda: check(changed(total_cost=euros("12.00", "9.72"))),
    "cdr.total_not_sum": lambda: check(changed(total_cost=euros("13.00", "15.47"))),
    "cdr.gross_not_sum": lambda: check(changed(total_cost=euros("12.00", "15.00"))),
    "cdr.negative_amount": lambda: check(changed(total_cost=euros("-12.00", "-14.28"))),
    "cdr.tax_basis_not_agreed": lambda: check(
        changed(total_cost=euros("12.00")), bare=True, agreement=on_basis(AmountBasis.NOT_AGREED)
    ),
    "cdr.tax_rate_unknown": lambda: check(
        changed(total_cost=euros("8.00")),
        held=tariff(element(component("ENERGY", "0.40", None))),
        bare=True,
        agreement=on_basis(AmountBasis.GROSS),
    ),
    # amounts priced again
    "cdr.energy_cost_differs": lambda: check(changed(total_energy_cost=euros("8.50"))),
    "cdr.time_cost_differs": lambda: check(changed(total_time_cost=euros("1"))),
    "cdr.parking_cost_differs": lambda: check(
        pausing(total_parking_cost=euros("9.00", "10.71"), total_cost=euros("17.00", "20.23")), seen=None
    ),
    "cdr.idle_cost_differs": lambda: check(
        changed(total_parking_cost=euros("9.00", "10.71"), total_cost=euros("17.00", "20.23"))
    ),
    "cdr.reservation_cost_differs": lambda: check(changed(total_reservation_cost=euros("1"))),
    "cdr.fixed_cost_differs": lambda: check(changed(total_fixed_cost=euros("1"))),
    "cdr.discount_cost_differs": lambda: check(agreement=DISCOUNTED),
    "cdr.limit_cost_differs": lambda: check(
        dossier(priced_by=CAPPED).cdr.model_copy(update={"total_cost": euros("11.00", "13.09")}), held=CAPPED
    ),
    "cdr.tax_differs": lambda: check(changed(total_parking_cost=euros("4.00", "4.28"))),
    "cdr.tax_rate_differs": lambda: check(changed(total_cost=taxed("7", "0.84"))),
    "cdr.total_cost_differs": lambda: check(changed(total_cost=euros("12.02", "14.30"))),
    "cdr.gross_cost_differs": lambda: check(changed(total_cost=euros("12.00", "12.00"))),
    "cdr.zero_total_not_free": lambda: check(changed(total_cost=euros("0.00", "0.00"))),
    # tariffs
    "cdr.tariff_unknown": lambda: check(changed(tariffs=()), held=None),
    "cdr.unpriceable": lambda: check(changed(end=GOOD.start)),
    "cdr.priced_by_other_tariff": lambda: check(dossier(priced_by=FLAT_AND_ENERGY).cdr),
    # session
    "cdr.energy_differs": lambda: check(seen=seen(energy_kwh=Decimal(19))),
    "cdr.token_differs": lambda: check(seen=seen(token=GOOD.token.model_copy(update={"uid": "FFFF"}))),
    "cdr.session_invalid": lambda: check(seen=seen(status=SessionStatus.INVALID)),
    "cdr.times_in_local_time": lambda: check(seen=seen(start=GOOD.start - TWO_HOURS, end=GOOD.end - TWO_HOURS)),
    "cdr.times_differ": lambda: check(seen=seen(start=GOOD.start - timedelta(minutes=3))),
}
NOTED: dict[str, Callable[[], Validation]] = {
    "cdr.vat_unknown": lambda: check(changed(total_cost=euros("12.00"))),
    "cdr.tax_not_in_tariff": lambda: check(dossier(priced_by=TAXLESS).cdr.model_copy(update=PRICED), held=TAXLESS),
    "cdr.tariff_differs": lambda: check(changed(tariffs=(with_night_rate(),))),
    "cdr.power_implausible": lambda: check(dossier(readings=charged(kwh="200")).cdr, seen=session(charged(kwh="200"))),
    "cdr.zero_session": lambda: check(dossier(readings=charged(kwh="0")).cdr, seen=session(charged(kwh="0"))),
    "cdr.session_unknown": lambda: check(seen=None),
    "cdr.session_id_differs": lambda: check(changed(session_id="OF-THE-HUB")),
    "cdr.authorization_differs": lambda: check(
        changed(authorization_reference="A1"), seen=seen(authorization_reference="A2")
    ),
    "cdr.place_differs": lambda: check(seen=seen(evse_uid="E2")),
    "cdr.auth_method_differs": lambda: check(seen=seen(auth_method=AuthMethod.COMMAND)),
    "cdr.session_cost_differs": lambda: check(seen=seen(total_cost=euros("11.00"))),
    "cdr.session_price_differs": lambda: check(seen=seen(charging_periods=(period(NOON, ENERGY="20", TIME="1.6667"),))),
}


def on_basis(basis: AmountBasis) -> Agreement:
    return STANDARD.model_copy(update={"amount_basis": basis})


def pausing(**fields: object) -> Cdr:
    """20 minutes of charging, 40 of a pause, and then it charges on."""
    readings = [reading(0, "0"), reading(20, "8", VehicleState.PARKED), reading(60, "8"), reading(100, "20")]
    return dossier(readings=readings).cdr.model_copy(update=fields)


def with_night_rate() -> Tariff:
    """Another tariff, that makes no difference at noon."""
    at_night = element(component("ENERGY", "0.10"), start_time="22:00", end_time="06:00")
    return tariff(at_night, *ENERGY_AND_IDLE.elements)


DISCOUNTED = STANDARD.model_copy(update={"discounts": (Discount(name="club", percent=Decimal(10)),)})
CAPPED = ENERGY_AND_IDLE.model_copy(update={"max_price": euros("10.00")})
TAXLESS = tariff(element(component("ENERGY", "0.40", None)))
PRICED = {"total_cost": euros("8.00", "9.52")}


@pytest.mark.parametrize("code", BLOCKING)
def test_what_cannot_be_paid_on_its_own_strength_is_quarantined_by_code(code: str):
    got = BLOCKING[code]()
    assert found(got, code).blocks
    assert got.outcome is Outcome.QUARANTINED


@pytest.mark.parametrize("code", NOTED)
def test_what_should_be_seen_is_no_reason_to_stop(code: str):
    got = NOTED[code]()
    assert not found(got, code).blocks
    assert (got.outcome, got.quarantine) == (Outcome.ACCEPTED_WITH_FINDINGS, False), got.text


def test_a_difference_has_both_sides_and_what_lies_between():
    got = found(check(changed(total_energy_cost=euros("8.50"))), "cdr.energy_cost_differs")
    assert (got.expected, got.stated, got.difference, got.where) == ("8.00", "8.50", "0.50", "total_energy_cost")


def test_an_idle_fee_that_is_too_high_is_named_as_such():
    got = check(changed(total_parking_cost=euros("9.00", "10.71"), total_cost=euros("17.00", "20.23")))
    assert codes(got) == ["cdr.idle_cost_differs", "cdr.total_cost_differs", "cdr.gross_cost_differs"]
    assert (got.findings[0].expected, got.findings[0].stated) == ("4.00", "9.00")


def test_a_thousand_findings_are_still_told_in_a_few_words():
    gaps = tuple(Finding(code="pricing.gap", message="x" * 1000) for _ in range(1000))
    blocking = Finding(code="cdr.late", message="late", blocks=True)
    got = Validation(findings=(*gaps, blocking), lines=())
    assert len(got.text) < 10_000
    assert "nothing that we have; cdr.late: late; pricing.gap" in got.text
    assert got.text.endswith("and 981 more")


def test_differences_within_the_agreement_are_none():
    wide = STANDARD.model_copy(update={"money_tolerance": Decimal("0.05"), "energy_tolerance_kwh": Decimal("0.01")})
    cdr = changed(total_cost=euros("12.05", "14.33"), total_energy_kwh=Decimal("20.01"))
    assert check(cdr, agreement=wide).findings == ()
    assert check(cdr).quarantine


def test_energy_that_is_wrong_moves_no_money_where_only_the_clock_is_not_paid():
    energy_only = tariff(element(component("ENERGY", "0.40")))
    cdr = dossier(priced_by=energy_only).cdr.model_copy(update={"total_time_h": Decimal(9)})
    assert not check(cdr, held=energy_only).quarantine


class TestWhichPricingExplainsTheAmounts:
    def explained_by(self, got: Validation) -> tuple[Basis, ...]:
        return got.explained_by

    def test_all_three(self):
        reported = seen(charging_periods=GOOD.charging_periods)
        assert self.explained_by(check(seen=reported)) == (Basis.OWN, Basis.HELD, Basis.SESSION)

    def test_its_own_tariff_alone(self):
        dearer = tariff(element(component("ENERGY", "0.60"), component("PARKING_TIME", "6.00", step=60)))
        got = check(dossier(priced_by=dearer).cdr)
        assert self.explained_by(got) == (Basis.OWN,)
        assert codes(got) == [
            "cdr.tariff_differs",
            "cdr.energy_cost_differs",
            "cdr.total_cost_differs",
            "cdr.gross_cost_differs",
            "cdr.priced_by_other_tariff",
        ]
        assert got.text.startswith("priced again, the amounts follow from its own tariff; cdr.energy_cost_differs: ")

    def test_the_tariff_that_we_hold_alone(self):
        dearer = tariff(element(component("ENERGY", "0.60"), component("PARKING_TIME", "6.00", step=60)))
        got = check(changed(tariffs=(dearer,)))
        assert self.explained_by(got) == (Basis.HELD,)
        assert (codes(got), got.quarantine) == (["cdr.tariff_differs"], False)

    def test_the_session_alone(self):
        idle_forgotten = (period(NOON, ENERGY="20", TIME="1.6667"),)
        got = check(changed(charging_periods=idle_forgotten, total_parking_time_h=None), seen=reported())
        assert self.explained_by(got) == (Basis.SESSION,)
        assert "cdr.priced_by_session" in codes(got)
        assert got.quarantine

    def test_the_embedded_tariff_serves_when_none_is_held(self):
        got = check(held=None)
        assert (got.outcome, self.explained_by(got)) == (Outcome.ACCEPTED, (Basis.OWN,))

    def test_nothing_at_all(self):
        assert self.explained_by(check(changed(total_cost=euros("99.00", "117.81")))) == ()

    def test_what_cannot_be_priced_says_why(self):
        of_session = check(seen=None).repricings[2]
        assert (of_session.basis, of_session.before_tax, of_session.explains) == (Basis.SESSION, None, False)
        assert of_session.reason == "its session is not known"


def reported() -> Session:
    return seen(charging_periods=GOOD.charging_periods)


class TestWhatAnAmountWithoutAWordForTaxMeans:
    def test_net(self):
        got = check(changed(total_cost=euros("12.00")), bare=True)
        assert (codes(got), got.quarantine) == (["cdr.vat_unknown"], False)

    def test_gross(self):
        gross = changed(total_cost=euros("14.28"), **dict.fromkeys(PARTS))
        assert not check(gross, bare=True, agreement=on_basis(AmountBasis.GROSS)).quarantine
        assert check(gross, bare=True).quarantine

    def test_a_version_that_says_it_is_not_asked(self):
        assert not check(agreement=on_basis(AmountBasis.NOT_AGREED)).quarantine


PARTS = ("total_energy_cost", "total_parking_cost", "total_time_cost", "total_fixed_cost")


def test_digits_that_do_not_matter_are_only_noted():
    got = check(changed(total_energy_cost=euros("8.000000000000001", "9.52")))
    assert (codes(got), got.quarantine) == (["cdr.money_decimals"], False)


def test_one_of_several_taxes_is_known_by_its_own_rate():
    assert not check(changed(total_cost=taxed("19", "2.28"))).findings


def test_no_tax_is_unheard_of_where_tax_does_not_apply():
    untaxed = tariff(element(component("ENERGY", "0.40", None)), tax=TaxIncluded.NOT_APPLICABLE)
    assert check(dossier(priced_by=untaxed).cdr, held=untaxed).findings == ()


def test_a_free_session_costs_nothing():
    free = tariff(element(component("ENERGY", "0.00")))
    cdr = dossier(priced_by=free).cdr
    assert (cdr.total_cost.before_tax, check(cdr, held=free).outcome) == (0, Outcome.ACCEPTED)


def test_energy_that_costs_nothing_may_be_left_out_of_the_periods():
    by_time = tariff(element(component("TIME", "1.00"), component("PARKING_TIME", "1.00")))
    cdr = dossier(priced_by=by_time).cdr
    silent = tuple(
        p.model_copy(update={"volumes": tuple(v for v in p.volumes if v.dimension is not VolumeDimension.ENERGY)})
        for p in cdr.charging_periods
    )
    got = check(cdr.model_copy(update={"charging_periods": silent}), held=by_time)
    assert (codes(got), got.quarantine) == (["cdr.energy_not_in_periods"], False)


@pytest.mark.parametrize("kwh", ["20000", "0.02"])
def test_the_session_tells_which_side_counts_in_wh(kwh: str):
    one = changed(total_energy_kwh=Decimal(kwh), charging_periods=(period(NOON, ENERGY=kwh, TIME="1.6667"),))
    assert "cdr.energy_factor_1000" in codes(check(one))
    assert ("cdr.energy_factor_1000" in codes(check(one, seen=None))) is (kwh == "20000")


def test_times_matter_less_where_time_costs_nothing():
    energy_only = tariff(element(component("ENERGY", "0.40")))
    got = check(
        dossier(priced_by=energy_only).cdr, held=energy_only, seen=seen(start=GOOD.start - timedelta(minutes=3))
    )
    assert (codes(got), got.quarantine) == (["cdr.times_differ"], False)


@pytest.mark.parametrize(("net", "quarantine"), [("1.00", False), ("3.00", False), ("2.00", True)])
def test_a_reservation_may_have_expired_or_have_been_cancelled(net: str, quarantine: bool):
    booked = tariff(
        element(component("TIME", "1", "0"), reservation="RESERVATION"),
        element(component("FLAT", "2", "0"), reservation="RESERVATION_EXPIRES"),
    )
    states = [reading(0, "0", VehicleState.RESERVED), reading(60, "0", VehicleState.RESERVED)]
    cdr = dossier(readings=states, priced_by=booked).cdr.model_copy(
        update={"total_cost": euros(net, net), "total_reservation_cost": euros(net, net)}
    )
    got = validate(cdr, session=None, tariff_held=booked, time_zone=BERLIN)
    assert got.quarantine is quarantine


def test_two_contents_under_one_id_are_shown_field_by_field():
    again = changed(total_energy_kwh=Decimal("20.5"), currency="CHF")
    assert {(f.code, f.where, f.stated) for f in conflict(GOOD, again)} == {
        ("cdr.same_id_other_content", "currency", "CHF"),
        ("cdr.same_id_other_content", "total_energy_kwh", "20.5"),
    }
    assert all(finding.blocks for finding in conflict(GOOD, again))
    assert conflict(GOOD, changed(total_energy_kwh=Decimal("20.00000"))) == ()


def test_a_cdr_of_several_tariffs_is_priced_by_each_where_it_applied():
    day = ENERGY_AND_IDLE.model_copy(update={"id": "DAY"})
    parking = tariff(element(component("PARKING_TIME", "6.00", step=60)), id="PARK")
    first, second = GOOD.charging_periods
    cdr = changed(
        tariffs=(day, parking),
        charging_periods=(
            first.model_copy(update={"tariff_id": "day"}),
            second.model_copy(update={"tariff_id": "PARK"}),
        ),
    )
    assert validate(cdr, session=SEEN, tariff_held=(day, parking), time_zone=BERLIN).findings == ()
