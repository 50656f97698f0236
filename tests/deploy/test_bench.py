"""`roam bench edge`: that it runs, and measures what it says. The numbers of a quick run mean nothing."""

import json

from typer.testing import CliRunner

from deploy.bench.edge import NAMES
from deploy.cli import app

EXPECTED = {
    "page of 100 locations",
    "one location",
    "PUT of an EVSE status",
    "PUT of a session",
    "PATCH of a session",
    "POST of a CDR",
    "authorize",
    "authorize at 500/s",
}


def test_a_quick_run_measures_everything_beside_its_ceiling() -> None:
    result = CliRunner().invoke(app, ["bench", "edge", "--quick", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {measured["name"] for measured in found["measured"]} == EXPECTED
    assert set(NAMES) == EXPECTED
    for measured in found["measured"]:
        for way in ("ours", "ceiling"):
            assert measured[way]["requests"] > 0
            assert measured[way]["refused"] == 0
            assert measured[way]["server_cpu_ms"] >= 0
        assert measured["ratio"] > 0


def test_what_is_not_measured_is_said_before_anything_is_filled() -> None:
    result = CliRunner().invoke(app, ["bench", "edge", "--only", "the weather"])
    assert result.exit_code == 2
    assert "authorize" in result.output
