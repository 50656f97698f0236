"""Where 2.3.0 says something that 2.2.1 does not, or says it otherwise."""

import json
from decimal import Decimal
from typing import Any

import pytest

from adapters.contract import Credentials, InvalidWire, Module
from adapters.registry import build_registry
from canonical.cdr import Cdr
from canonical.command import CommandKind
from canonical.identity import BusinessRole, PartyId, Role
from canonical.invoice_record import InvoiceRecord
from canonical.location import Location
from canonical.money import Price, TaxLine
from canonical.partner import HubClient
from canonical.session import Session
from canonical.tariff import Tariff, TaxIncluded
from canonical.token import Authorization, Token, TokenType
from tests.adapters.wire import objects as wire

Document = dict[str, Any]
registry = build_registry(None)
strict = registry.by_key("ocpi-2.3.0/strict")
standard = registry.by_key("ocpi-2.3.0/standard")
before = registry.by_key("ocpi-2.2.1/standard")


def body(document: Document) -> bytes:
    return json.dumps(document).encode()


def tariff(tax_included: str = "NO", **changes: Any) -> Document:
    return wire.tariff(tax_included=tax_included) | changes


def cdr(**changes: Any) -> Document:
    return wire.cdr(tariffs=[tariff()], total_cost={"before_taxes": 10}) | changes


# Words that the version leaves open


def test_words_of_their_own_are_no_fault_and_go_out_as_they_came() -> None:
    sent = wire.location(
        evses=[
            wire.evse(
                connectors=[wire.connector(standard="OUR_PLUG", capabilities=["OUR_HANDSHAKE"])],
                capabilities=["VALET"],
                parking_restrictions=["TAXIS", "CARGO_BIKES"],
            )
        ],
        facilities=["SAUNA"],
        parking_type="ROOF",
        parking_places=[
            {"id": "P1", "vehicle_types": ["HOVERCRAFT"], "restricted_to_type": True, "reservation_required": False}
        ],
        images=[{"url": "https://x/1.png", "category": "PANORAMA", "type": "png"}],
        energy_mix={"is_green_energy": True, "environ_impact": [{"category": "NOISE", "amount": 1}]},
        publish_allowed_to=[{"uid": "1", "type": "FACE"}],
    )
    for adapter in (strict, standard):
        read = adapter.read(Location, body(sent))
        assert read.findings == ()
        assert json.loads(adapter.write(read.value)) == sent


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("evses[0].connectors[0].format", {"format": "HOOK"}),
        ("evses[0].connectors[0].power_type", {"power_type": "AC_6_PHASE"}),
        ("evses[0].connectors[0].standard", {"standard": ""}),
    ],
)
def test_other_words_are_closed(where: str, change: Document) -> None:
    with pytest.raises(InvalidWire) as refused:
        strict.read(Location, body(wire.location(evses=[wire.evse(connectors=[wire.connector(**change)])])))
    assert [finding.where for finding in refused.value.findings] == [where]


def test_a_token_type_of_its_own_is_kept_for_this_version_and_is_other_in_an_older_one() -> None:
    sent = wire.token(type="LICENSE_PLATE")
    read = strict.read(Token, body(sent))
    assert (read.value.type, read.findings) == (TokenType.OTHER, ())
    assert json.loads(strict.write(read.value)) == sent
    assert json.loads(before.write(read.value))["type"] == "OTHER"
    charged = cdr(cdr_token=wire.cdr_token() | {"type": "LICENSE_PLATE"})
    assert json.loads(strict.write(strict.read(Cdr, body(charged)).value)) == charged


def test_contracts_of_vehicles_are_tokens() -> None:
    sent = {"allowed": "ALLOWED", "token": wire.token(type="EMAID")}
    read = strict.read(Authorization, body(sent)).value
    assert read.token.type is TokenType.EMAID
    assert json.loads(strict.write(read)) == sent
    order = {"response_url": "https://x/1", "location_id": "L1", "token": wire.token(type="EMAID")}
    command = strict.read_command(CommandKind.START_SESSION, body(order)).value
    assert command.token == read.token
    assert json.loads(strict.write_command(command)) == order


# Money


