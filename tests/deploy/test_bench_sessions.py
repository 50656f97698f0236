"""`roam bench sessions`: that it runs, and measures what it says. The numbers of a quick run mean nothing."""

import json

from typer.testing import CliRunner

from deploy.cli import app


def test_a_quick_run_measures_both_sides_beside_the_least_there_is() -> None:
    result = CliRunner().invoke(app, ["bench", "sessions", "--quick", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found["sides"]) == set(found["ratio"]) == {"cpo", "emsp"}
    for side in found["sides"].values():
        assert side["count"] == 2
        assert set(side["cpu_ms"]) == {"temporal", "worker", "api", "database"}
    assert found["trivial"]["cpu_ms"]["temporal"] > 0
    assert found["sessions_per_second"] > 0
