"""Crossing versions loses only what is listed: with the list, the original can be made again."""

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from adapters.contract import CannotWrite, Parties
from adapters.conversion import KINDS, VERSION_NUMBERS, Converted, Known, NotConvertible, convert, plain
from adapters.conversion_report import lines, report
from adapters.differences import differences, undone
from adapters.registry import build_registry
from canonical.cdr import Cdr
from canonical.identity import PartyId
from canonical.model import CanonicalModel
from canonical.session import Session
from canonical.token import Token
from tests.adapters.wire import objects as wire
from tests.adapters.wire import strategies as middle
from tests.adapters.wire import strategies_2_3_0 as newest
from tests.adapters.wire.shared import needed, payload, rows

registry = build_registry(None)
CPO, EMSP = PartyId.parse("DE*ABC"), PartyId.parse("NL*XYZ")
KNOWN = Known(cpo=CPO, emsp=EMSP, time_zone="Europe/Berlin")
DIRECTIONS = list(permutations(VERSION_NUMBERS, 2))
OBJECTS = ("location", "evse", "connector", "tariff", "token", "session", "cdr")


def body(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def converted(document: dict[str, Any], way: str, kind: str | None = None, known: Known = KNOWN) -> Converted:
    source, target = way.split(" -> ")
    return convert(body(document), source, target, kind, known)


def attempted(
    sent: bytes, source: str, target: str, kind: str | None = None, known: Known = KNOWN
) -> Converted | NotConvertible:
    try:
        return convert(sent, source, target, kind, known)
    except NotConvertible as refused:
        return refused


def losses(outcome: Converted) -> dict[str, tuple[object, object]]:
    return {each.where: (each.before, each.after) for each in outcome.losses}


# Anything that a version can say


def placed(value: Session | Cdr, site: Any) -> Session | Cdr:
    """A session or a CDR as the oldest version sends it: with the site, and the EVSE and connector used."""
    evse = site.evses[0]
    place = site.cut_to(evse, evse.connectors[0])
    named = {"location_id": site.id, "evse_uid": evse.uid, "connector_id": evse.connectors[0].id}
    changed = named if isinstance(value, Session) else {"charge_point": value.charge_point.model_copy(update=named)}
    return value.model_copy(update={**changed, "place": place})


sites = newest.with_fields(
    middle.locations,
    owner=st.just(CPO),
    publish=st.just(value=True),
    evses=st.tuples(newest.with_fields(middle.evses, connectors=st.tuples(middle.connectors))),
)
STRATEGIES: dict[str, dict[str, SearchStrategy[Any]]] = {
    "2.1.1": {
        "location": middle.locations,
        "evse": middle.evses,
        "connector": middle.connectors,
        "tariff": middle.tariffs,
        "token": middle.tokens,
        "session": middle.sessions,
        "cdr": newest.with_fields(middle.cdrs, credit=st.none(), home_charging_compensation=st.none()),
    },
    "2.2.1": {kind: getattr(middle, f"{kind}s") for kind in OBJECTS},
    "2.3.0": {kind: getattr(newest, f"{kind}s") for kind in OBJECTS},
}


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_crossed_and_what_is_listed_make_the_original(
    source: str, target: str, kind: str, data: st.DataObject
) -> None:
    reader, writer = (registry.by_key(f"ocpi-{version}/standard") for version in (source, target))
    value, known = data.draw(STRATEGIES[source][kind]), KNOWN
    try:
        if isinstance(value, Session | Cdr):
            site = data.draw(sites)
            value = placed(value, site)
            known = replace(KNOWN, site=reader.write(site))
        sent = reader.write(value)
    except CannotWrite:
        reject()
    outcome = attempted(sent, source, target, kind, known)
    if isinstance(outcome, NotConvertible):
        assert all(finding.where for finding in outcome.findings)
        return
    original = reader.read(_type(kind), sent, Parties(cpo=CPO, emsp=EMSP)).value
    crossed = writer.read(_type(kind), outcome.body, _between(original)).value
    assert undone(plain(crossed), outcome.losses) == plain(original)
    assert list(differences(plain(original), plain(crossed))) == list(outcome.losses)
    assert all(each.before != each.after for each in outcome.losses)


def _type(kind: str) -> type[CanonicalModel]:
    return {
        "location": middle.location.Location,
        "evse": middle.location.Evse,
        "connector": middle.location.Connector,
        "tariff": middle.tariff.Tariff,
        "token": Token,
        "session": Session,
        "cdr": Cdr,
    }[kind]


def _between(value: CanonicalModel) -> Parties:
    owner = getattr(value, "owner", CPO)
    if isinstance(value, Session | Cdr):
        return Parties(cpo=owner, emsp=value.token.issuer_party)
    return Parties(cpo=CPO if isinstance(value, Token) else owner, emsp=owner if isinstance(value, Token) else EMSP)


json_values: SearchStrategy[Any] = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
        | st.lists(
            st.fixed_dictionaries({"id": st.integers(0, 4), "v": inner}), max_size=4, unique_by=lambda each: each["id"]
        )
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=json_values, after=json_values)
def test_differences_lead_back(before: Any, after: Any) -> None:
    # A name that is missing and one that is null are the same in a canonical document.
    assert _without_null(undone(after, list(differences(before, after)))) == _without_null(before)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(each) for name, each in value.items() if each is not None}
    return [_without_null(each) for each in value] if isinstance(value, list) else value


