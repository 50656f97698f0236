"""`roam convert` as a person uses it: the object on one stream, what it cost on the other."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from deploy.cli import app
from tests.adapters.wire import objects as wire

Document = dict[str, Any]


def convert(*arguments: str, document: Document | None = None) -> Result:
    body = json.dumps(document).encode() if document is not None else None
    return CliRunner().invoke(app, ["convert", *arguments], input=body)


def test_the_object_comes_out_and_the_losses_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "location.json"
    plugs = [wire.connector(), wire.connector(id="2", standard="MCS")]
    file.write_text(json.dumps(wire.location(evses=[wire.evse(connectors=plugs)], help_phone="+49 1")))
    done = convert("--from", "2.3.0", "--to", "2.2.1", str(file))
    assert done.exit_code == 0
    assert json.loads(done.stdout) == wire.location()
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == [
        "lost help_phone",
        "lost evses[0].connectors[1]",
    ]


def test_both_in_one_document() -> None:
    done = convert("--from", "2.3.0", "--to", "2.2.1", "--json", "-", document=wire.token(type="EMAID"))
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "kind": "token",
        "converted": wire.token(type="OTHER"),
        "losses": [{"where": "type", "what": "changed", "stated": "EMAID", "instead": "OTHER"}],
        "tolerated": [],
    }


def test_a_refusal_names_the_fields_and_ends_with_1() -> None:
    gross = wire.tariff(tax_included="YES")
    done = convert("--from", "2.3.0", "--to", "2.2.1", "-", document=gross)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("refused elements[0].price_components[0].vat: ")
    done = convert("--from", "2.3.0", "--to", "2.2.1", "--json", "-", document=gross)
    assert done.exit_code == 1
    assert [each["where"] for each in json.loads(done.stdout)["refused"]] == ["elements[0].price_components[0].vat"]


def test_the_oldest_version_needs_to_be_told_the_parties(tmp_path: Path) -> None:
    oldest = convert("--from", "2.2.1", "--to", "2.1.1", "-", document=wire.tariff())
    assert "party_id" not in json.loads(oldest.stdout)
    way = ("--from", "2.1.1", "--to", "2.2.1", "-")
    assert convert(*way, document=json.loads(oldest.stdout)).exit_code == 1
    back = convert(*way, "--party-cpo", "DE*ABC", "--party-emsp", "NL*XYZ", document=json.loads(oldest.stdout))
    assert json.loads(back.stdout) == wire.tariff()
    site = tmp_path / "site.json"
    site.write_text(json.dumps(wire.location()))
    session = convert("--from", "2.2.1", "--to", "2.1.1", "--location", str(site), "-", document=wire.session())
    assert json.loads(session.stdout)["location"]["evses"][0]["uid"] == "E1"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "2.2", "--to", "2.2.1"),
        ("--from", "2.2.1", "--to", "2.3.0", "--kind", "invoice"),
        ("--from", "2.2.1", "--to", "2.3.0", "--party-cpo", "nobody"),
        ("--from", "2.2.1", "--to", "2.3.0", "--time-zone", "Mars/Olympus"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert convert(*arguments, "-", document=wire.token()).exit_code == 2


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    done = convert("--from", "2.2.1", "--to", "2.3.0", str(tmp_path / "none.json"))
    assert done.exit_code == 2
    assert "cannot be read" in done.stderr


def test_what_is_no_json_is_refused() -> None:
    done = CliRunner().invoke(app, ["convert", "--from", "2.2.1", "--to", "2.3.0", "-"], input=b"{")
    assert done.exit_code == 1
    assert done.stderr.startswith("refused body: ")


def test_what_looks_like_no_object_is_not_guessed_at() -> None:
    done = convert("--from", "2.2.1", "--to", "2.3.0", "-", document={"a": 1})
    assert done.exit_code == 1
    assert done.stderr == "refused kind: no kind of object has such fields: say what it is\n"