@pytest.mark.parametrize(
    ("sent", "price"),
    [
        ({"before_taxes": 10}, Price(currency="EUR", before_tax=Decimal(10))),
        (
            {
                "before_taxes": 10,
                "taxes": [{"name": "GST", "percentage": 5, "amount": 0.5}, {"name": "QST", "amount": 1}],
            },
            Price(
                currency="EUR",
                before_tax=Decimal(10),
                after_tax=Decimal("11.5"),
                taxes=(
                    TaxLine(name="GST", percentage=Decimal(5), amount=Decimal("0.5")),
                    TaxLine(name="QST", amount=Decimal(1)),
                ),
            ),
        ),
    ],
)
def test_a_price_is_before_taxes_and_lists_them(sent: Document, price: Price) -> None:
    session = strict.read(Session, body(wire.session(total_cost=sent))).value
    assert session.total_cost == price
    assert json.loads(strict.write(session))["total_cost"] == sent


@pytest.mark.parametrize(
    ("price", "sent"),
    [
        (Price(currency="EUR", before_tax=Decimal(10), after_tax=Decimal("11.9")), {"name": "VAT", "amount": 1.9}),
        (Price(currency="EUR", before_tax=Decimal(0), after_tax=Decimal(0), taxes=()), {"name": "VAT", "amount": 0}),
    ],
)
def test_what_is_known_of_tax_without_lines_is_said_by_one(price: Price, sent: Document) -> None:
    charged = strict.read(Cdr, body(cdr())).value.model_copy(update={"total_cost": price})
    written = strict.write(charged)
    assert json.loads(written)["total_cost"]["taxes"] == [sent]
    assert strict.read(Cdr, written).value.total_cost.after_tax == price.after_tax


def test_where_tax_does_not_apply_no_lines_are_no_tax() -> None:
    read = strict.read(Cdr, body(cdr(tariffs=[tariff("N/A")]))).value
    assert read.total_cost == Price(currency="EUR", before_tax=Decimal(10), after_tax=Decimal(10), taxes=())
    assert json.loads(strict.write(read)) == cdr(tariffs=[tariff("N/A")])
    assert strict.read(Cdr, body(cdr())).value.total_cost.after_tax is None


@pytest.mark.parametrize("word", ["YES", "NO", "N/A"])
def test_a_tariff_says_whether_tax_is_included(word: str) -> None:
    limits = {"min_price": {"before_taxes": 1, "after_taxes": 1.19}, "max_price": {"before_taxes": 20}}
    read = strict.read(Tariff, body(tariff(word, **limits))).value
    assert read.tax_included is TaxIncluded(word)
    assert read.min_price == Price(currency="EUR", before_tax=Decimal(1), after_tax=Decimal("1.19"))
    assert json.loads(strict.write(read)) == tariff(word, **limits)


def test_a_tariff_of_the_older_version_is_net_and_its_vat_stays_unsaid() -> None:
    older = before.read(Tariff, body(wire.tariff())).value
    written = json.loads(strict.write(older))
    assert written == tariff("NO")
    assert "vat" not in written["elements"][0]["price_components"][0]
    assert strict.read(Tariff, body(written)).value == older


def test_a_tariff_that_does_not_say_it_is_refused_and_one_inside_a_cdr_is_read_as_net() -> None:
    for adapter in (strict, standard):
        with pytest.raises(InvalidWire, match="tax_included: is required"):
            adapter.read(Tariff, body(wire.tariff()))
    with pytest.raises(InvalidWire, match=r"tariffs\[0\].tax_included: is required"):
        strict.read(Cdr, body(cdr(tariffs=[wire.tariff()])))
    read = standard.read(Cdr, body(cdr(tariffs=[wire.tariff()])))
    assert read.value.tariffs[0].tax_included is TaxIncluded.NO
    assert [finding.code for finding in read.findings] == ["tolerance.tax_included_missing"]


@pytest.mark.parametrize(
    ("where", "cost"),
    [
        ("total_cost.before_taxes", {"excl_vat": 10}),
        ("total_cost.before_taxes", {"before_taxes": "10"}),
        ("total_cost.taxes[0].amount", {"before_taxes": 10, "taxes": [{"name": "VAT", "amount": "1.9"}]}),
        ("total_cost.taxes[0].name", {"before_taxes": 10, "taxes": [{"amount": 1.9}]}),
    ],
)
def test_money_is_never_repaired(where: str, cost: Document) -> None:
    for adapter in (strict, standard):
        with pytest.raises(InvalidWire) as refused:
            adapter.read(Cdr, body(cdr(total_cost=cost)))
        assert where in {finding.where for finding in refused.value.findings}


