"""The documentation names what exists: files, headings, commands, settings."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.main import get_command

from deploy.cli import app
from deploy.settings import Settings

PROJECT = Path(__file__).parents[2]
PAGES = sorted((*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")))
ROOMS = ("activities", "adapters", "api", "canonical", "deploy", "docs", "settlement", "tests", "workflows")

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(rf"(?:{'|'.join(ROOMS)})/[\w./-]*|[\w-]+\.(?:md|toml)")
_COMMAND = re.compile(r"(?:^|[\s`/])roam ([a-z]+(?:-[a-z]+)*)\b", re.MULTILINE)
_SETTING = re.compile(r"\bROAM_[A-Z_]*[A-Z]\b")
_HOST = re.compile(
    r"(?i)\b(?:[\w-]+\.)*(?:pypi|pythonhosted|test\.pypi|files\.pythonhosted|docker|ghcr|quay)\.(?:org|io|com)"
)


def _id(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _anchors(page: Path) -> set[str]:
    """The fragments by which a page's headings are linked to."""
    headings = re.findall(r"^#+ (.+)$", _text(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _commands() -> set[str]:
    return set(getattr(get_command(app), "commands"))  # noqa: B009  a group, which its type does not say


def _settings() -> set[str]:
    return {f"ROAM_{name.upper()}" for name in Settings.model_fields}


def _other_variables() -> set[str]:
    """Names in the code that are no settings: what commands, embedded servers and tests read."""
    files = (PROJECT / "roam", *(PROJECT / "deploy").rglob("*.py"), *(PROJECT / "tests").rglob("*.py"))
    named = {name for file in files if file != Path(__file__) for name in _SETTING.findall(_text(file))}
    return named - _settings()


def _broken_links(page: Path) -> Iterator[str]:
    for target in _LINK.findall(_text(page)):
        if "://" in target:
            continue
        place, _, fragment = target.partition("#")
        linked = (page.parent / unquote(place)).resolve() if place else page
        if not linked.exists() or (fragment and fragment not in _anchors(linked)):
            yield target


def _missing_files(page: Path) -> Iterator[str]:
    for code in _CODE.findall(_text(page)):
        if not _PATH.fullmatch(code):
            continue
        # A module may be named without its ending, and a file beside the page without its folder.
        candidates = (PROJECT / code, PROJECT / f"{code}.py", page.parent / code)
        if not any(candidate.exists() for candidate in candidates):
            yield code


def test_there_is_documentation() -> None:
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"} <= {
        path.name for path in PROJECT.iterdir()
    }
    assert all(_text(page).startswith("# ") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_lead_somewhere(page: Path) -> None:
    assert list(_broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_files_that_are_named_exist(page: Path) -> None:
    assert list(_missing_files(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_commands_that_are_named_exist(page: Path) -> None:
    in_code = "\n".join((*_CODE.findall(_text(page)), *re.findall(r"^ {4,}(.+)$", _text(page), re.MULTILINE)))
    assert set(_COMMAND.findall(in_code)) - _commands() == set()


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_settings_that_are_named_exist(page: Path) -> None:
    assert set(_SETTING.findall(_text(page))) - _settings() - _other_variables() == set()


def test_every_setting_is_explained() -> None:
    table = _text(PROJECT / "docs" / "operations.md")
    assert _settings() == set(re.findall(r"^\| `(ROAM_[A-Z_]+)` \|", table, re.MULTILINE))


def test_defaults_are_the_ones_of_the_code() -> None:
    table = _text(PROJECT / "docs" / "operations.md")
    stated = dict(re.findall(r"^\| `(ROAM_[A-Z_]+)` \| `?([^|`]+?)`? \|", table, re.MULTILINE))
    assert {name for name, default in stated.items() if default == "required"} == {
        f"ROAM_{name.upper()}" for name, field in Settings.model_fields.items() if field.is_required()
    }
    for name in ("database_pool_size", "host", "port", "task_queue", "page_limit", "settlement_time_zone", "log_level"):
        assert stated[f"ROAM_{name.upper()}"] == str(Settings.model_fields[name].default)
    assert stated["ROAM_RECONCILIATION_TOLERANCE"] == str(Settings.model_fields["reconciliation_tolerance"].default)


def test_every_command_is_explained() -> None:
    explained = {name for page in PAGES for name in _COMMAND.findall(_text(page))}
    assert _commands() - explained == set()


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_no_package_registry_is_named(page: Path) -> None:
    assert _HOST.findall(_text(page)) == []


def test_every_decision_is_listed() -> None:
    folder = PROJECT / "docs" / "decisions"
    listed = set(_LINK.findall(_text(folder / "README.md")))
    assert {path.name for path in folder.glob("0*.md")} == listed
