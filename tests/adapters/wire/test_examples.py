"""The example payloads of OCPI 2.2.1, through both readers."""

import json

import pytest

from adapters.contract import InvalidWire
from adapters.document import is_object
from adapters.registry import build_registry
from canonical.cdr import Cdr
from canonical.location import Connector, Evse, Location
from canonical.model import CanonicalModel
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Token
from tests.adapters.wire.shared import needed, numbers, payload, rows

KINDS: dict[str, type[CanonicalModel]] = {
    "CDR": Cdr,
    "Connector": Connector,
    "EVSE": Evse,
    "Location": Location,
    "Session": Session,
    "Tariff": Tariff,
    "Token": Token,
}

INDEX = [row for row in rows("examples", "ocpi", "index.csv") if row["object"] in KINDS]
FULL = [row for row in INDEX if row["kind"] == "full"]
GOOD = [row for row in FULL if row["passes_field_check"] == "y"]
CONTRADICTORY = [row for row in FULL if row["passes_field_check"] != "y"]
PARTIAL = [row for row in INDEX if row["kind"].startswith("partial")]

# The object that each PATCH example changes.
PATCHED = {
    "location_patch_example_location.json": "location_example.json",
    "session_patch_example_charging_period.json": "session_example_1_simple_start.json",
    "session_patch_example_total_cost.json": "session_example_1_simple_start.json",
    "token_patch_example.json": "token_example_2_full_rfid.json",
}

registry = build_registry(None)
standard = registry.by_key("ocpi-2.2.1/standard")
strict = registry.by_key("ocpi-2.2.1/strict")


def _names(found: list[dict[str, str]]) -> list[str]:
    return [row["file"] for row in found]


def test_the_examples_are_there() -> None:
    needed(FULL)
    assert len(GOOD) == 29


@pytest.mark.parametrize("row", GOOD, ids=_names(GOOD))
def test_round_trip_loses_nothing(row: dict[str, str]) -> None:
    body = payload(row["file"])
    for adapter in (strict, standard):
        read = adapter.read(KINDS[row["object"]], body)
        assert read.findings == ()
        assert numbers(adapter.write(read.value)) == numbers(body)


@pytest.mark.parametrize("row", CONTRADICTORY, ids=_names(CONTRADICTORY))
def test_contradictory_examples_are_refused_by_name_and_survive_with_findings(row: dict[str, str]) -> None:
    kind, body = KINDS[row["object"]], payload(row["file"])
    wrong = {
        finding["path"].removeprefix("$.")
        for finding in rows("examples", "ocpi", "structural-findings.csv")
        if finding["file"] == row["file"].removesuffix(".json") and finding["kind"] != "UNKNOWN_FIELD"
    }
    with pytest.raises(InvalidWire) as refused:
        strict.read(kind, body)
    assert not refused.value.malformed
    assert {finding.where for finding in refused.value.findings} == wrong
    assert all(field in str(refused.value) for field in wrong)

    read = standard.read(kind, body)
    assert wrong <= {finding.where for finding in read.findings}
    assert not any(finding.blocks for finding in read.findings)


def test_a_connector_without_its_power_is_kept_as_it_came() -> None:
    needed(CONTRADICTORY)
    body = payload("location_put_example_add_evse.json")
    evse = standard.read(Evse, body).value
    assert evse.connectors == ()
    sent, written = numbers(body), numbers(standard.write(evse))
    assert is_object(sent)
    assert written == sent | {"physical_reference": "3"}


@pytest.mark.parametrize("row", PARTIAL, ids=_names(PARTIAL))
def test_patch_examples_apply(row: dict[str, str]) -> None:
    body = payload(row["file"])
    change = numbers(body)
    assert is_object(change)
    before = _patched_object(row)
    after = standard.patch(before, body)
    assert standard.patch(after.value, body) == after
    written = numbers(standard.write(after.value))
    assert is_object(written)
    for field, value in change.items():
        if field == "charging_periods":
            periods = written[field]
            assert isinstance(periods, list)
            assert isinstance(value, list)
            assert all(period in periods for period in value)
        else:
            assert written[field] == value


def _patched_object(row: dict[str, str]) -> CanonicalModel:
    if row["file"] in PATCHED:
        return standard.read(KINDS[row["object"]], payload(PATCHED[row["file"]])).value
    evse = standard.read(Location, payload("location_example.json")).value.evses[0]
    return evse if row["object"] == "EVSE" else evse.connectors[1]


FRAGMENTS = {
    "location_energymix_example_complete.json": None,
    "location_energymix_example_energy_provider.json": None,
    "location_energymix_example_simple.json": None,
    "location_hours_247_open_exception_closing.json": "opening_times",
    "location_hours_opening_hours_with_exceptional_closing.json": "opening_times",
    "location_hours_opening_hours_with_exceptional_opening.json": "opening_times",
    "location_regularhours_example.json": None,
    "tariffrestriction_example_max_duration.json": None,
    "tariffrestriction_example_max_power.json": None,
}


@pytest.mark.parametrize(("file", "field"), FRAGMENTS.items(), ids=list(FRAGMENTS))
def test_fragments_round_trip_in_their_object(file: str, field: str | None) -> None:
    needed(INDEX)
    fragment = json.loads(payload(file))
    kind: type[CanonicalModel] = Tariff if file.startswith("tariff") else Location
    whole = "tariff_put_example.json" if kind is Tariff else "location_example.json"
    body = json.loads(payload(whole)) | ({field: fragment} if field else fragment)
    body.setdefault("last_updated", "2026-01-01T00:00:00Z")
    sent = json.dumps(body).encode()
    assert numbers(strict.write(strict.read(kind, sent).value)) == numbers(sent)


def test_credentials_examples() -> None:
    needed(FULL)
    for number in ("", "2", "3", "4"):
        body = json.loads(payload(f"credentials_example{number}.json"))
        for role in body["roles"]:
            # The logo of a partner has no place in the canonical model: nobody shows it.
            role["business_details"].pop("logo", None)
        read = strict.read_credentials(json.dumps(body).encode())
        assert json.loads(strict.write_credentials(read)) == body
        assert read.token not in repr(read)
