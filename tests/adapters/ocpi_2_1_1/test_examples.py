"""The example payloads of OCPI 2.1.1, through both readers."""

import json

import pytest

from adapters.contract import InvalidWire
from adapters.document import is_object
from canonical.cdr import Cdr
from canonical.location import Connector, Evse, Location
from canonical.model import CanonicalModel
from canonical.partner import Side
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Token
from tests.adapters.ocpi_2_1_1.objects import BETWEEN, standard, strict, without_empty
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

ALPHA_2 = {
    "cdr_example.json": "location.country",
    "session_example_1_simple_start.json": "location.country",
    "session_example_2_short_finished.json": "location.country",
}
"""`BE`: in three characters, but not the alpha-3 code that the table asks for."""

INDEX = [row for row in rows("examples", "ocpi", "index.csv", version="2.1.1") if row["object"] in KINDS]
FULL = [row for row in INDEX if row["kind"] == "full"]
GOOD = [row for row in FULL if row["passes_field_check"] == "y" and row["file"] not in ALPHA_2]
CONTRADICTORY = [row for row in FULL if row not in GOOD]
PARTIAL = [row for row in INDEX if row["kind"].startswith("partial")]

PATCHED = {
    "location_patch_example_location.json": "location_example.json",
    "session_patch_example_total_cost.json": "session_example_1_simple_start.json",
    "tariff_patch_example_via_put.json": "tariff_1_simple_2hour.json",
    "token_patch_example.json": "token_example.json",
}
"""The object that each PATCH example changes."""

MONEY = {"tariffs[0].elements[0].price_components[0].price"}
"""What is read, but not paid until a person has looked."""


def sent(file: str) -> bytes:
    return payload(file, version="2.1.1")


def _names(found: list[dict[str, str]]) -> list[str]:
    return [row["file"] for row in found]


def test_the_examples_are_there() -> None:
    needed(FULL)
    assert len(GOOD) == 8
    assert len(CONTRADICTORY) == 5
    assert len(PARTIAL) == 7


@pytest.mark.parametrize("row", GOOD, ids=_names(GOOD))
def test_round_trip_loses_nothing(row: dict[str, str]) -> None:
    body = sent(row["file"])
    for adapter in (strict, standard):
        read = adapter.read(KINDS[row["object"]], body, BETWEEN)
        assert read.findings == ()
        assert numbers(adapter.write(read.value)) == without_empty(numbers(body))


@pytest.mark.parametrize("row", CONTRADICTORY, ids=_names(CONTRADICTORY))
def test_contradictory_examples_are_refused_by_name_and_survive_with_findings(row: dict[str, str]) -> None:
    kind, body = KINDS[row["object"]], sent(row["file"])
    wrong = {
        finding["path"].removeprefix("$.")
        for finding in rows("examples", "ocpi", "structural-findings.csv", version="2.1.1")
        if finding["file"] == row["file"].removesuffix(".json")
    } | {place for file, place in ALPHA_2.items() if file == row["file"]}
    with pytest.raises(InvalidWire) as refused:
        strict.read(kind, body, BETWEEN)
    assert not refused.value.malformed
    assert {finding.where for finding in refused.value.findings} == wrong
    assert all(field in str(refused.value) for field in wrong)

    read = standard.read(kind, body, BETWEEN)
    assert wrong <= {finding.where for finding in read.findings}
    assert {finding.where for finding in read.findings if finding.blocks} == wrong & MONEY
    again = standard.read(kind, standard.write(read.value), BETWEEN)
    assert again.value == read.value


@pytest.mark.parametrize("row", PARTIAL, ids=_names(PARTIAL))
def test_patch_examples_apply_though_none_of_them_is_dated(row: dict[str, str]) -> None:
    body = sent(row["file"])
    change = numbers(body)
    assert is_object(change)
    assert "last_updated" not in change
    before = _patched_object(row)
    after = standard.patch(before, body, BETWEEN)
    assert standard.patch(after.value, body, BETWEEN).value == after.value
    document = numbers(standard.write(after.value))
    assert is_object(document)
    assert {name: document[name] for name in change} == change
    assert getattr(after.value, "last_updated", None) == getattr(before, "last_updated", None)


def _patched_object(row: dict[str, str]) -> CanonicalModel:
    if row["file"] in PATCHED:
        return standard.read(KINDS[row["object"]], sent(PATCHED[row["file"]]), BETWEEN).value
    evse = standard.read(Location, sent("location_example.json"), BETWEEN).value.evses[0]
    return evse if row["object"] == "EVSE" else evse.connectors[1]


@pytest.mark.parametrize(
    "file",
    [
        "location_energymix_example_complete__wrapped.json",
        "location_energymix_example_energy_provider__wrapped.json",
        "location_energymix_example_simple__wrapped.json",
        "location_regularhours_example__wrapped.json",
    ],
)
def test_fragments_round_trip_in_their_object(file: str) -> None:
    needed(INDEX)
    whole = json.loads(sent("location_example.json")) | json.loads(sent(file))
    body = json.dumps(whole).encode()
    assert numbers(strict.write(strict.read(Location, body, BETWEEN).value)) == without_empty(numbers(body))


def test_the_list_of_tokens_is_read_element_by_element() -> None:
    needed(FULL)
    answer = json.loads(sent("transport_and_format_get_token_list_example.json"))
    single = json.loads(sent("transport_and_format_get_token_example.json"))
    for element in [*answer["data"], single["data"]]:
        body = json.dumps(element).encode()
        assert json.loads(strict.write(strict.read(Token, body, BETWEEN).value)) == element


def test_credentials_example() -> None:
    needed(FULL)
    body = json.loads(sent("credentials_example.json"))
    # The logo of a partner has no place in the canonical model: nobody shows it.
    body["business_details"].pop("logo")
    read = strict.read_credentials(json.dumps(body).encode(), [Side.CPO])
    assert json.loads(strict.write_credentials(read)) == body
    assert read.token not in repr(read)
