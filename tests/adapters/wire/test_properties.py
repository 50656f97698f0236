"""Whatever the version can say survives the way out and back in, under the strict reader."""

import copy
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

strict = build_registry(None).by_key("ocpi-2.2.1/strict")
standard = build_registry(None).by_key("ocpi-2.2.1/standard")

FAMILIES: dict[str, SearchStrategy[CanonicalModel]] = {
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


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_out_and_back_in(family: str, data: st.DataObject) -> None:
    value = data.draw(FAMILIES[family])
    body = strict.write(value)
    assert strict.read(type(value), body).value == value
    assert standard.write(standard.read(type(value), body).value) == body


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises(InvalidWire):
        standard.read(Cdr, body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


WHOLE: list[tuple[type[CanonicalModel], dict[str, Any]]] = [
    (Location, wire.location(operator={"name": "x"}, opening_times={"twentyfourseven": True})),
    (Session, wire.session(charging_periods=wire.cdr()["charging_periods"], total_cost={"excl_vat": 1})),
    (Cdr, wire.cdr()),
    (Tariff, wire.tariff()),
    (Token, wire.token()),
]


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, child in inner for place in _places(child, (*path, key))]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_document_with_anything_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    kind, document = data.draw(st.sampled_from(WHOLE))
    broken = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(_places(broken)))
        parent: Any = broken
        for step in way:
            parent = parent[step]
        parent[last] = data.draw(json_values)
        if isinstance(parent, dict) and data.draw(st.booleans()):
            parent[data.draw(st.text(max_size=4))] = data.draw(json_values)
    try:
        value = standard.read(kind, json.dumps(broken).encode()).value
    except InvalidWire:
        return
    written = standard.write(value)
    again = standard.read(kind, written).value
    assert standard.write(again) == written
