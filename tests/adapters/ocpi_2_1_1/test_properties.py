"""Whatever a partner says in 2.1.1 comes out of the canonical model as it went in, under the strict reader."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.contract import CannotWrite, InvalidWire
from adapters.json_writer import write_json
from canonical.cdr import Cdr
from canonical.location import Connector, Evse, Location
from canonical.model import CanonicalModel
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Authorization, LocationReference, Token
from tests.adapters.ocpi_2_1_1 import objects as wire
from tests.adapters.ocpi_2_1_1 import strategies as sent
from tests.adapters.ocpi_2_1_1.objects import BETWEEN, standard, strict, without_empty
from tests.adapters.wire import strategies as canonical
from tests.adapters.wire.broken import broken
from tests.adapters.wire.shared import numbers

FAMILIES: dict[type[CanonicalModel], sent.Documents] = {
    Location: sent.locations,
    Evse: sent.evses,
    Connector: sent.connectors,
    Tariff: sent.tariffs,
    Token: sent.tokens,
    Session: sent.sessions,
    Cdr: sent.cdrs,
    Authorization: sent.authorizations,
    LocationReference: sent.references,
}


@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_in_and_out_again(kind: type[CanonicalModel], data: st.DataObject) -> None:
    body = write_json(data.draw(FAMILIES[kind]))
    for adapter in (strict, standard):
        read = adapter.read(kind, body, BETWEEN)
        assert read.findings == ()
        written = adapter.write(read.value)
        assert numbers(written) == numbers(body)
        assert adapter.read(kind, written, BETWEEN).value == read.value


@pytest.mark.parametrize(
    "family",
    [canonical.locations, canonical.tariffs, canonical.tokens, canonical.evses, canonical.connectors],
    ids=["location", "tariff", "token", "evse", "connector"],
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_later_versions_say_is_written_and_read_back_or_not_written_at_all(
    family: Any, data: st.DataObject
) -> None:
    value = data.draw(family)
    try:
        body = standard.write(value)
    except CannotWrite:
        return
    kept = standard.read(type(value), body, BETWEEN).value
    assert numbers(standard.write(kept)) == without_empty(numbers(body))


WHOLE: list[tuple[type[CanonicalModel], dict[str, Any]]] = [
    (Location, wire.location(operator={"name": "x"}, opening_times={"twentyfourseven": True}, facilities=["WIFI"])),
    (Session, wire.session(charging_periods=[wire.period(wire.AT, ("FLAT", 1), ("ENERGY", 2))], total_cost=1)),
    (Cdr, wire.cdr()),
    (Tariff, wire.tariff()),
    (Token, wire.token()),
]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_document_with_anything_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    kind, document = data.draw(st.sampled_from(WHOLE))
    try:
        value = standard.read(kind, json.dumps(data.draw(broken(document))).encode(), BETWEEN).value
    except InvalidWire:
        return
    written = standard.write(value)
    again = standard.read(kind, written, BETWEEN).value
    assert standard.write(again) == written
