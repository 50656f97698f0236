"""PATCH by the rules of 2.2.1."""

import json
from typing import Any

import pytest

from adapters.contract import InvalidWire
from adapters.registry import build_registry
from canonical.location import Connector, Evse, EvseStatus, Location
from canonical.model import CanonicalModel
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Token
from tests.adapters.wire import objects as wire

adapter = build_registry(None).by_key("ocpi-2.2.1/standard")
LATER = "2026-03-01T12:00:00Z"


def body(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def held(kind: type[CanonicalModel], document: dict[str, Any]) -> Any:
    return adapter.read(kind, body(document)).value


def change(**fields: Any) -> bytes:
    return body({"last_updated": LATER} | fields)


def period(start: str, volume: float) -> dict[str, Any]:
    return {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": volume}]}


def codes(refused: pytest.ExceptionInfo[InvalidWire]) -> set[tuple[str, str | None]]:
    return {(finding.code, finding.where) for finding in refused.value.findings}


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (Location, wire.location()),
        (Evse, wire.evse()),
        (Connector, wire.connector()),
        (Token, wire.token()),
        (Session, wire.session()),
    ],
)
def test_last_updated_is_required(kind: type[CanonicalModel], document: dict[str, Any]) -> None:
    for sent in ({}, {"last_updated": None}):
        with pytest.raises(InvalidWire) as refused:
            adapter.patch(held(kind, document), body(sent))
        assert codes(refused) == {("patch.last_updated_missing", "last_updated")}
        assert not refused.value.malformed


def test_only_what_is_sent_changes() -> None:
    before = held(Evse, wire.evse(evse_id="DE*ABC*E1", floor=2))
    after = adapter.patch(before, change(status="CHARGING"))
    assert after.value.status is EvseStatus.CHARGING
    expected = wire.evse(evse_id="DE*ABC*E1", floor=2, status="CHARGING", last_updated=LATER)
    assert json.loads(adapter.write(after.value)) == expected
    assert after.findings == ()


def test_null_clears_what_is_optional_and_nothing_else() -> None:
    before = held(Location, wire.location(name="Old", postal_code="1"))
    after = adapter.patch(before, change(name=None)).value
    assert after.name is None
    assert after.postal_code == "1"
    with pytest.raises(InvalidWire, match="city: is required"):
        adapter.patch(before, change(city=None))


def test_lists_are_replaced() -> None:
    before = held(Evse, wire.evse(capabilities=["RESERVABLE", "RFID_READER"]))
    assert adapter.patch(before, change(capabilities=["UNLOCK_CAPABLE"])).value.capabilities == ("UNLOCK_CAPABLE",)


def test_evses_that_a_new_list_leaves_out_stay_and_are_reported() -> None:
    before = held(Location, wire.location(evses=[wire.evse(), wire.evse(uid="E2", floor=1)]))
    after = adapter.patch(before, change(evses=[wire.evse(uid="E3"), wire.evse(uid="e2", status="CHARGING")]))
    assert [(e.uid, e.status, e.floor_level) for e in after.value.evses[1:]] == [
        ("e2", EvseStatus.CHARGING, None),
        ("E3", EvseStatus.AVAILABLE, None),
    ]
    assert after.value.evses[0] == before.evses[0]
    assert [(finding.code, finding.stated) for finding in after.findings] == [("patch.evses_left_out", "E1")]


@pytest.mark.parametrize("evses", [None, []])
def test_no_list_of_evses_closes_a_location(evses: object) -> None:
    before = held(Location, wire.location(evses=[wire.evse()]))
    after = adapter.patch(before, change(evses=evses))
    assert after.value.evses == before.evses
    assert [finding.stated for finding in after.findings] == ["E1"]


def test_a_list_of_all_evses_is_no_news() -> None:
    before = held(Location, wire.location(evses=[wire.evse(), wire.evse(uid="E2")]))
    after = adapter.patch(before, change(evses=[wire.evse(uid="E2", status="REMOVED"), wire.evse()]))
    assert [(e.uid, e.status) for e in after.value.evses] == [
        ("E1", EvseStatus.AVAILABLE),
        ("E2", EvseStatus.REMOVED),
    ]
    assert after.findings == ()


@pytest.mark.parametrize(
    ("kind", "document", "field"),
    [
        (Location, wire.location(), "id"),
        (Location, wire.location(), "party_id"),
        (Session, wire.session(), "country_code"),
        (Session, wire.session(), "id"),
        (Evse, wire.evse(), "uid"),
        (Connector, wire.connector(), "id"),
        (Token, wire.token(), "uid"),
        (Token, wire.token(), "type"),
    ],
)
def test_identity_cannot_change(kind: type[CanonicalModel], document: dict[str, Any], field: str) -> None:
    before = held(kind, document)
    with pytest.raises(InvalidWire) as refused:
        adapter.patch(before, change(**{field: "XX"}))
    assert codes(refused) == {("patch.identity_differs", field)}
    same = adapter.patch(before, change(**{field: document[field].lower()})).value
    assert getattr(same, "object_id", None) == getattr(before, "object_id", None)


def test_charging_periods_are_added_once() -> None:
    before = held(Session, wire.session(charging_periods=[period("2026-03-01T09:00:00Z", 1)]))
    sent = change(charging_periods=[period("2026-03-01T09:30:00Z", 2)], kwh=3)
    once = adapter.patch(before, sent).value
    twice = adapter.patch(once, sent).value
    assert twice == once
    assert [str(p.volumes[0].volume) for p in once.charging_periods] == ["1", "2"]


def test_a_period_that_starts_at_the_same_instant_is_replaced() -> None:
    before = held(
        Session,
        wire.session(charging_periods=[period("2026-03-01T09:00:00Z", 1), period("2026-03-01T09:30:00Z", 2)]),
    )
    sent = change(charging_periods=[period("2026-03-01T09:00:00.000Z", 5)])
    after = adapter.patch(before, sent).value
    assert [str(p.volumes[0].volume) for p in after.charging_periods] == ["5", "2"]


def test_money_in_a_patch_is_not_repaired() -> None:
    before = held(Session, wire.session())
    with pytest.raises(InvalidWire, match=r"total_cost\.excl_vat"):
        adapter.patch(before, change(total_cost={"excl_vat": "4,00"}))


def test_old_tolerances_are_no_news() -> None:
    before = held(Location, wire.location(address="x" * 300))
    assert adapter.patch(before, change(name="new")).findings == ()


def test_tariffs_have_no_patch() -> None:
    with pytest.raises(InvalidWire, match="no PATCH"):
        adapter.patch(held(Tariff, wire.tariff()), change(currency="USD"))
