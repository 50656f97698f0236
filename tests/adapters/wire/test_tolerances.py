# ruff: noqa: E501 (one case, one line)
"""Each tolerance: refused by the strict reader, read by the standard one, and counted."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Adapter, CannotWrite, InvalidWire
from adapters.partners.standard import STANDARD
from adapters.registry import build_registry
from canonical.cdr import Cdr
from canonical.location import Connector, Evse, EvseStatus, Location
from canonical.model import CanonicalModel
from canonical.session import Session, SessionStatus
from canonical.tariff import Tariff
from canonical.token import Token
from tests.adapters.wire import objects as wire

registry = build_registry(None)
standard = registry.by_key("ocpi-2.2.1/standard")
strict = registry.by_key("ocpi-2.2.1/strict")


def body(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


TOLERATED: list[tuple[str, type[CanonicalModel], dict[str, Any]]] = [
    ("tolerance.timestamp_without_zone", Cdr, wire.cdr(start_date_time="2026-03-01T09:00:00")),
    ("tolerance.timestamp_without_zone", Location, wire.location(last_updated="2026-03-01T09:00:00.5")),
    ("tolerance.timestamp_with_offset", Session, wire.session(start_date_time="2026-03-01T10:00:00+01:00")),
    ("tolerance.timestamp_with_offset", Session, wire.session(start_date_time="2026-03-01t09:00:00z")),
    ("tolerance.long_text", Location, wire.location(address="x" * 300)),
    ("tolerance.long_url", Location, wire.location(operator={"name": "x", "website": "https://x/" + "y" * 300})),
    ("tolerance.unprintable_text", Location, wire.location(name="two\nlines")),
    ("tolerance.number_for_text", Location, wire.location(coordinates={"latitude": 50.73743, "longitude": "7.09821"})),
    ("tolerance.empty_text", Session, wire.session(authorization_reference="")),
    ("tolerance.empty_text", Location, wire.location(parking_type="")),
    ("tolerance.number_as_text", Location, wire.location(evses=[wire.evse(connectors=[wire.connector(max_voltage="230")])])),
    ("tolerance.whole_number_with_fraction", Location, wire.location(evses=[wire.evse(connectors=[wire.connector(max_voltage=230.0)])])),
    ("tolerance.unlisted_word", Location, wire.location(evses=[wire.evse(connectors=[wire.connector(power_type="AC_6_PHASE")])])),
    ("tolerance.unlisted_word", Cdr, wire.cdr(cdr_location=wire.cdr()["cdr_location"] | {"connector_standard": "MCS"})),
    ("tolerance.session_status_reserved", Session, wire.session(status="RESERVED")),
    ("tolerance.country_code", Location, wire.location(country="DE")),
    ("tolerance.country_code", Location, wire.location(country="deu")),
    ("tolerance.coordinate_decimals", Location, wire.location(coordinates={"latitude": "50.7", "longitude": "7.0"})),
    ("tolerance.last_updated_missing", Tariff, {k: v for k, v in wire.tariff().items() if k != "last_updated"}),
    ("tolerance.evse_uid_missing", Cdr, wire.cdr(cdr_location={k: v for k, v in wire.cdr()["cdr_location"].items() if k != "evse_uid"})),
    ("tolerance.no_connectors", Location, wire.location(evses=[wire.evse(connectors=[], status="REMOVED")])),
    ("tolerance.no_connectors", Location, wire.location(evses=[wire.evse(connectors=None, status="REMOVED")])),
    ("tolerance.twentyfourseven_missing", Location, wire.location(opening_times={})),
    ("tolerance.time_of_day", Location, wire.location(opening_times={"twentyfourseven": False, "regular_hours": [{"weekday": 1, "period_begin": "7:30", "period_end": "24:00"}]})),
    ("tolerance.part_set_aside", Location, wire.location(evses=[{"uid": "E0"}, wire.evse()])),
    ("tolerance.part_set_aside", Location, wire.location(operator="BeCharged")),
]  # fmt: skip


# What the canonical object keeps in full and the writer fits into the version.
WRITTEN_STRICTLY = {
    "tolerance.long_text",
    "tolerance.unprintable_text",
    "tolerance.coordinate_decimals",
    "tolerance.time_of_day",
}


@pytest.mark.parametrize(("code", "kind", "document"), TOLERATED)
def test_tolerated(code: str, kind: type[CanonicalModel], document: dict[str, Any]) -> None:
    with pytest.raises(InvalidWire):
        strict.read(kind, body(document))
    read = standard.read(kind, body(document))
    assert code in {finding.code for finding in read.findings}
    assert not any(finding.blocks for finding in read.findings)
    written = standard.write(read.value)
    if code in WRITTEN_STRICTLY:
        strict.read(kind, written)
    else:
        assert standard.read(kind, written).value == read.value


def test_each_use_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="roamwork.tolerances"):
        standard.read(Location, body(wire.location(country="DE")))
        standard.read(Location, body(wire.location()))
    assert [record.args[0] for record in caplog.records if record.args] == ["tolerance.country_code"]


MONEY: list[tuple[str, type[CanonicalModel], dict[str, Any]]] = [
    ("total_cost.excl_vat", Cdr, wire.cdr(total_cost={"excl_vat": "10.00"})),
    ("total_cost.excl_vat", Cdr, wire.cdr(total_cost={"excl_vat": "4,00"})),
    ("total_cost", Cdr, wire.cdr(total_cost=10)),
    ("total_energy", Cdr, wire.cdr(total_energy="10")),
    ("currency", Cdr, wire.cdr(currency="€")),
    ("currency", Cdr, wire.cdr(currency="eur")),
    ("last_updated", Cdr, {k: v for k, v in wire.cdr().items() if k != "last_updated"}),
    ("charging_periods", Cdr, wire.cdr(charging_periods=[])),
    ("charging_periods[0].dimensions[0].type", Cdr, wire.cdr(charging_periods=[{"start_date_time": wire.AT, "dimensions": [{"type": "FLAT", "volume": 1}]}])),
    ("tariffs[0].elements[0].price_components[0].type", Cdr, wire.cdr(tariffs=[wire.tariff(elements=[{"price_components": [{"type": "SESSION_TIME", "price": 1, "step_size": 1}]}])])),
    ("party_id", Cdr, wire.cdr(party_id="ABCD")),
    ("party_id", Cdr, wire.cdr(party_id="A*")),
    ("country_code", Cdr, wire.cdr(country_code="DEU")),
    ("id", Cdr, wire.cdr(id="x" * 40)),
    ("id", Cdr, wire.cdr(id=1)),
    ("cdr_token.type", Cdr, wire.cdr(cdr_token=wire.cdr_token() | {"type": "EMAID"})),
    ("elements[0].restrictions.end_time", Tariff, wire.tariff(elements=[wire.tariff()["elements"][0] | {"restrictions": {"end_time": "24:00"}}])),
    ("elements[0].price_components[0].price", Tariff, wire.tariff(elements=[{"price_components": [{"type": "ENERGY", "price": "1", "step_size": 1}]}])),
    ("elements[0].price_components[0].vat", Tariff, wire.tariff(elements=[{"price_components": [{"type": "ENERGY", "price": 1, "vat": 190, "step_size": 1}]}])),
    ("type", Tariff, wire.tariff(type="SPECIAL")),
    ("kwh", Session, wire.session(kwh=None)),
    ("status", Session, wire.session(status="DONE")),
    ("uid", Token, wire.token(uid=4711)),
    ("uid", Token, wire.token(uid="")),
    ("uid", Token, wire.token(uid="ü")),
    ("whitelist", Token, wire.token(whitelist="SOMETIMES")),
    ("valid", Token, wire.token(valid="true")),
    ("last_updated", Session, wire.session(last_updated="2026-02-30T00:00:00Z")),
]  # fmt: skip


@pytest.mark.parametrize(("where", "kind", "document"), MONEY)
def test_money_and_identity_are_never_repaired(
    where: str, kind: type[CanonicalModel], document: dict[str, Any]
) -> None:
    for adapter in (strict, standard):
        with pytest.raises(InvalidWire) as refused:
            adapter.read(kind, body(document))
        assert where in {finding.where for finding in refused.value.findings}
        assert not refused.value.malformed


@pytest.mark.parametrize("evse_id", [None, "", "#NA"])
def test_a_charge_point_without_any_name_is_refused(evse_id: str | None) -> None:
    place = {k: v for k, v in wire.cdr()["cdr_location"].items() if k != "evse_uid"} | {"evse_id": evse_id}
    with pytest.raises(InvalidWire, match="evse_uid"):
        standard.read(Cdr, body(wire.cdr(cdr_location=place)))


@pytest.mark.parametrize("evses", [{}, "none", {"0": wire.evse()}])
def test_a_site_is_not_closed_by_a_list_that_is_none(evses: object) -> None:
    with pytest.raises(InvalidWire, match="evses: must be a list"):
        standard.read(Location, body(wire.location(evses=evses)))


def test_an_unknown_status_is_unknown_and_goes_out_as_it_came() -> None:
    sent = wire.location(evses=[wire.evse(status="NAPPING")])
    read = standard.read(Location, body(sent)).value
    assert read.evses[0].status is EvseStatus.UNKNOWN
    assert json.loads(standard.write(read)) == sent
    charging = read.evses[0].model_copy(update={"status": EvseStatus.CHARGING})
    now = read.model_copy(update={"evses": (charging,)})
    assert json.loads(standard.write(now))["evses"][0]["status"] == "CHARGING"


def test_what_the_version_has_no_word_for_is_left_out_of_a_site_on_the_way_out() -> None:
    mcs = wire.connector(id="2", standard="MCS", rating=1)
    kept = {"url": "u", "category": "OWNER", "type": "png", "author": "me"}
    sent = wire.location(
        evses=[
            wire.evse(connectors=[mcs, wire.connector(note="x")], capabilities=["ISO", "RFID_READER"]),
            wire.evse(uid="E2", connectors=[mcs]),
        ],
        images=[{"url": "u", "category": "PHOTO", "type": "png", "author": "you"}, kept],
        parking_type="ROOF",
        facilities=["POOL", "WIFI"],
        publish_allowed_to=[
            {"uid": "1", "type": "EMAID"},
            {"uid": "2", "type": "FACE"},
            {"visual_number": "3", "issuer": "x"},
        ],
    )
    read = standard.read(Location, body(sent)).value
    assert [connector.standard for evse in read.evses for connector in evse.connectors] == [
        "MCS",
        "IEC_62196_T2",
        "MCS",
    ]
    written = standard.write(read)
    expected = wire.location(
        evses=[wire.evse(connectors=[wire.connector(note="x")], capabilities=["RFID_READER"])],
        images=[kept],
        facilities=["WIFI"],
        publish_allowed_to=[{"uid": "1", "type": "OTHER"}, {"visual_number": "3", "issuer": "x"}],
    )
    assert json.loads(written) == expected
    strict.read(Location, written)
    for alone in (Connector, Evse):
        with pytest.raises(CannotWrite, match="standard"):
            standard.write(read.evses[1] if alone is Evse else read.evses[1].connectors[0])


def test_a_patch_takes_nothing_away_that_the_version_has_no_word_for() -> None:
    read = standard.read(
        Location, body(wire.location(evses=[wire.evse(connectors=[wire.connector(standard="MCS")])]))
    ).value
    after = standard.patch(read, body({"name": "New", "last_updated": wire.AT})).value
    assert after.evses == read.evses


def test_reserved_is_reservation() -> None:
    read = standard.read(Session, body(wire.session(status="RESERVED")))
    assert read.value.status is SessionStatus.RESERVATION


def test_parts_set_aside_return_to_their_places() -> None:
    bad = [{"uid": f"bad-{number}"} for number in range(3)]
    evses = [bad[0], wire.evse(uid="E1", floor=1), bad[1], bad[2], wire.evse(uid="E2")]
    images = [{"url": 1, "x": True}, {"url": "u", "category": "OWNER", "type": "png", "author": "me"}]
    sent = wire.location(evses=evses, images=images, operator=["no"], gireve={"id": [1.50]})
    read = standard.read(Location, body(sent))
    assert [evse.uid for evse in read.value.evses] == ["E1", "E2"]
    assert json.loads(standard.write(read.value)) == sent


@pytest.mark.parametrize("name", ["kept", "model_fields", "0", "00", "a/b~c", "__class__", "", "validate"])
def test_unknown_fields_of_any_name_are_kept(name: str) -> None:
    for kind, make in ((Token, wire.token), (Cdr, wire.cdr), (Session, wire.session), (Tariff, wire.tariff)):
        sent = make() | {name: {"deep": [1, {"x": None}]}}
        assert json.loads(standard.write(standard.read(kind, body(sent)).value)) == sent
    sent = wire.cdr(cdr_token=wire.cdr_token() | {name: 1}, tariffs=[wire.tariff() | {name: 2}])
    assert json.loads(standard.write(standard.read(Cdr, body(sent)).value)) == sent


def test_a_quoted_price_in_the_copy_of_a_tariff_waits_for_a_person() -> None:
    quoted = [{"price_components": [{"type": "ENERGY", "price": "1.00", "step_size": 1}]}]
    read = standard.read(Cdr, body(wire.cdr(tariffs=[wire.tariff(elements=quoted)])))
    assert [(finding.code, finding.blocks) for finding in read.findings] == [("tolerance.price_as_text", True)]
    with pytest.raises(InvalidWire):
        standard.read(Tariff, body(wire.tariff(elements=quoted)))


def test_every_tolerance_is_documented_with_whether_it_blocks() -> None:
    page = (Path(__file__).parents[3] / "docs/cdr-findings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(tolerance\.\w+)` \|.*\| (yes|no) \|$", page, re.MULTILINE)
    assert dict(rows) == {rule.code: "yes" if rule.blocks else "no" for rule in STANDARD.reading}
    assert len(rows) == len(dict(rows))


def test_a_hostile_body_is_refused_quickly() -> None:
    with pytest.raises(InvalidWire) as refused:
        standard.read(Location, body(wire.location(images=[{}] * 20_000)))
    assert len(refused.value.findings) <= 50


@pytest.mark.parametrize("adapter", build_registry(None).adapters(), ids=lambda adapter: adapter.version)
@pytest.mark.parametrize(
    ("kind", "name", "part"),
    [(Session, "charging_periods", {"x": 1}), (Location, "evses", {}), (Location, "evses", {"status": "?"})],
)
def test_what_has_more_faults_than_any_dialect_is_refused_unrepaired(
    adapter: Adapter, kind: type[Session] | type[Location], name: str, part: dict[str, object]
) -> None:
    """A quarter of a megabyte would else be looked at for longer than anybody waits."""
    body = json.dumps({"id": "X1", name: [part] * 20_000}).encode()
    with pytest.raises(InvalidWire) as refused:
        adapter.read(kind, body, None)
    assert [finding.code for finding in refused.value.findings] == ["wire.too_many_faults"]
    assert not refused.value.malformed
