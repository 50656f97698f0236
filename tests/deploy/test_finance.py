"""`roam settle`, `approve`, `reconcile` against an api that answers as the contract API does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app


class Recorder(ThreadingHTTPServer):
    """Answers each (method, path) with what it was told, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
        self.asked: list[tuple[str, str, str, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    server: Recorder

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization", ""), body))
        queue = self.server.answers[self.command, self.path]
        status, content = queue.pop(0) if len(queue) > 1 else queue[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815  names that the base class looks for

    def log_message(self, *args: object) -> None:
        """Silence."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    server = Recorder()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("ROAM_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("ROAM_API_KEY", "a key")
    yield server
    server.shutdown()
    server.server_close()


def roam(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_settle_starts_the_month_and_shows_it(api: Recorder) -> None:
    api.answers = {
        ("POST", "/contract/v1/settlements"): [(202, b'{"workflow_id": "settlement/mobility/2026-03"}')],
        ("GET", "/contract/v1/settlements/mobility/2026-03"): [(200, b'{"state": "COLLECTING", "sum": 0.10}')],
    }
    code, output = roam("settle", "mobility", "2026-03")
    assert code == 0
    assert "COLLECTING" in output
    assert "0.10" in output  # as it was sent, not as a binary number
    assert api.asked[0][2] == "Bearer a key"
    assert json.loads(api.asked[0][3]) == {"connection": "mobility", "month": "2026-03"}


def test_a_refusal_is_said_in_words(api: Recorder) -> None:
    problem = {"title": "Conflict", "detail": "the partner's report is not there yet"}
    path = "/contract/v1/settlements/mobility/2026-03/approval"
    api.answers = {("POST", path): [(409, json.dumps(problem).encode())]}
    code, output = roam("approve", "mobility", "2026-03", "--by", "A. Finance")
    assert code == 1
    assert "the partner's report is not there yet" in output


def test_reconcile_sends_the_bytes_and_waits_for_the_report(api: Recorder, tmp_path: Path) -> None:
    statement = tmp_path / "statement.json"
    statement.write_bytes(b'{"id": "S/1", "net": 12345678901234567.89}')
    api.answers = {
        ("POST", "/contract/v1/statements"): [(202, b'{"statement_id": "S/1"}')],
        ("GET", "/contract/v1/statements/S%2F1/report"): [(404, b"{}"), (200, b'{"agreed": 9}')],
    }
    code, output = roam("reconcile", "operator", str(statement))
    assert code == 0, output
    assert '"agreed": 9' in output
    assert b"12345678901234567.89" in api.asked[0][3]


def test_no_api_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ROAM_URL", raising=False)
    monkeypatch.delenv("ROAM_API_KEY", raising=False)
    code, output = roam("settle", "mobility", "2026-03", "--folder", str(tmp_path))
    assert code == 1
    assert "set ROAM_URL and ROAM_API_KEY" in output


def test_the_openapi_document_describes_the_commands_routes() -> None:
    code, output = roam("openapi")
    assert code == 0
    assert {"/settlements", "/settlements/{connection}/{month}/approval", "/statements"} <= set(
        json.loads(output)["paths"]
    )