# What is lost, by the rules of the standard


def test_a_plug_that_the_older_version_does_not_know_is_left_out_and_never_another_one() -> None:
    plugs = [wire.connector(id="1"), wire.connector(id="2", standard="MCS"), wire.connector(id="3", standard="OURS")]
    evses = [wire.evse(uid="E0", connectors=[plugs[1]]), wire.evse(connectors=plugs, capabilities=["VALET"])]
    outcome = converted(wire.location(evses=evses, help_phone="+49 1"), "2.3.0 -> 2.2.1")
    written = json.loads(outcome.body)
    assert [[plug["id"] for plug in evse["connectors"]] for evse in written["evses"]] == [["1"]]
    assert set(losses(outcome)) == {
        "evses[0]",
        "evses[1].capabilities",
        "evses[1].connectors[1]",
        "evses[1].connectors[2]",
        "help_phone",
    }
    assert all(each.dropped for each in outcome.losses)
    with pytest.raises(NotConvertible, match="standard"):
        converted(plugs[1], "2.3.0 -> 2.2.1")


def test_the_contract_of_a_vehicle_is_some_other_token_in_older_versions() -> None:
    for way in ("2.3.0 -> 2.2.1", "2.3.0 -> 2.1.1"):
        outcome = converted(wire.token(type="EMAID"), way)
        assert json.loads(outcome.body)["type"] == "OTHER"
        assert losses(outcome)["type"] == ("EMAID", "OTHER")


def test_prices_change_their_form_and_tax_lines_are_lost() -> None:
    cost = {"before_taxes": 10, "taxes": [{"name": "GST", "amount": 0.5}, {"name": "QST", "amount": 1}]}
    sent = wire.session(total_cost=cost)
    outcome = converted(sent, "2.3.0 -> 2.2.1")
    assert json.loads(outcome.body)["total_cost"] == {"excl_vat": 10, "incl_vat": 11.5}
    assert set(losses(outcome)) == {"total_cost.taxes"}
    back = converted(json.loads(outcome.body), "2.2.1 -> 2.3.0")
    assert json.loads(back.body)["total_cost"] == {"before_taxes": 10, "taxes": [{"name": "VAT", "amount": 1.5}]}
    assert [each.filled for each in back.losses] == [True]


