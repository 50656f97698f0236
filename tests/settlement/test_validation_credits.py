from decimal import Decimal

import pytest

from canonical.cdr import Cdr
from canonical.money import Price
from settlement.validation import Circumstances, Kin, OtherCdr, Outcome, Validation, validate
from tests.settlement.build import BERLIN, ENERGY_AND_IDLE, charged, dossier, session

ORIGINAL = dossier().cdr


def euros(net: str, gross: str | None = None) -> Price:
    return Price(currency="EUR", before_tax=Decimal(net), after_tax=None if gross is None else Decimal(gross))


def credit(**fields: object) -> Cdr:
    negated = {"total_cost": euros("-12.00", "-14.28")}
    named = {"id": f"{ORIGINAL.id}-C", "credit": True, "credit_reference_id": ORIGINAL.id}
    return ORIGINAL.model_copy(update={**named, **negated, **fields})


def check(cdr: Cdr, original: Cdr | None = ORIGINAL, *earlier: Cdr) -> Validation:
    kin = Kin(session_id="S1", original=original, earlier=tuple(OtherCdr(cdr=c, session_id="S1") for c in earlier))
    return validate(
        cdr,
        session=session(charged()),
        tariff_held=ENERGY_AND_IDLE,
        time_zone=BERLIN,
        circumstances=Circumstances(kin=kin),
    )


def test_everything_as_it_was_and_the_total_negative():
    got = check(credit(), ORIGINAL, ORIGINAL)
    assert (got.findings, got.outcome) == ((), Outcome.ACCEPTED)


@pytest.mark.parametrize(
    ("code", "cdr", "around"),
    [
        ("cdr.credit_without_reference", credit(credit_reference_id=None), (ORIGINAL,)),
        ("cdr.reference_without_credit", ORIGINAL.model_copy(update={"credit_reference_id": "X"}), (ORIGINAL,)),
        ("cdr.credit_positive", credit(total_cost=euros("12.00", "14.28")), (ORIGINAL,)),
        ("cdr.credit_energy_negated", credit(total_energy_kwh=Decimal(-20)), (ORIGINAL,)),
        ("cdr.credit_parts_negated", credit(total_energy_cost=euros("-8.00", "-9.52")), (ORIGINAL,)),
        ("cdr.credit_partial", credit(total_cost=euros("-6.00", "-7.14")), (ORIGINAL,)),
        ("cdr.over_credit", credit(total_cost=euros("-13.00", "-15.47")), (ORIGINAL,)),
        ("cdr.over_credit", credit(id="SECOND"), (ORIGINAL, ORIGINAL, credit())),
        ("cdr.credit_tax_differs", credit(total_cost=euros("-12.00", "-12.84")), (ORIGINAL,)),
        ("cdr.credit_orphan", credit(), (None,)),
        ("cdr.credit_of_credit", credit(), (credit(),)),
        ("cdr.credit_differs", credit(), (ORIGINAL.model_copy(update={"total_energy_kwh": Decimal(19)}),)),
    ],
)
def test_every_other_shape_waits_for_a_person(code: str, cdr: Cdr, around: tuple[Cdr | None, Cdr]):
    got = check(cdr, *around)
    assert code in [finding.code for finding in got.findings if finding.blocks], got.text
    assert got.outcome is Outcome.QUARANTINED


def test_whether_its_original_is_there_is_not_judged_where_nobody_looked():
    got = validate(credit(), session=None, tariff_held=ENERGY_AND_IDLE, time_zone=BERLIN)
    assert not got.quarantine
