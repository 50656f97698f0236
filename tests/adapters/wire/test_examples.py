"""The example payloads of the standard, through both readers, for each version that writes money and parties alike."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.contract import Adapter, InvalidWire
from adapters.document import is_object
from adapters.ocpi_2_2_1.wire import versions as wire
from adapters.reading import exact
from adapters.registry import build_registry
from canonical.cdr import Cdr
from canonical.location import Connector, Evse, Location
from canonical.model import CanonicalModel
from canonical.partner import Endpoint
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
FOLDERS = {"2.2.1": "2.2.1", "2.3.0": "2.3.0", "2.3.0-bookings": "2.3.0"}
"""Folders of examples, and the version that reads them. The sites of the bookings add-on are of an older edition."""

registry = build_registry(None)


@dataclass(frozen=True)
class Example:
    """One payload. `version` is the folder that it is in."""

    version: str
    file: str
    object: str
    kind: str
    sound: bool

    @property
    def of(self) -> type[CanonicalModel]:
        return KINDS[self.object]

    @property
    def body(self) -> bytes:
        return payload(self.file, self.version)

    def adapter(self, profile: str = "standard") -> Adapter:
        return registry.by_key(f"ocpi-{FOLDERS[self.version]}/{profile}")

    def __str__(self) -> str:
        return f"{self.version}/{self.file}"


def _example(row: dict[str, str]) -> Example:
    return Example(row["version"], row["file"], row["object"], row["kind"], row["passes_field_check"] == "y")


INDEX = [
    _example(row)
    for version in FOLDERS
    for row in rows("examples", "ocpi", "index.csv", version=version)
    if row["object"] in KINDS
]
FULL = [example for example in INDEX if example.kind == "full"]
GOOD = [example for example in FULL if example.sound]
CONTRADICTORY = [example for example in FULL if not example.sound]
PARTIAL = [example for example in INDEX if example.kind.startswith("partial")]

PATCHED = {
    "location_patch_example_location.json": "location_example.json",
    "session_patch_example_charging_period.json": "session_example_1_simple_start.json",
    "session_patch_example_total_cost.json": "session_example_1_simple_start.json",
    "token_patch_example.json": "token_example_2_full_rfid.json",
}
"""The object that each PATCH example changes."""


def test_the_examples_are_there() -> None:
    needed(rows("examples", "ocpi", "index.csv"))
    count = {version: sum(1 for example in GOOD if example.version == version) for version in FOLDERS}
    assert count == {"2.2.1": 29, "2.3.0": 30, "2.3.0-bookings": 0}
    assert len(CONTRADICTORY) == 2 + 3 + 2


@pytest.mark.parametrize("example", GOOD, ids=str)
def test_round_trip_loses_nothing(example: Example) -> None:
    for adapter in (example.adapter("strict"), example.adapter()):
        read = adapter.read(example.of, example.body)
        assert read.findings == ()
        assert numbers(adapter.write(read.value)) == numbers(example.body)


@pytest.mark.parametrize("example", CONTRADICTORY, ids=str)
def test_contradictory_examples_are_refused_by_name_and_survive_with_findings(example: Example) -> None:
    wrong = {
        finding["path"].removeprefix("$.")
        for finding in rows("examples", "ocpi", "structural-findings.csv", version=example.version)
        if finding["file"] == example.file.removesuffix(".json") and finding["kind"] != "UNKNOWN_FIELD"
    }
    assert wrong
    with pytest.raises(InvalidWire) as refused:
        example.adapter("strict").read(example.of, example.body)
    assert not refused.value.malformed
    assert {finding.where for finding in refused.value.findings} == wrong
    assert all(field in str(refused.value) for field in wrong)

    read = example.adapter().read(example.of, example.body)
    assert wrong <= {finding.where for finding in read.findings}
    assert not any(finding.blocks for finding in read.findings)


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_a_connector_without_its_power_is_kept_as_it_came(version: str) -> None:
    example = _only("location_put_example_add_evse.json", version)
    evse = example.adapter().read(Evse, example.body).value
    assert evse.connectors == ()
    sent, written = numbers(example.body), numbers(example.adapter().write(evse))
    assert is_object(sent)
    assert written == sent | {"physical_reference": "3"}


def test_parking_places_by_bare_id_are_read() -> None:
    example = _only("location_example.json", "2.3.0-bookings")
    site = example.adapter().read(Location, example.body).value
    assert [len(evse.parking) for evse in site.evses] == [2, 2]
    known = {place.id for place in site.parking_places}
    assert {position.parking_id for evse in site.evses for position in evse.parking} <= known


@pytest.mark.parametrize("example", PARTIAL, ids=str)
def test_patch_examples_apply(example: Example) -> None:
    change = numbers(example.body)
    assert is_object(change)
    adapter = example.adapter()
    after = adapter.patch(_patched_object(example), example.body)
    assert adapter.patch(after.value, example.body) == after
    written = numbers(adapter.write(after.value))
    assert is_object(written)
    for field, value in change.items():
        if field == "charging_periods":
            periods = written[field]
            assert isinstance(periods, list)
            assert isinstance(value, list)
            assert all(period in periods for period in value)
        else:
            assert written[field] == value


def _patched_object(example: Example) -> CanonicalModel:
    adapter = example.adapter()
    if example.file in PATCHED:
        return adapter.read(example.of, payload(PATCHED[example.file], example.version)).value
    evse = adapter.read(Location, payload("location_example.json", example.version)).value.evses[0]
    return evse if example.object == "EVSE" else evse.connectors[1]


def _only(file: str, version: str) -> Example:
    found = [example for example in INDEX if (example.file, example.version) == (file, version)]
    if not found:
        needed([])
    return found[0]


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
    "type_displaytext_example.json": "directions",
}
"""Examples of a part, and the field of the whole object that they are for; None: they say it themselves."""


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
@pytest.mark.parametrize(("file", "field"), FRAGMENTS.items(), ids=list(FRAGMENTS))
def test_fragments_round_trip_in_their_object(file: str, field: str | None, version: str) -> None:
    needed(rows("examples", "ocpi", "index.csv", version=version))
    strict = registry.by_key(f"ocpi-{version}/strict")
    fragment = json.loads(payload(file, version))
    kind: type[CanonicalModel] = Tariff if file.startswith("tariff") else Location
    whole = "tariff_put_example.json" if kind is Tariff else "location_example.json"
    part = {field: [fragment] if field == "directions" else fragment} if field else fragment
    body = json.loads(payload(whole, version)) | part
    body.setdefault("last_updated", "2026-01-01T00:00:00Z")
    sent = json.dumps(body).encode()
    assert numbers(strict.write(strict.read(kind, sent).value)) == numbers(sent)


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_enveloped_examples(version: str) -> None:
    needed(rows("examples", "ocpi", "index.csv", version=version))
    strict = registry.by_key(f"ocpi-{version}/strict")
    one = json.loads(payload("transport_and_format_get_token_example.json", version))["data"]
    several = json.loads(payload("transport_and_format_get_token_list_example.json", version))["data"]
    for token in (one, *several):
        assert json.loads(strict.write(strict.read(Token, json.dumps(token).encode()).value)) == token


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
@pytest.mark.parametrize("number", ["", "2", "3", "4"])
def test_credentials_examples(version: str, number: str) -> None:
    needed(rows("examples", "ocpi", "index.csv", version=version))
    strict = registry.by_key(f"ocpi-{version}/strict")
    body = json.loads(payload(f"credentials_example{number}.json", version))
    for role in body["roles"]:
        # The logo of a partner has no place in the canonical model: nobody shows it.
        role["business_details"].pop("logo", None)
    read = strict.read_credentials(json.dumps(body).encode())
    assert json.loads(strict.write_credentials(read)) == body
    assert read.token not in repr(read)


VERSIONS = ("versions_info_example.json", "transport_and_format_version_info_example.json")
DETAILS = (
    "version_details_example.json",
    "version_details_example2.json",
    "transport_and_format_version_details_example.json",
)


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_versions_and_their_details(version: str) -> None:
    needed(rows("examples", "ocpi", "index.csv", version=version))
    for file in VERSIONS:
        listed = _data(file, version)
        assert [exact(wire.Version, each, (), "Version").findings for each in listed] == [()] * len(listed)
    for file in DETAILS:
        sent = _data(file, version)
        assert exact(wire.VersionDetails, dict(sent), (), "VersionDetails").findings == ()
        offered = [Endpoint(module=e["identifier"], interface=e["role"], url=e["url"]) for e in sent["endpoints"]]
        ours = json.loads(registry.by_key(f"ocpi-{version}/standard").write_version_details(offered))
        assert ours == sent | {"version": version}


def _data(file: str, version: str) -> Any:
    document = json.loads(payload(file, version))
    return document["data"] if isinstance(document, dict) and "data" in document else document


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_every_example_is_in_some_test(version: str) -> None:
    files = {row["file"] for row in needed(rows("examples", "ocpi", "index.csv", version=version))}
    elsewhere = {file for file in files if file.startswith(("credentials_", "transport_and_format_get_token"))}
    tested = {example.file for example in INDEX} | set(FRAGMENTS) | set(VERSIONS) | set(DETAILS) | elsewhere
    assert files - tested == {"transport_and_format_error_response_example.json"}, "an envelope without an object"


def test_sites_of_both_versions_mean_the_same() -> None:
    """The example of 2.2.1 says in 2.3.0 what it said."""
    needed(rows("examples", "ocpi", "index.csv"))
    older, newer = (registry.by_key(f"ocpi-{version}/strict") for version in ("2.2.1", "2.3.0"))
    body: Any = payload("location_example.json")
    value = older.read(Location, body).value
    assert newer.read(Location, newer.write(value)).value == value
