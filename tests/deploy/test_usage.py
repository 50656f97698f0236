"""Wrong words on the command line: one that says what is right, exit code 2, and nothing has been started."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (("up", "--port", "99999"), "65535"),
        (("up", "--party", "nobody"), "DE*ABC"),
        (("up", "--sides", "BROKER"), "CPO,EMSP"),
        (("settle", "mobility", "2026-13"), "2026-03"),
        (("approve", "mobility", "March", "--by", "A. Finance"), "2026-03"),
        (("keys", "create", "backend", "charging:all"), "charging:write"),
        (("keys", "create", "backend", "charging:read", "--expires", "tomorrow"), "2027-01-01T00:00:00Z"),
        (("keys", "create", "backend", "charging:read", "--expires", "2027-01-01T00:00:00"), "2027-01-01T00:00:00Z"),
    ],
)
def test_says_what_is_right(arguments: tuple[str, ...], right: str, tmp_path: Path) -> None:
    folder = tmp_path / "up"
    result = CliRunner().invoke(app, [*arguments, "--folder", str(folder)])
    assert result.exit_code == 2, result.output
    assert right in result.output
    assert not folder.exists()


def test_tests_that_are_not_there_are_not_looked_for_after_all_other_checks() -> None:
    result = CliRunner().invoke(app, ["test", "tests/nowhere"])
    assert result.exit_code == 2
    assert "tests/nowhere" in result.output
