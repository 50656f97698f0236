"""The table of coverage itself: complete, up to date, and the same in all its forms."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.contract import Interface, Module
from adapters.registry import build_registry
from deploy.cli import app
from deploy.commands import coverage
from deploy.commands.coverage import Line, Row, joined, read, rows_of_release
from tests.adapters.wire.shared import ROOT
from tests.conformance import table

PROJECT = Path(__file__).parents[2]
MATRIX = ROOT / "reference" / "ocpi-matrix.csv"
LATER = {"2.3.0-payments", "2.3.0-bookings"}
"""Add-ons of the protocol that are a step of their own."""

pytestmark = pytest.mark.skipif(table.WRITING, reason="the table is being written")


@pytest.mark.parametrize("row", rows_of_release(), ids=lambda row: "-".join(filter(None, vars(row).values())))
def test_a_row_is_exercised(row: Row) -> None:
    (line,) = joined([row], read())
    assert not line.missing, f"served by {line.served_by or 'no test'}, called by {line.called_by or 'no test'}"


def test_the_table_holds_the_rows_of_this_release() -> None:
    assert [line.row for line in read()] == list(rows_of_release()), f"write it anew: {table.COMMAND}"


def test_the_page_says_what_the_table_says() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.as_page(read()), f"write it anew: {table.COMMAND}"


def test_tests_that_are_named_exist() -> None:
    """Whether they use their rows, each of them is asked when it runs."""
    named = {name for line in read() for name in (line.served_by, line.called_by) if name}
    assert [name for name in sorted(named) if not _exists(name)] == []


def _exists(name: str) -> bool:
    file, _, test = name.partition("::")
    path = PROJECT / file
    return (
        path.exists() and re.search(rf"^async def {test}\(", path.read_text(encoding="utf-8"), re.MULTILINE) is not None
    )


@pytest.mark.parametrize("adapter", build_registry(None).adapters()[::-1], ids=lambda adapter: adapter.version)
def test_no_row_of_the_standard_is_missing(adapter) -> None:
    """Row by row, as often as the standard has it."""
    if not MATRIX.exists():
        pytest.skip(f"the shared reference data is not at {ROOT}")
    stated = Counter(_of_standard(line) for line in _standard() if line["version"] == adapter.version)
    ours = Counter(_comparable(row) for row in coverage.rows_of(adapter))
    assert (sorted((stated - ours).elements()), sorted((ours - stated).elements())) == ([], [])


def test_every_version_of_the_standard_is_spoken() -> None:
    if not MATRIX.exists():
        pytest.skip(f"the shared reference data is not at {ROOT}")
    stated = {line["version"] for line in _standard()}
    assert stated - LATER == {adapter.version for adapter in build_registry(None).adapters()}


def _standard() -> list[dict[str, str]]:
    with MATRIX.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


_PART = {
    "locations": ("CPO interface", "eMSP interface"),
    "tokens": ("eMSP interface", "CPO interface"),
    "commands": ("eMSP interface", "CPO interface"),
}
"""Who is sender and receiver, where the standard names the interfaces by who has them (2.1.1)."""


def _of_standard(line: dict[str, str]) -> tuple[str, str, str, str]:
    module, interface = line["module"], line["interface"]
    sender, receiver = _PART.get(module, _PART["locations"])
    interface = {"both": "", sender: "SENDER", receiver: "RECEIVER"}.get(interface, interface.upper())
    path = re.sub(r"^\{[a-z_]+\}(?=/|$)", "", line["url_template"])
    if line["url_template"].startswith(("{URL", "{response_url", "{version_url")):
        path = "*"
    if module in ("versions", "version details"):
        path = "*"
        module = "versions"
    return module, interface, line["method"], path


def _comparable(row: Row) -> tuple[str, str, str, str]:
    """A row of ours in the standard's words. Where the address is our own choice, it is not compared."""
    chosen = row.module == Module.VERSIONS or row.path.endswith("/{reference}")
    return row.module, row.interface, row.method, "*" if chosen else _folded(row)


def _folded(row: Row) -> str:
    """The names of ids differ, their places do not."""
    return row.path if row.module != Module.INVOICE_RECONCILIATION else re.sub(r"\{[a-z_]*id\}$", "{id}", row.path)


def test_a_list_of_a_hub_is_not_ours_to_serve() -> None:
    line = Line(Row("9.9.9", Module.HUB_CLIENT_INFO.value, Interface.SENDER.value, "GET", ""), called_by="a test")
    assert not line.missing


def test_the_command_prints_the_table() -> None:
    lines = joined(rows_of_release(), read())
    shown = CliRunner().invoke(app, ["coverage", "--json"])
    assert shown.exit_code == (1 if any(line.missing for line in lines) else 0)
    assert [(d["version"], d["path"], d["served_by"]) for d in json.loads(shown.output)] == [
        (line.row.version, line.row.path, line.served_by) for line in lines
    ]
    one = lines[0].row.version
    chosen = CliRunner().invoke(app, ["coverage", "--json", "--version", one])
    assert {d["version"] for d in json.loads(chosen.output)} == {one}
    plain = CliRunner().invoke(app, ["coverage", "--version", one], env={"COLUMNS": "200"})
    assert f"{len(json.loads(chosen.output))} rows" in plain.output
    assert CliRunner().invoke(app, ["coverage", "--version", "0.0"]).exit_code == 2


def test_a_row_without_a_test_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "read", lambda: ())
    shown = CliRunner().invoke(app, ["coverage"], env={"COLUMNS": "200"})
    assert shown.exit_code == 1
    assert "missing" in shown.output
