"""What a partner is told when one of our objects changes."""

import pytest

from adapters.document import Document
from adapters.ocpi.changes import Change, of_location, of_object, of_session

BEFORE, AFTER = {"last_updated": "2026-03-01T09:00:00Z"}, {"last_updated": "2026-03-01T10:00:00Z"}


class TestObject:
    def test_only_what_changed_and_when(self) -> None:
        change = of_object({"uid": "1", "valid": True, **BEFORE}, {"uid": "1", "valid": False, **AFTER})
        assert change == Change("PATCH", {"valid": False, **AFTER})

    def test_a_new_field(self) -> None:
        change = of_object({"uid": "1", **BEFORE}, {"uid": "1", "group_id": "g", **AFTER})
        assert change == Change("PATCH", {"group_id": "g", **AFTER})

    def test_last_updated_also_when_it_did_not_move(self) -> None:
        change = of_object({"valid": True, **BEFORE}, {"valid": False, **BEFORE})
        assert change == Change("PATCH", {"valid": False, **BEFORE})

    def test_nothing_changed(self) -> None:
        assert of_object({"uid": "1", **BEFORE}, {"uid": "1", **BEFORE}) == Change("PATCH", BEFORE)

    @pytest.mark.parametrize("gone", [{}, {"group_id": None}])
    def test_a_field_cannot_be_removed_by_patch(self, gone: Document) -> None:
        after = {"uid": "1", **gone, **AFTER}
        assert of_object({"uid": "1", "group_id": "g", **BEFORE}, after) == Change("PUT", after)


def period(start: str, kwh: int) -> Document:
    return {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": kwh}]}


class TestSession:
    ONE, TWO, THREE = period("09:00", 1), period("09:15", 2), period("09:30", 3)

    def test_new_periods_are_appended(self) -> None:
        before: Document = {"kwh": 1, "charging_periods": [self.ONE], **BEFORE}
        after: Document = {"kwh": 6, "charging_periods": [self.ONE, self.TWO, self.THREE], **AFTER}
        assert of_session(before, after) == Change(
            "PATCH", {"kwh": 6, "charging_periods": [self.TWO, self.THREE], **AFTER}
        )

    def test_the_first_periods(self) -> None:
        after: Document = {"kwh": 1, "charging_periods": [self.ONE], **AFTER}
        assert of_session({"kwh": 0, **BEFORE}, after) == Change("PATCH", after)

    def test_known_periods_are_not_sent_again(self) -> None:
        before: Document = {"status": "ACTIVE", "charging_periods": [self.ONE], **BEFORE}
        after: Document = {"status": "COMPLETED", "charging_periods": [self.ONE], **AFTER}
        assert of_session(before, after) == Change("PATCH", {"status": "COMPLETED", **AFTER})

    @pytest.mark.parametrize(
        "now",
        [
            [period("09:00", 2)],
            [period("09:00", 2), period("09:15", 2)],
            [period("09:15", 2)],
            [period("08:45", 0), period("09:00", 1)],
            [],
        ],
    )
    def test_what_appending_cannot_say_is_put(self, now: list[Document]) -> None:
        after: Document = {"kwh": 2, "charging_periods": now, **AFTER}
        before: Document = {"kwh": 1, "charging_periods": [self.ONE], **BEFORE}
        assert of_session(before, after) == Change("PUT", after)


def evse(uid: str, status: str = "AVAILABLE", **more: object) -> Document:
    connectors = [{"id": "1", "tariff_ids": ["t"], **BEFORE}]
    return {"uid": uid, "status": status, "connectors": connectors, **BEFORE, **more}


def location(*evses: Document, **more: object) -> Document:
    return {"id": "LOC1", "name": "Old", "evses": list(evses), **BEFORE, **more}


class TestLocation:
    def test_a_status_goes_to_the_evse(self) -> None:
        now = evse("B", "CHARGING", **AFTER)
        change = of_location(location(evse("A"), evse("B")), location(evse("A"), now, **AFTER))
        assert change == Change("PATCH", {"status": "CHARGING", **AFTER}, below=("B",))

    def test_a_field_that_an_evse_loses(self) -> None:
        now = evse("A", **AFTER)
        change = of_location(location(evse("A", floor_level="2")), location(now, **AFTER))
        assert change == Change("PUT", now, below=("A",))

    def test_a_changed_connector(self) -> None:
        now = evse("A", connectors=[{"id": "1", "tariff_ids": ["u"], **AFTER}], **AFTER)
        change = of_location(location(evse("A")), location(now, **AFTER))
        assert change == Change("PATCH", {"tariff_ids": ["u"], **AFTER}, below=("A", "1"))

    def test_changed_connectors(self) -> None:
        """Several, a new one, or one and its EVSE: the EVSE as a whole."""
        one, two = {"id": "1", "tariff_ids": ["u"], **AFTER}, {"id": "2", **AFTER}
        for now in (
            evse("A", connectors=[one, two], **AFTER),
            evse("A", connectors=[], **AFTER),
            evse("A", "CHARGING", connectors=[one], **AFTER),
        ):
            change = of_location(location(evse("A")), location(now, **AFTER))
            assert change == Change("PUT", now, below=("A",))

    def test_a_new_evse(self) -> None:
        change = of_location(location(evse("A")), location(evse("A"), evse("B"), **AFTER))
        assert change == Change("PUT", evse("B"), below=("B",))

    def test_the_site_alone(self) -> None:
        change = of_location(location(evse("A")), location(evse("A"), name="New", **AFTER))
        assert change == Change("PATCH", {"name": "New", **AFTER})

    @pytest.mark.parametrize(
        "after",
        [
            location(evse("A", "CHARGING"), evse("B", "CHARGING"), **AFTER),
            location(evse("A", "CHARGING"), evse("B"), name="New", **AFTER),
            location(evse("A"), **AFTER),
            location(**AFTER),
            {"id": "LOC1", "name": "Old", **AFTER},
        ],
        ids=["two EVSEs", "EVSE and site", "EVSE left out", "no EVSE", "no list"],
    )
    def test_what_is_put_whole(self, after: Document) -> None:
        assert of_location(location(evse("A"), evse("B")), after) == Change("PUT", after)