def test_a_credit_cdr_negates_the_total_alone() -> None:
    sent = cdr(
        id="C1-C",
        credit=True,
        credit_reference_id="C1",
        total_cost={"before_taxes": -10, "taxes": [{"name": "VAT", "percentage": 19, "amount": -1.9}]},
        total_energy_cost={"before_taxes": 10},
    )
    read = strict.read(Cdr, body(sent)).value
    assert (read.credit, read.credit_reference_id, read.total_cost.after_tax) == (True, "C1", Decimal("-11.9"))
    assert json.loads(strict.write(read)) == sent


# Parties


def test_a_hub_names_its_party_beside_the_roles() -> None:
    role = {"role": "CPO", "business_details": {"name": "A"}, "party_id": "ABC", "country_code": "DE"}
    sent = {"token": "t", "url": "https://x", "roles": [role], "hub_party_id": "NLHUB"}
    read = strict.read_credentials(body(sent))
    assert read.hub_party == PartyId.parse("NL*HUB")
    assert json.loads(strict.write_credentials(read)) == sent
    for wrong in ("NL*HUB", "NLHU", "N1HUB"):
        with pytest.raises(InvalidWire, match="hub_party_id"):
            standard.read_credentials(body(sent | {"hub_party_id": wrong}))


def test_the_hub_role_of_the_older_version_is_understood_and_not_written() -> None:
    hub = {"role": "HUB", "business_details": {"name": "H"}, "party_id": "HUB", "country_code": "NL"}
    cpo = hub | {"role": "CPO", "party_id": "ABC"}
    sent = {"token": "t", "url": "https://x", "roles": [hub, cpo]}
    with pytest.raises(InvalidWire, match=r"roles\[0\].role"):
        strict.read_credentials(body(sent))
    read = standard.read_credentials(body(sent))
    assert read.hub_party == PartyId.parse("NL*HUB")
    assert json.loads(standard.write_credentials(read)) == sent | {"roles": [cpo], "hub_party_id": "NLHUB"}
    client = {"party_id": "HUB", "country_code": "NL", "role": "HUB", "status": "CONNECTED", "last_updated": wire.AT}
    assert standard.read(HubClient, body(client)).value.role is Role.HUB
    with pytest.raises(InvalidWire, match="role"):
        strict.read(HubClient, body(client))


def test_a_terminal_provider_is_none_of_our_roles() -> None:
    role = {"role": "PTP", "business_details": {"name": "T"}, "party_id": "PTP", "country_code": "NL"}
    read = standard.read_credentials(body({"token": "t", "url": "https://x", "roles": [role]}))
    assert [each.role for each in read.roles] == [Role.OTHER]


def test_our_own_credentials_are_the_same_in_both_versions() -> None:
    role = BusinessRole(party=PartyId.parse("DE*ABC"), role=Role.CPO, business_name="ABC")
    ours = Credentials("a-secret", "https://abc.example/ocpi/versions", (role,))
    assert strict.write_credentials(ours) == before.write_credentials(ours)


# Invoice records


def test_an_invoice_record_lists_cdrs_and_no_amounts() -> None:
    sent = {
        **wire.PARTY,
        "id": "R1",
        "invoice_id": "2026-0001",
        "cdrs": ["C1", "C2"],
        "last_updated": wire.AT,
        "note": "x",
    }
    read = strict.read(InvoiceRecord, body(sent)).value
    assert read.cdr_ids == ("C1", "C2")
    assert json.loads(strict.write(read)) == sent
    with pytest.raises(InvalidWire, match="cdrs: must have at least one element"):
        standard.read(InvoiceRecord, body(sent | {"cdrs": []}))
    with pytest.raises(LookupError):
        before.write(read)


def test_every_endpoint_carries_the_objects_of_this_version() -> None:
    older = {
        (each.module, each.interface, each.method, each.path): (each.wire_in, each.wire_out)
        for each in before.endpoints
    }
    added = {
        each.module for each in strict.endpoints if (each.module, each.interface, each.method, each.path) not in older
    }
    assert added == {Module.INVOICE_RECONCILIATION}
    assert len(strict.endpoints) == len(before.endpoints) + 5
    models = {model for each in strict.endpoints for model in (each.wire_in, each.wire_out) if model}
    newer = {model.__name__ for model in models if model.__module__.startswith("adapters.ocpi_2_3_0")}
    assert {
        "Location",
        "EVSE",
        "Connector",
        "Tariff",
        "Token",
        "Session",
        "CDR",
        "Credentials",
        "StartSession",
    } <= newer