@pytest.mark.parametrize(
    ("tax_included", "vat", "price"), [("NO", None, 1.19), ("N/A", None, 1.19), ("NO", 19, 1.19), ("YES", 19, 1)]
)
def test_gross_prices_become_net_ones(tax_included: str, vat: int | None, price: float) -> None:
    component = {"type": "ENERGY", "price": 1.19, "step_size": 1} | ({"vat": vat} if vat else {})
    sent = wire.tariff(tax_included=tax_included, elements=[{"price_components": [component]}])
    outcome = converted(sent, "2.3.0 -> 2.2.1")
    assert json.loads(outcome.body)["elements"] == [{"price_components": [component | {"price": price}]}]
    assert "tax_included" not in json.loads(outcome.body)
    assert ("tax_included" in losses(outcome)) == (tax_included != "NO")


def test_gross_prices_without_vat_are_refused_by_name() -> None:
    with pytest.raises(NotConvertible) as refused:
        converted(wire.tariff(tax_included="YES"), "2.3.0 -> 2.2.1")
    assert [each.where for each in refused.value.findings] == ["elements[0].price_components[0].vat"]


def test_the_oldest_version_names_a_contract_and_no_token() -> None:
    site = wire.location(evses=[wire.evse()])
    oldest = converted(wire.session(), "2.2.1 -> 2.1.1", known=Known(site=body(site)))
    assert losses(oldest).keys() == {"place", "token.uid", "token.type"}
    back = converted(json.loads(oldest.body), "2.1.1 -> 2.2.1")
    assert json.loads(back.body)["cdr_token"] == wire.cdr_token() | {
        "country_code": "NL",
        "party_id": "XYZ",
        "uid": "#NA",
        "type": "OTHER",
    }
    found = losses(back)
    assert found["token.uid"] == (None, "#NA")
    assert found["token.type"] == (None, "OTHER")
    assert found["place"][1] is None


def test_one_tariff_a_connector_and_no_reservation_in_the_oldest_version() -> None:
    outcome = converted(wire.connector(tariff_ids=["A", "B"]), "2.2.1 -> 2.1.1")
    assert json.loads(outcome.body)["tariff_id"] == "A"
    assert [(each.where, each.before) for each in outcome.losses] == [("tariff_ids[1]", "B")]
    site = Known(site=body(wire.location()))
    reserved = converted(wire.session(status="RESERVATION"), "2.2.1 -> 2.1.1", known=site)
    assert losses(reserved)["status"] == ("RESERVATION", "PENDING")


def test_what_only_the_sender_knows_is_forwarded() -> None:
    sent = wire.location(gireve={"id": [1.50]}, evses=[wire.evse(floor=2)])
    for way in ("2.2.1 -> 2.3.0", "2.3.0 -> 2.2.1", "2.2.1 -> 2.1.1"):
        written = json.loads(converted(sent, way).body)
        assert written["gireve"] == {"id": [1.50]}
        assert written["evses"][0]["floor"] == 2


def test_what_a_version_needs_and_nobody_said_is_refused_by_name() -> None:
    oldest = json.loads(converted(wire.location(), "2.2.1 -> 2.1.1").body)
    del oldest["time_zone"]
    with pytest.raises(NotConvertible, match="time_zone: is required"):
        converted(oldest, "2.1.1 -> 2.2.1", known=Known(cpo=CPO, emsp=EMSP))
    with pytest.raises(NotConvertible, match="say who is operator and who is provider"):
        converted(oldest, "2.1.1 -> 2.2.1", known=Known())
    with pytest.raises(NotConvertible, match="location: is required"):
        converted(wire.session(), "2.2.1 -> 2.1.1")
    elsewhere = wire.location(evses=[wire.evse(uid="E9")])
    with pytest.raises(NotConvertible, match="the EVSE and connector in use"):
        converted(wire.session(), "2.2.1 -> 2.1.1", known=Known(site=body(elsewhere)))
    assert losses(converted(oldest, "2.1.1 -> 2.2.1"))["time_zone"] == (None, "Europe/Berlin")


