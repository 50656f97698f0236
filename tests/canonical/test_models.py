"""What holds for all canonical models, and for money and names in particular."""

import ast
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from canonical import schema_lock
from canonical.identity import ObjectId, PartyId
from canonical.model import CanonicalModel, Instant, Number
from canonical.money import Price, TaxLine

ROOT = Path(__file__).parents[2]
EXACT_ROOMS = ("canonical", "settlement")

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)


def test_the_schema_lock_says_what_the_code_says() -> None:
    """Run `python -m canonical.schema_lock`, and say in the commit why the domain needs the change."""
    assert schema_lock.differences() == ()


def test_every_model_is_frozen_and_closed() -> None:
    for model in schema_lock.models():
        assert model.model_config.get("frozen"), model
        assert model.model_config.get("extra") == "forbid", model


@pytest.mark.parametrize("room", EXACT_ROOMS)
def test_no_float_is_near_money(room: str) -> None:
    """Neither the name nor a literal: amounts are Decimals from text, or integers."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
    ]
    assert found == []


@given(amounts)
def test_a_number_keeps_every_digit_through_json(amount: Decimal) -> None:
    price = Price(currency="EUR", before_tax=amount)
    again = Price.model_validate_json(price.model_dump_json())
    assert str(again.before_tax) == str(amount)
    assert again.model_dump_json() == price.model_dump_json()


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_number_is_finite(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Number).validate_python(Decimal(text))


@given(amounts, amounts)
def test_tax_lines_have_to_explain_the_gross(net: Decimal, tax: Decimal) -> None:
    line = TaxLine(name="VAT", amount=tax)
    price = Price(currency="EUR", before_tax=net, after_tax=net + tax, taxes=(line,))
    assert price.after_tax == net + tax
    with pytest.raises(ValidationError, match="tax lines give"):
        Price(currency="EUR", before_tax=net, after_tax=net + tax + 1, taxes=(line,))


def test_unknown_tax_is_not_no_tax() -> None:
    unknown = Price(currency="EUR", before_tax=Decimal(1))
    none = Price(currency="EUR", before_tax=Decimal(1), after_tax=Decimal(1), taxes=())
    assert unknown != none


@pytest.mark.parametrize("currency", ["eur", "EURO", "E1R", ""])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(ValidationError):
        Price(currency=currency, before_tax=Decimal(1))


@pytest.mark.parametrize("text", ["DE*RCO", "DE-RCO", "DERCO", "de*rco", " DE*RCO "])
def test_a_party_is_read_in_every_spelling(text: str) -> None:
    assert PartyId.parse(text).key == "DE*RCO"


@pytest.mark.parametrize("text", ["", "D", "DE", "DE*", "DE*RCOX", "D1*RCO", "DE*R_O"])
def test_what_is_no_party_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        PartyId.parse(text)


def test_a_key_can_be_read_back() -> None:
    name = ObjectId(owner=PartyId(country_code="de", party_id="rco"), id="RFID/04ab")
    assert name.key == "DE*RCO/RFID/04AB"
    assert ObjectId.parse(name.key).key == name.key


def test_an_instant_is_aware_and_utc() -> None:
    class Event(CanonicalModel):
        at: Instant

    noon = datetime(2026, 3, 29, 12, tzinfo=timezone(timedelta(hours=2)))
    assert Event(at=noon).at == noon
    assert Event(at=noon).at.tzinfo is UTC
    with pytest.raises(ValidationError):
        Event(at=datetime(2026, 3, 29, 12))  # noqa: DTZ001
