"""What 2.1.1 says in another way than the canonical model, or not at all: there and back."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.contract import CannotWrite, InvalidWire
from canonical.cdr import Cdr
from canonical.location import Connector, Evse, EvseStatus, Location
from canonical.model import CanonicalModel
from canonical.money import Price
from canonical.session import AuthMethod, ChargingPeriod, Session, SessionStatus, Volume, VolumeDimension
from canonical.tariff import ReservationRestriction, Tariff, TariffElement, TariffRestrictions, TaxIncluded
from canonical.token import Allowed, Authorization, LocationReference, Token, TokenRef, TokenType
from tests.adapters.ocpi_2_1_1 import objects as wire
from tests.adapters.ocpi_2_1_1.objects import BETWEEN, CPO, EMSP, body, held, standard, strict, written


class TestOwners:
    def test_they_follow_from_the_connection(self) -> None:
        for kind, document in ((Location, wire.location()), (Tariff, wire.tariff()), (Session, wire.session())):
            assert held(kind, document).owner == CPO
        assert held(Cdr, wire.cdr()).owner == CPO
        assert held(Cdr, wire.cdr()).tariffs[0].owner == CPO
        assert held(Token, wire.token()).owner == EMSP

    def test_without_the_parties_nothing_is_read(self) -> None:
        with pytest.raises(TypeError, match="parties"):
            standard.read(Location, body(wire.location()))


class TestLocation:
    @pytest.mark.parametrize(
        ("stated", "known"),
        [
            ("ON_STREET", "ON_STREET"),
            ("PARKING_GARAGE", "PARKING_GARAGE"),
            ("UNDERGROUND_GARAGE", "UNDERGROUND_GARAGE"),
            ("PARKING_LOT", "PARKING_LOT"),
            ("OTHER", None),
            ("UNKNOWN", None),
        ],
    )
    def test_its_type_is_the_type_of_its_parking(self, stated: str, known: str | None) -> None:
        location = held(Location, wire.location(type=stated))
        assert location.parking_type == known
        assert written(location)["type"] == stated

    @pytest.mark.parametrize(
        ("known", "told"), [("ALONG_MOTORWAY", "OTHER"), ("ON_DRIVEWAY", "OTHER"), (None, "UNKNOWN")]
    )
    def test_newer_types_of_parking_are_other(self, known: str | None, told: str) -> None:
        location = held(Location, wire.location()).model_copy(update={"parking_type": known})
        assert written(location)["type"] == told

    def test_no_postal_code_is_an_empty_one(self) -> None:
        location = held(Location, wire.location(postal_code=""))
        assert location.postal_code is None
        assert written(location)["postal_code"] == ""

    def test_no_time_zone_is_none(self) -> None:
        assert held(Location, wire.location()).time_zone is None
        assert held(Location, wire.location(time_zone="Europe/Berlin")).time_zone == "Europe/Berlin"

    def test_one_tariff_and_volts_and_amperes_under_their_old_names(self) -> None:
        connector = held(Connector, wire.connector(tariff_id="T9"))
        assert (connector.tariff_ids, connector.max_voltage_v, connector.max_amperage_a) == (("T9",), 230, 32)
        assert written(connector) == wire.connector(tariff_id="T9")
        several = connector.model_copy(update={"tariff_ids": ("T1", "T2")})
        assert written(several)["tariff_id"] == "T1"
        none = held(Connector, {name: value for name, value in wire.connector().items() if name != "tariff_id"})
        assert none.tariff_ids == ()
        assert "tariff_id" not in written(none)

    def test_ids_have_39_characters(self) -> None:
        location = wire.location(id="l" * 39, evses=[wire.evse(uid="e" * 39)])
        assert written(held(Location, location)) == location
        with pytest.raises(InvalidWire, match=r"evses\[0\]\.uid: must have at most 39 characters"):
            strict.read(Location, body(wire.location(evses=[wire.evse(uid="e" * 40)])), BETWEEN)

    def test_an_impact_on_the_environment_has_a_source(self) -> None:
        mix = {"is_green_energy": True, "environ_impact": [{"source": "CARBON_DIOXIDE", "amount": 12.5}]}
        location = held(Location, wire.location(energy_mix=mix))
        assert location.energy_mix.environ_impact[0].category == "CARBON_DIOXIDE"
        assert written(location)["energy_mix"] == mix

    @pytest.mark.parametrize(
        ("stated", "told"), [("50.7", "50.700000"), ("50.12345678", "50.123457"), ("50", "50.000000")]
    )
    def test_coordinates_have_six_decimals(self, stated: str, told: str) -> None:
        with pytest.raises(InvalidWire, match="6 decimals"):
            strict.read(
                Location, body(wire.location(coordinates={"latitude": stated, "longitude": "7.098210"})), BETWEEN
            )
        location = held(Location, wire.location(coordinates={"latitude": stated, "longitude": "7.098210"}))
        assert written(location)["coordinates"]["latitude"] == told

    def test_capabilities_of_later_versions_are_not_told(self) -> None:
        evse = held(Evse, wire.evse(capabilities=["RFID_READER"]))
        later = evse.model_copy(update={"capabilities": ("CONTACTLESS_CARD_SUPPORT", "RFID_READER", "PED_TERMINAL")})
        assert written(later)["capabilities"] == ["RFID_READER"]
        strict.read(Evse, standard.write(later), BETWEEN)

    def test_a_word_that_came_in_this_version_goes_back_in_it(self) -> None:
        document = wire.location(
            facilities=["TRAM_STOP", "WIFI", "SAUNA"],
            evses=[wire.evse(capabilities=["DEBIT_CARD_PAYABLE", "RFID_READER", "OWN"], status="NAPPING")],
        )
        location = held(Location, document)
        assert location.evses[0].capabilities == ("DEBIT_CARD_PAYABLE", "RFID_READER", "OWN")
        assert location.evses[0].status is EvseStatus.UNKNOWN
        assert written(location) == document

    def test_an_unpublished_location_is_not_told(self) -> None:
        location = held(Location, wire.location()).model_copy(update={"publish": False})
        with pytest.raises(CannotWrite, match="publish"):
            standard.write(location)

    def test_what_only_this_version_has_stays_out_of_the_others(self) -> None:
        location = held(Location, wire.location(type="OTHER", time_zone="Europe/Berlin"))
        later = json.loads(wire.registry.by_key("ocpi-2.2.1/standard").write(location))
        assert "type" not in later
        assert (later["country_code"], later["party_id"]) == ("DE", "CPO")


def test_instants_are_written_in_whole_seconds_and_read_with_fractions() -> None:
    session = held(Session, wire.session(last_updated="2026-03-01T09:00:00.250Z"))
    assert session.last_updated == datetime(2026, 3, 1, 9, 0, 0, 250_000, tzinfo=UTC)
    assert written(session)["last_updated"] == "2026-03-01T09:00:00Z"


class TestSession:
    def test_it_brings_its_place_along(self) -> None:
        session = held(Session, wire.session())
        assert (session.location_id, session.evse_uid, session.connector_id) == ("L1", "E1", "1")
        assert session.place == held(Location, wire.location())
        assert session.token == TokenRef(issuer_party=EMSP, uid=None, type=None, contract_id="NL-MSP-C1-1")

    def test_a_whole_site_leaves_open_what_was_used(self) -> None:
        document = wire.session(location=wire.location(evses=[wire.evse(), wire.evse(uid="E2")]))
        session = held(Session, document)
        assert (session.location_id, session.evse_uid, session.connector_id) == ("L1", "#NA", "#NA")
        assert written(session) == document
        two = wire.evse(connectors=[wire.connector(), wire.connector(id="2")])
        session = held(Session, wire.session(location=wire.location(evses=[two])))
        assert (session.evse_uid, session.connector_id) == ("E1", "#NA")

    def test_without_its_place_it_is_not_sent(self) -> None:
        session = held(Session, wire.session()).model_copy(update={"place": None})
        with pytest.raises(CannotWrite) as refused:
            standard.write(session)
        assert [finding.where for finding in refused.value.findings] == ["location"]

    def test_costs_are_net_and_their_tax_is_unknown(self) -> None:
        session = held(Session, wire.session(total_cost=8.50))
        assert session.total_cost == Price(currency="EUR", before_tax=Decimal("8.50"), after_tax=None, taxes=None)
        gross = session.total_cost.model_copy(update={"after_tax": Decimal("10.12")})
        assert written(session.model_copy(update={"total_cost": gross}))["total_cost"] == 8.50
        assert held(Session, wire.session()).total_cost is None

    def test_a_reservation_is_pending_and_a_command_is_a_request(self) -> None:
        session = held(Session, wire.session())
        later = session.model_copy(update={"status": SessionStatus.RESERVATION, "auth_method": AuthMethod.COMMAND})
        document = written(later)
        assert (document["status"], document["auth_method"]) == ("PENDING", "AUTH_REQUEST")

    def test_flat_fees_keep_their_places(self) -> None:
        periods = [
            wire.period(wire.AT, ("FLAT", 1), ("ENERGY", 2), ("FLAT", 3)),
            wire.period("2026-03-01T09:10:00Z", ("FLAT", 1)),
            wire.period("2026-03-01T09:20:00Z", ("PARKING_TIME", 0.5)),
        ]
        periods[0]["dimensions"][0]["note"] = "start"
        document = wire.session(charging_periods=periods)
        session = held(Session, document)
        assert [len(period.volumes) for period in session.charging_periods] == [1, 0, 1]
        assert written(session) == document

    def test_what_this_version_cannot_measure_is_left_out(self) -> None:
        session = held(Session, wire.session(charging_periods=[wire.period()]))
        start = datetime(2026, 3, 1, 9, tzinfo=UTC)

        def of(*volumes: tuple[VolumeDimension, int]) -> ChargingPeriod:
            return ChargingPeriod(
                start=start, volumes=tuple(Volume(dimension=d, volume=Decimal(v)) for d, v in volumes)
            )

        measured = (
            of((VolumeDimension.RESERVATION_TIME, 1)),
            of((VolumeDimension.ENERGY, 5), (VolumeDimension.MAX_POWER, 50)),
            of((VolumeDimension.STATE_OF_CHARGE, 80)),
        )
        document = written(session.model_copy(update={"charging_periods": measured}))
        assert [period["dimensions"] for period in document["charging_periods"]] == [
            [{"type": "ENERGY", "volume": 0}],
            [{"type": "ENERGY", "volume": 5}],
        ]

    def test_a_defect_of_the_site_does_not_cost_the_session(self) -> None:
        site = wire.location(opening_times={}, images="none", country="DE", evses=[wire.evse(connectors=[])])
        read = standard.read(Session, body(wire.session(location=site)), BETWEEN)
        assert read.value.evse_uid == "E1"
        assert not any(finding.blocks for finding in read.findings)
        assert {"tolerance.country_code", "tolerance.twentyfourseven_missing"} <= {f.code for f in read.findings}
        with pytest.raises(InvalidWire, match="location: is required"):
            standard.read(Session, body({k: v for k, v in wire.session().items() if k != "location"}), BETWEEN)


class TestCdr:
    def test_where_it_was_charged_is_read_from_its_place(self) -> None:
        point = held(Cdr, wire.cdr()).charge_point
        assert (point.location_id, point.evse_uid, point.evse_id, point.connector_id) == ("L1", "E1", "DE*CPO*E1", "1")
        assert (point.connector_standard, point.connector_power_type) == ("IEC_62196_T2", "AC_3_PHASE")
        site = wire.location(evses=[wire.evse(), wire.evse(uid="E2")])
        point = held(Cdr, wire.cdr(location=site)).charge_point
        assert (point.evse_uid, point.evse_id, point.connector_id) == ("#NA", "#NA", "#NA")

    def test_the_cost_is_net(self) -> None:
        cdr = held(Cdr, wire.cdr(total_cost=4.00))
        assert cdr.total_cost == Price(currency="EUR", before_tax=Decimal("4.00"))
        assert written(cdr) == wire.cdr(total_cost=4.00)

    @pytest.mark.parametrize(
        ("changes", "where"),
        [
            ({"place": None}, "location"),
            ({"credit": True}, "credit"),
            ({"home_charging_compensation": True}, "home_charging_compensation"),
            ({"id": "c" * 37}, "id"),
        ],
    )
    def test_what_would_read_as_something_else_is_not_sent(self, changes: dict[str, Any], where: str) -> None:
        cdr = held(Cdr, wire.cdr()).model_copy(update=changes)
        with pytest.raises(CannotWrite) as refused:
            standard.write(cdr)
        assert [finding.where for finding in refused.value.findings] == [where]

    def test_a_tariff_that_cannot_be_said_stays_out_of_it(self) -> None:
        cdr = held(Cdr, wire.cdr())
        limited = cdr.tariffs[0].model_copy(update={"max_price": Price(currency="EUR", before_tax=Decimal(5))})
        document = written(cdr.model_copy(update={"tariffs": (limited, cdr.tariffs[0])}))
        assert document["tariffs"] == [wire.tariff()]

    def test_an_unpublished_site_does_not_keep_it_back(self) -> None:
        cdr = held(Cdr, wire.cdr())
        hidden = cdr.place.model_copy(update={"publish": False})
        assert written(cdr.model_copy(update={"place": hidden})) == wire.cdr()

    def test_the_connector_that_was_used_is_told_whatever_its_plug(self) -> None:
        cdr = held(Cdr, wire.cdr())
        connector = cdr.place.evses[0].connectors[0].model_copy(update={"standard": "MCS"})
        place = cdr.place.cut_to(cdr.place.evses[0], connector)
        document = written(cdr.model_copy(update={"place": place}))
        assert document["location"]["evses"][0]["connectors"][0]["standard"] == "MCS"

    def test_money_is_never_repaired(self) -> None:
        for changes, where in (
            ({"total_cost": "10.00"}, "total_cost"),
            ({"total_cost": {"excl_vat": 10}}, "total_cost"),
            ({"total_energy": "10"}, "total_energy"),
            ({"currency": "eur"}, "currency"),
            ({"tariffs": [wire.tariff(currency=978)]}, "tariffs[0].currency"),
            ({"auth_id": ""}, "auth_id"),
            (
                {"charging_periods": [wire.period(wire.AT, ("RESERVATION_TIME", 1))]},
                "charging_periods[0].dimensions[0].type",
            ),
        ):
            with pytest.raises(InvalidWire) as refused:
                standard.read(Cdr, body(wire.cdr(**changes)), BETWEEN)
            assert where in {finding.where for finding in refused.value.findings}

    @pytest.mark.parametrize("price", ["4,00", "1e2", "", "4.00 EUR"])
    def test_a_quoted_price_in_a_copy_is_a_plain_decimal_or_refused(self, price: str) -> None:
        copy = wire.tariff(elements=[{"price_components": [{"type": "TIME", "price": price, "step_size": 1}]}])
        with pytest.raises(InvalidWire, match="price"):
            standard.read(Cdr, body(wire.cdr(tariffs=[copy])), BETWEEN)
        plain = json.loads(json.dumps(copy).replace(json.dumps(price), '"2.00"'))
        assert any(f.blocks for f in standard.read(Cdr, body(wire.cdr(tariffs=[plain])), BETWEEN).findings)
        with pytest.raises(InvalidWire, match="price"):
            standard.read(Tariff, body(plain), BETWEEN)


class TestTariff:
    def test_prices_are_net_and_say_nothing_of_tax(self) -> None:
        tariff = held(Tariff, wire.tariff())
        component = tariff.elements[0].price_components[0]
        assert (tariff.tax_included, component.vat_percent) == (TaxIncluded.NO, None)
        taxed = component.model_copy(update={"vat_percent": Decimal(19)})
        element = TariffElement(price_components=(taxed,))
        assert written(tariff.model_copy(update={"elements": (element,), "type": "REGULAR"})) == wire.tariff()

    @pytest.mark.parametrize(
        ("changes", "where"),
        [
            ({"min_price": Price(currency="EUR", before_tax=Decimal(1))}, "min_price"),
            ({"max_price": Price(currency="EUR", before_tax=Decimal(9))}, "max_price"),
            ({"tax_included": TaxIncluded.YES}, "elements[0].price_components[0].vat"),
        ],
    )
    def test_another_price_is_not_told(self, changes: dict[str, Any], where: str) -> None:
        tariff = held(Tariff, wire.tariff()).model_copy(update=changes)
        with pytest.raises(CannotWrite) as refused:
            standard.write(tariff)
        assert [finding.where for finding in refused.value.findings] == [where]

    def test_a_restriction_is_never_dropped(self) -> None:
        tariff = held(Tariff, wire.tariff())
        restricted = tariff.elements[0].model_copy(
            update={"restrictions": TariffRestrictions(max_current_a=Decimal(16))}
        )
        with pytest.raises(CannotWrite, match=r"elements\[0\]\.restrictions\.max_current"):
            standard.write(tariff.model_copy(update={"elements": (restricted, *tariff.elements)}))

    def test_what_prices_reservations_is_left_out(self) -> None:
        tariff = held(Tariff, wire.tariff())
        only = TariffRestrictions(reservation=ReservationRestriction.RESERVATION)
        reservation = tariff.elements[0].model_copy(update={"restrictions": only})
        assert written(tariff.model_copy(update={"elements": (reservation, *tariff.elements)})) == wire.tariff()
        with pytest.raises(CannotWrite, match="elements"):
            standard.write(tariff.model_copy(update={"elements": (reservation,)}))


class TestToken:
    @pytest.mark.parametrize(
        ("known", "told"),
        [("RFID", "RFID"), ("OTHER", "OTHER"), ("APP_USER", "OTHER"), ("AD_HOC_USER", "OTHER"), ("EMAID", "OTHER")],
    )
    def test_types_of_later_versions_are_other(self, known: str, told: str) -> None:
        token = held(Token, wire.token()).model_copy(update={"type": TokenType(known)})
        assert written(token)["type"] == told

    def test_its_contract_is_its_auth_id(self) -> None:
        token = held(Token, wire.token(visual_number="1", language="de"))
        assert token.contract_id == "NL-MSP-C1-1"
        assert written(token) == wire.token(visual_number="1", language="de")

    def test_an_authorisation_is_about_the_token_that_was_asked_for(self) -> None:
        document = {"allowed": "BLOCKED", "info": {"language": "en", "text": "no"}, "x": 1}
        said = strict.read(Authorization, body(document), BETWEEN).value
        assert (said.allowed, said.token) == (Allowed.BLOCKED, None)
        assert written(said) == document
        token = held(Token, wire.token())
        asked = said.about(token)
        assert asked.token == token
        assert asked.about(None) == asked
        full = asked.model_copy(update={"authorization_reference": "R1"})
        assert written(full) == document

    def test_a_question_may_name_connectors(self) -> None:
        document = {"location_id": "L1", "evse_uids": ["E1"], "connector_ids": ["1"]}
        asked = strict.read(LocationReference, body(document), BETWEEN).value
        assert asked.connector_ids == ("1",)
        assert written(asked) == document


@pytest.mark.parametrize(
    ("kind", "make"),
    [(Location, wire.location), (Token, wire.token), (Cdr, wire.cdr), (Session, wire.session), (Tariff, wire.tariff)],
)
def test_fields_that_the_version_does_not_know_are_kept(kind: type[CanonicalModel], make: Any) -> None:
    document = make() | {"country_code": "DE", "gireve_id": {"deep": [1, {"x": None}]}}
    assert written(held(kind, document)) == document
