"""`roam stuck`, `roam deliveries`, `roam sessions`: what a person reads, and what a program does."""

import io
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from rich.console import Console
from typer.testing import CliRunner

from deploy.cli import app
from deploy.commands import work
from deploy.commands.work import Asked, lines

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
PARKED = {
    "kind": "delivery",
    "connection": "mobility",
    "about": "DE*ABC/C-17",
    "state": "PARKED",
    "attention": True,
    "broken": False,
    "since": (NOW - timedelta(days=2, hours=3)).isoformat(),
    "deadline": None,
    "waiting_for": "a decision; the partner refused it: 2001 [total_cost] is missing",
    "next_action": "release it",
    "outcome": None,
    "workflow_id": "cdr-delivery/mobility/DE*ABC/C-17",
}
SENDING = PARKED | {
    "about": "DE*ABC/C-18",
    "state": "SENDING",
    "attention": False,
    "since": (NOW - timedelta(seconds=30)).isoformat(),
    "deadline": (NOW + timedelta(minutes=5)).isoformat(),
    "waiting_for": None,
    "next_action": None,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, list[str]]]:
    """What the api was asked, in two pages."""
    questions: list[dict[str, list[str]]] = []

    def call(folder: object, method: str, path: str) -> object:
        assert (method, urlsplit(path).path) == ("GET", "/work")
        questions.append(parse_qs(urlsplit(path).query))
        if "after" in questions[-1]:
            return {"items": [SENDING], "next": None, "total": 2, "unanswered": 1}
        return {"items": [PARKED], "next": "next=&", "total": 2, "unanswered": 0}

    monkeypatch.setattr(work, "call", call)
    return questions


def roam(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_person_reads_what_why_since_when_and_what_to_do() -> None:
    page = io.StringIO()
    for line in lines([PARKED, SENDING | {"broken": True}], NOW):
        Console(file=page, width=80).print(line)
    text = " ".join(page.getvalue().split())
    for words in ("mobility", "PARKED", "2 d 3 h", "waits for a decision", "[total_cost]", "→ release it"):
        assert words in text
    for words in ("30 s", "in 5 min", "its own", "cdr-delivery/mobility/DE*ABC/C-17"):
        assert words in text


def test_what_is_asked_for(asked: list[dict[str, list[str]]]) -> None:
    roam("stuck", "--connection", "mobility", "--ended")
    roam("sessions", "--attention")
    roam("deliveries", "--state", "PARKED")
    first = [question for question in asked if "after" not in question]
    assert first == [
        {"connection": ["mobility"], "attention": ["true"], "ended": ["true"], "limit": ["100"]},
        {"kind": ["session"], "attention": ["true"], "limit": ["100"]},
        {"kind": ["delivery"], "state": ["PARKED"], "limit": ["100"]},
    ]
    assert {tuple(question["after"]) for question in asked if "after" in question} == {("next=&",)}


def test_a_program_gets_all_pages_as_json(asked: list[dict[str, list[str]]]) -> None:
    result = CliRunner().invoke(app, ["deliveries", "--json"])
    assert json.loads(result.stdout) == [PARKED, SENDING]


def test_where_no_worker_answers_it_says_so(asked: list[dict[str, list[str]]]) -> None:
    assert "1 of these did not say in time what they wait for" in roam("deliveries")


def test_nothing_is_asked_of_nobody() -> None:
    assert Asked().parameters() == {}
