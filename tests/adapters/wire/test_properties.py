"""Whatever the version can say survives the way out and back in, under the strict reader."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from adapters.contract import InvalidWire
from adapters.registry import build_registry
from canonical.cdr import Cdr
from canonical.location import Location
from canonical.model import CanonicalModel
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Token
from tests.adapters.wire import objects as wire
from tests.adapters.wire import strategies as canonical
from tests.adapters.wire import strategies_2_3_0 as newer
from tests.adapters.wire.broken import broken

registry = build_registry(None)
standard = registry.by_key("ocpi-2.2.1/standard")

Families = dict[str, SearchStrategy[CanonicalModel]]
BEFORE: Families = {
    "location": canonical.locations,
    "evse": canonical.evses,
    "connector": canonical.connectors,
    "tariff": canonical.tariffs,
    "token": canonical.tokens,
    "session": canonical.sessions,
    "cdr": canonical.cdrs,
    "authorization": canonical.authorizations,
    "location reference": canonical.references,
}
FAMILIES: dict[str, Families] = {
    "2.2.1": BEFORE,
    "2.3.0": {
        "location": newer.locations,
        "evse": newer.evses,
        "connector": newer.connectors,
        "tariff": newer.tariffs,
        "token": newer.tokens,
        "session": newer.sessions,
        "cdr": newer.cdrs,
        "authorization": newer.authorizations,
        "location reference": canonical.references,
        "invoice record": newer.invoice_records,
    },
}


@pytest.mark.parametrize(("version", "family"), [(v, f) for v, families in FAMILIES.items() for f in families])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_out_and_back_in(version: str, family: str, data: st.DataObject) -> None:
    strict, tolerant = (registry.by_key(f"ocpi-{version}/{profile}") for profile in ("strict", "standard"))
    value = data.draw(FAMILIES[version][family])
    body = strict.write(value)
    read = strict.read(type(value), body)
    assert read.value == value
    assert read.findings == ()
    assert tolerant.write(tolerant.read(type(value), body).value) == body


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises(InvalidWire):
        standard.read(Cdr, body)


Whole = list[tuple[type[CanonicalModel], dict[str, Any]]]
PERIODS = wire.cdr()["charging_periods"]
WHOLE: dict[str, Whole] = {
    "2.2.1": [
        (Location, wire.location(operator={"name": "x"}, opening_times={"twentyfourseven": True})),
        (Session, wire.session(charging_periods=PERIODS, total_cost={"excl_vat": 1})),
        (Cdr, wire.cdr()),
        (Tariff, wire.tariff()),
        (Token, wire.token()),
    ],
    "2.3.0": [
        (
            Location,
            wire.location(
                evses=[wire.evse(parking=[{"parking_id": "P"}])],
                parking_places=[
                    {"id": "P", "vehicle_types": ["VAN"], "restricted_to_type": True, "reservation_required": True}
                ],
            ),
        ),
        (Session, wire.session(charging_periods=PERIODS, total_cost={"before_taxes": 1})),
        (
            Cdr,
            wire.cdr(
                tariffs=[wire.tariff(tax_included="NO")],
                total_cost={"before_taxes": 1, "taxes": [{"name": "VAT", "amount": 1}]},
            ),
        ),
        (Tariff, wire.tariff(tax_included="YES", min_price={"before_taxes": 1})),
        (Token, wire.token(type="EMAID")),
    ],
}


@pytest.mark.parametrize("version", WHOLE)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_document_with_anything_anywhere_is_read_or_refused(version: str, data: st.DataObject) -> None:
    standard = registry.by_key(f"ocpi-{version}/standard")
    kind, document = data.draw(st.sampled_from(WHOLE[version]))
    try:
        value = standard.read(kind, json.dumps(data.draw(broken(document))).encode()).value
    except InvalidWire:
        return
    written = standard.write(value)
    again = standard.read(kind, written).value
    assert standard.write(again) == written
