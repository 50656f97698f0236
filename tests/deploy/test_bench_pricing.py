"""`roam bench pricing`: that it runs, and measures what it says. The numbers of a quick run mean nothing."""

import json

from typer.testing import CliRunner

from deploy.bench.pricing import NAMES
from deploy.cli import app


def test_a_quick_run_measures_every_kind_beside_json() -> None:
    result = CliRunner().invoke(app, ["bench", "pricing", "--quick", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert tuple(measured["name"] for measured in found["measured"]) == NAMES
    assert [measured["target"] for measured in found["measured"]] == [10_000, None, 1_500, None, None]
    for measured in found["measured"]:
        assert measured["per_second"] > 0
        assert measured["json_per_second"] > 0
        assert measured["times_json"] > 0
        assert measured["memory_growth_kib"] >= 0
