"""PATCH by the rules of 2.1.1: a date is welcome and not asked for, and tariffs have one too."""

from datetime import datetime
from typing import Any

import pytest

from adapters.contract import InvalidWire
from api.ocpi.freshness import is_stale
from canonical.location import Connector, Evse, EvseStatus, Location
from canonical.model import CanonicalModel
from canonical.session import Session, SessionStatus
from canonical.tariff import Tariff
from canonical.token import Token
from tests.adapters.ocpi_2_1_1 import objects as wire
from tests.adapters.ocpi_2_1_1.objects import BETWEEN, body, held, standard, written

LATER = "2026-03-01T12:00:00Z"
WHOLE: list[tuple[type[CanonicalModel], dict[str, Any], dict[str, Any]]] = [
    (Location, wire.location(), {"name": "new"}),
    (Evse, wire.evse(), {"status": "CHARGING"}),
    (Connector, wire.connector(), {"tariff_id": "T2"}),
    (Token, wire.token(), {"valid": False}),
    (Tariff, wire.tariff(), {"tariff_alt_url": "https://cpo.example/t"}),
    (Session, wire.session(), {"kwh": 5, "status": "COMPLETED"}),
]


def patched(before: Any, **change: Any) -> Any:
    return standard.patch(before, body(change), BETWEEN).value


@pytest.mark.parametrize(("kind", "document", "change"), WHOLE)
def test_only_what_is_sent_changes_and_without_a_date_the_date_stays(
    kind: type[CanonicalModel], document: dict[str, Any], change: dict[str, Any]
) -> None:
    before = held(kind, document)
    after = patched(before, **change)
    assert written(after) == document | change
    assert after.last_updated == before.last_updated
    assert patched(before, **change, last_updated=None) == after
    assert written(patched(before, **change, last_updated=LATER)) == document | change | {"last_updated": LATER}


def test_undated_changes_count_in_the_order_in_which_they_come_and_dated_ones_after_them() -> None:
    before = held(Session, wire.session())
    first = patched(before, kwh=1)
    second = patched(first, kwh=2)
    dated = patched(second, kwh=3, last_updated=LATER)
    overtaken = patched(dated, kwh=9, last_updated=wire.AT)
    assert not is_stale(before, first)
    assert not is_stale(first, second)
    assert not is_stale(second, dated)
    assert is_stale(dated, overtaken)
    assert dated.last_updated == datetime.fromisoformat(LATER)


def test_the_elements_of_a_tariff_are_replaced() -> None:
    before = held(Tariff, wire.tariff(elements=[wire.tariff()["elements"][0]] * 2))
    elements = [{"price_components": [{"type": "TIME", "price": 2.5, "step_size": 300}]}]
    assert written(patched(before, elements=elements))["elements"] == elements
    with pytest.raises(InvalidWire, match="price"):
        patched(before, elements=[{"price_components": [{"type": "TIME", "price": "2.50", "step_size": 300}]}])


def test_periods_with_their_flat_fees_are_added_once() -> None:
    periods = [wire.period(wire.AT, ("FLAT", 1), ("ENERGY", 2))]
    before = held(Session, wire.session(charging_periods=periods))
    more = wire.period("2026-03-01T09:30:00Z", ("ENERGY", 1), ("FLAT", 2))
    once = patched(before, charging_periods=[more], kwh=3)
    assert written(once)["charging_periods"] == [*periods, more]
    assert patched(once, charging_periods=[more], kwh=3) == once


def test_a_new_place_of_a_session_is_a_whole_one() -> None:
    before = held(Session, wire.session(location=wire.location(evses=[wire.evse(), wire.evse(uid="E2")])))
    after = patched(before, location=wire.location(type="OTHER"), status="ACTIVE")
    assert (after.evse_uid, after.status) == ("E1", SessionStatus.ACTIVE)
    assert written(after)["location"] == wire.location(type="OTHER")


def test_a_status_is_told_of_one_evse() -> None:
    assert patched(held(Evse, wire.evse()), status="REMOVED").status is EvseStatus.REMOVED


@pytest.mark.parametrize(
    ("kind", "document", "name"),
    [
        (Location, wire.location(), "id"),
        (Evse, wire.evse(), "uid"),
        (Connector, wire.connector(), "id"),
        (Tariff, wire.tariff(), "id"),
        (Token, wire.token(), "uid"),
        (Session, wire.session(), "id"),
    ],
)
def test_identity_cannot_change(kind: type[CanonicalModel], document: dict[str, Any], name: str) -> None:
    before = held(kind, document)
    with pytest.raises(InvalidWire) as refused:
        patched(before, **{name: "XX"})
    assert {(f.code, f.where) for f in refused.value.findings} == {("patch.identity_differs", name)}
    assert patched(before, **{name: document[name].lower()}) == before
