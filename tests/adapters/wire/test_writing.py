"""The writer is strict: what the version has no room for is fitted by a named rule, or not sent at all."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from adapters.contract import CannotWrite, Credentials, InvalidWire
from adapters.json_writer import date_time
from adapters.registry import build_registry
from canonical.cdr import Cdr
from canonical.identity import BusinessRole, PartyId, Role
from canonical.location import Location
from canonical.money import Price, TaxLine
from canonical.session import Session
from canonical.tariff import Tariff, TaxIncluded
from canonical.token import Token, TokenType
from tests.adapters.wire import objects as wire

adapter = build_registry(None).by_key("ocpi-2.2.1/standard")


def held(kind: type, document: dict) -> object:
    return adapter.read(kind, json.dumps(document).encode()).value


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 3, 1, 9, tzinfo=UTC), "2026-03-01T09:00:00Z"),
        (datetime(2026, 3, 1, 9, 0, 0, 120_000, tzinfo=UTC), "2026-03-01T09:00:00.12Z"),
        (datetime(2026, 3, 1, 9, 0, 0, 999, tzinfo=UTC), "2026-03-01T09:00:00Z"),
        (datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=2))), "2026-03-01T07:00:00Z"),
    ],
)
def test_instants_are_utc_with_milliseconds_where_there_are_some(instant: datetime, text: str) -> None:
    assert date_time(instant) == text
    assert len(text) <= 25


def test_texts_are_cut_and_identifiers_are_not() -> None:
    cdr = held(Cdr, wire.cdr())
    assert isinstance(cdr, Cdr)
    long = cdr.charge_point.model_copy(update={"address": "Straße " * 20, "state": "x" * 30})
    written = json.loads(adapter.write(cdr.model_copy(update={"charge_point": long})))
    assert len(written["cdr_location"]["address"]) <= 45
    assert len(written["cdr_location"]["state"]) == 20
    with pytest.raises(CannotWrite, match="session_id"):
        adapter.write(cdr.model_copy(update={"session_id": "s" * 37}))


def test_coordinates_get_the_decimals_of_the_version() -> None:
    location = held(Location, wire.location(coordinates={"latitude": "50.7", "longitude": "7.123456789"}))
    assert isinstance(location, Location)
    written = json.loads(adapter.write(location))["coordinates"]
    assert written == {"latitude": "50.70000", "longitude": "7.1234568"}


def test_a_token_of_a_newer_type_is_an_other_one() -> None:
    token = held(Token, wire.token())
    assert isinstance(token, Token)
    assert json.loads(adapter.write(token.model_copy(update={"type": TokenType.EMAID})))["type"] == "OTHER"


def priced(price: str, vat: object) -> Tariff:
    component = {"type": "ENERGY", "price": 0, "step_size": 1} | ({} if vat is None else {"vat": vat})
    tariff = held(Tariff, wire.tariff(elements=[{"price_components": [component]}]))
    assert isinstance(tariff, Tariff)
    (element,) = tariff.elements
    gross = element.price_components[0].model_copy(update={"price": Decimal(price)})
    elements = (element.model_copy(update={"price_components": (gross,)}),)
    return tariff.model_copy(update={"tax_included": TaxIncluded.YES, "elements": elements})


@pytest.mark.parametrize(
    ("gross", "vat", "net"), [("0.357", 19, b"0.3"), ("0.49", 19, b"0.4118"), ("2.20", 10, b"2"), ("0", None, b"0")]
)
def test_gross_prices_are_sent_net_where_the_vat_is_stated(gross: str, vat: int | None, net: bytes) -> None:
    assert b'"price":' + net + b"," in adapter.write(priced(gross, vat))


def test_gross_prices_without_vat_are_not_sent_and_do_not_hold_up_a_cdr() -> None:
    tariff = priced("0.49", None)
    with pytest.raises(CannotWrite, match=r"elements\[0\].price_components\[0\].vat: prices after tax"):
        adapter.write(tariff)
    cdr = held(Cdr, wire.cdr())
    assert isinstance(cdr, Cdr)
    written = json.loads(adapter.write(cdr.model_copy(update={"tariffs": (tariff, *cdr.tariffs)})))
    assert written["tariffs"] == [wire.tariff()]


@pytest.mark.parametrize(
    ("price", "written"),
    [
        (Price(currency="EUR", before_tax=Decimal("2.00")), b'{"excl_vat":2.00}'),
        (
            Price(currency="EUR", before_tax=Decimal("0.10"), after_tax=Decimal("0.119")),
            b'{"excl_vat":0.10,"incl_vat":0.119}',
        ),
        (Price(currency="EUR", before_tax=Decimal(0), taxes=()), b'{"excl_vat":0,"incl_vat":0}'),
        (
            Price(currency="EUR", before_tax=Decimal(1), taxes=(TaxLine(name="VAT", amount=Decimal("0.19")),)),
            b'{"excl_vat":1,"incl_vat":1.19}',
        ),
    ],
)
def test_unknown_tax_is_not_no_tax(price: Price, written: bytes) -> None:
    session = held(Session, wire.session())
    assert isinstance(session, Session)
    assert b'"total_cost":' + written in adapter.write(session.model_copy(update={"total_cost": price}))


def test_credentials_are_checked_and_never_shown() -> None:
    role = BusinessRole(party=PartyId.parse("DE*ABC"), role=Role.CPO, business_name="ABC")
    ours = Credentials("a-secret", "https://abc.example/ocpi/versions", (role,))
    assert adapter.read_credentials(adapter.write_credentials(ours)) == ours
    for token in ("with blank", "x" * 65, ""):
        with pytest.raises(CannotWrite) as refused:
            adapter.write_credentials(replace(ours, token=token))
        assert refused.value.findings[0].where == "token"
        assert refused.value.findings[0].stated is None
    with pytest.raises(CannotWrite, match="roles"):
        adapter.write_credentials(replace(ours, roles=()))


@pytest.mark.parametrize("token", ['"a secret"', "4711", '["a secret"]', "null"])
def test_a_refused_token_is_not_shown(token: str) -> None:
    body = f'{{"token": {token}, "url": "https://abc.example", "roles": []}}'.encode()
    with pytest.raises(InvalidWire) as refused:
        adapter.read_credentials(body)
    shown = f"{refused.value} {refused.value.findings!r}"
    assert "secret" not in shown
    assert "4711" not in shown
