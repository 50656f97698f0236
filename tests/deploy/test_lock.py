"""What is installed is what the project pins, and the pins name no host."""

import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest

from deploy.commands import PROJECT
from deploy.lock import LockError, write

PYPROJECT = PROJECT / "pyproject.toml"


def pinned() -> dict[str, str]:
    pins: list[str] = tomllib.loads(PYPROJECT.read_text())["tool"]["uv"]["constraint-dependencies"]
    return {_name(pin.partition("==")[0]): pin.partition("==")[2].partition(" ")[0] for pin in pins}


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_installed_distribution_is_pinned() -> None:
    installed = {_name(found.metadata["Name"]): found.version for found in distributions()}
    installed.pop("roamwork", None)
    pins = pinned()
    differing = {name: (version, pins.get(name)) for name, version in installed.items() if pins.get(name) != version}
    assert differing == {}, "run `./roam lock`, then `uv sync`"


def test_pins_name_no_host() -> None:
    assert "://" not in PYPROJECT.read_text()


def test_lists_are_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(
        '[tool.uv]\nconstraint-dependencies = [\n  "old==1",\n]\nbuild-constraint-dependencies = [\n]\n\n[tool.ruff]\n'
    )
    write(tmp_path, ["a==1", "b[x]==2 ; sys_platform == 'win32'"], ["hatchling==1"])
    made = tomllib.loads(path.read_text())
    assert made["tool"]["uv"]["constraint-dependencies"] == ["a==1", "b[x]==2 ; sys_platform == 'win32'"]
    assert made["tool"]["uv"]["build-constraint-dependencies"] == ["hatchling==1"]
    assert "ruff" in made["tool"]


def test_a_file_without_the_lists_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.uv]\n")
    with pytest.raises(LockError):
        write(tmp_path, [], [])