def test_a_kind_that_the_other_version_has_not_is_refused() -> None:
    record = {**wire.PARTY, "id": "R1", "invoice_id": "1", "cdrs": ["C1"], "last_updated": wire.AT}
    for target in ("2.1.1", "2.2.1"):
        with pytest.raises(NotConvertible, match="has no invoice-record"):
            converted(record, f"2.3.0 -> {target}")


def test_versions_and_kinds_are_named() -> None:
    with pytest.raises(ValueError, match=r"2\.2 is none of 2\.1\.1, 2\.2\.1, 2\.3\.0"):
        convert(b"{}", "2.2", "2.2.1")
    with pytest.raises(ValueError, match="invoice is none of"):
        convert(b"{}", "2.2.1", "2.3.0", "invoice")
    with pytest.raises(NotConvertible, match="body"):
        convert(b"{", "2.2.1", "2.3.0")


def test_credentials_and_commands_cross_as_well() -> None:
    hub = {"role": "HUB", "business_details": {"name": "H"}, "party_id": "HUB", "country_code": "NL"}
    roles = [hub, hub | {"role": "CPO", "party_id": "ABC"}]
    outcome = converted({"token": "t", "url": "https://x", "roles": roles}, "2.2.1 -> 2.3.0")
    assert json.loads(outcome.body)["hub_party_id"] == "NLHUB"
    one = {"token": "t", "url": "https://x", "roles": [roles[1]]}
    oldest = converted(one, "2.3.0 -> 2.1.1")
    assert (json.loads(oldest.body)["party_id"], oldest.losses) == ("ABC", ())
    assert json.loads(converted(json.loads(oldest.body), "2.1.1 -> 2.3.0", known=Known(cpo=CPO)).body) == one
    with pytest.raises(NotConvertible, match="say who is operator"):
        converted(json.loads(oldest.body), "2.1.1 -> 2.3.0", known=Known())
    order = {"response_url": "https://x/1", "location_id": "L1", "token": wire.token(type="EMAID")}
    start = converted(order, "2.3.0 -> 2.2.1")
    assert (start.kind, json.loads(start.body)["token"]["type"]) == ("start-session", "OTHER")
    answer = converted({"result": "ACCEPTED", "timeout": 30}, "2.2.1 -> 2.1.1", "start-session-response")
    assert json.loads(answer.body) == {"result": "ACCEPTED"}
    assert losses(answer) == {"timeout_s": (30, None)}


# The examples of the standard


NAMES = {"CDR": "cdr", "Connector": "connector", "EVSE": "evse", "Credentials": "credentials"}
EXAMPLES = [
    row
    for version in VERSION_NUMBERS
    for row in rows("examples", "ocpi", "index.csv", version=version)
    if row["kind"] == "full" and row["object"] in {"Location", "Session", "Tariff", "Token", *NAMES}
]


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: f"{row['version']}/{row['file']}")
def test_examples_are_recognised_and_cross(row: dict[str, str]) -> None:
    needed(EXAMPLES)
    for target in set(VERSION_NUMBERS) - {row["version"]}:
        outcome = attempted(payload(row["file"], row["version"]), row["version"], target)
        if isinstance(outcome, NotConvertible):
            assert target == "2.1.1" or row["file"] == "tariff_20_simple_north_american_inclusive.json"
            assert all(finding.where for finding in outcome.findings)
            assert b'"refused":' in report(outcome)
        else:
            assert outcome.kind == NAMES.get(row["object"], row["object"].lower())
            assert outcome.kind in KINDS
            assert len(list(lines(outcome))) == len(outcome.losses) + len(outcome.findings)
            assert json.loads(report(outcome))["converted"] == json.loads(outcome.body)


def test_nothing_is_lost_from_2_2_1_to_2_3_0_but_what_is_said_of_tax() -> None:
    for row in EXAMPLES:
        if row["version"] == "2.2.1" and Path(row["file"]).stem != "location_put_example_add_evse":
            outcome = convert(payload(row["file"]), "2.2.1", "2.3.0")
            assert all(each.filled and each.where.endswith(".taxes") for each in outcome.losses), row["file"]
