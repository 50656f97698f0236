"""A change of what workflows ask of Temporal is decided upon, not found out about."""

import difflib

import pytest

from tests.replay.fingerprint import FINGERPRINTS, HISTORIES, PATHS, fingerprints, paths

_TO_DECIDE = (
    "what new histories look like has changed. If histories of before are decided alike (test_replay), write it down: "
    "`python -m tests.replay.fingerprint`. If not: a patch, a revision in the order, or a workflow of another name."
)


@pytest.mark.parametrize("name", sorted({*fingerprints(), *(file.name for file in FINGERPRINTS.glob("*.txt"))}))
def test_commands_are_those_that_were_written_down(name: str) -> None:
    known, found = FINGERPRINTS / name, fingerprints().get(name, "")
    before = known.read_text(encoding="utf-8") if known.exists() else ""
    changed = "\n".join(difflib.unified_diff(before.splitlines(), found.splitlines(), "before", "now", lineterm=""))
    assert not changed, f"{name}: {_TO_DECIDE}\n{changed}"


def test_paths_are_those_of_the_recorded_histories() -> None:
    assert PATHS.read_text(encoding="utf-8") == paths(HISTORIES.glob("*.json"))
