"""What Prometheus sees: of the edge, of partners, of what waits; in few words, none of them a stranger's."""

import json
import socket
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from starlette.types import Receive, Scope, Send

from canonical.settlement import Case, CaseState
from canonical.store import OutboxAction, Store
from deploy import metrics
from deploy.embedded.ports import free_port

SECRET = "04dec0de-of-a-driver"


class Figures:
    """The figures of one test, by name and labels."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.meter: Meter = MeterProvider([self._reader]).get_meter("test")

    def of(self, name: str) -> dict[tuple[object, ...], float]:
        """The value of each, or for a histogram how many there were; the labels in the order of their names."""
        found = {}
        data = self._reader.get_metrics_data()
        for metric in (m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics):
            for point in metric.data.data_points if metric.name == name else ():
                labels = tuple(value for _, value in sorted(point.attributes.items()))
                found[labels] = getattr(point, "count", None) or getattr(point, "value", 0)
        return found


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Figures:
    seen = Figures()
    monkeypatch.setattr(metrics, "_REQUESTS", seen.meter.create_histogram("requests"))
    for name in ("waiting", "oldest", "cases"):
        monkeypatch.setattr(metrics, f"_{name.upper()}", seen.meter.create_gauge(name))
    return seen


async def answer(path: str, status: int, method: str = "GET") -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def send(message: object) -> None:
        """To nobody."""

    await metrics.Measured(app)({"type": "http", "path": path, "method": method}, None, send)  # type: ignore[arg-type]


async def test_requests_are_counted_by_words_that_we_know(figures: Figures) -> None:
    await answer("/ocpi/2.2.1/receiver/sessions/DE/ABC/S-1", 200, "PUT")
    await answer("/ocpi/2.2.1/receiver/sessions/DE/ABC/S-2", 200, "PUT")
    await answer(f"/ocpi/2.1.1/emsp/tokens/{SECRET}", 404)
    await answer(f"/ocpi/{SECRET}/{SECRET}/{SECRET}", 401, SECRET)
    assert figures.of("requests") == {
        ("PUT", "sessions", 200, "2.2.1"): 2,
        ("GET", "tokens", 404, "2.1.1"): 1,
        ("other", "other", 401, "other"): 1,
    }


async def test_what_waits_in_the_store_is_seen_and_seen_to_be_gone(figures: Figures, store: Store) -> None:
    opened = datetime(2026, 3, 1, tzinfo=UTC)
    async with store.transaction() as work:
        for _ in range(2):
            await work.outbox.add("mobility", "sessions", "DE*ABC/S-1", OutboxAction.PUT)
        for number in range(3):
            case = Case(
                id=f"C-{number}", kind="cdr-late", subject="x", text="t", state=CaseState.OPEN, opened_at=opened
            )
            await work.cases.open(case)
        await work.cases.close("C-0", "done", opened + timedelta(days=1))
    waiting = await metrics.read(store, set())
    assert waiting == {"mobility"}
    assert figures.of("waiting") == {("mobility",): 2}
    assert 0 <= figures.of("oldest")[("mobility",)] < 60
    assert figures.of("cases") == {("cdr-late", "open"): 2, ("cdr-late", "closed"): 1}
    async with store.transaction() as work:
        entries = await work.outbox.pending("mobility", limit=10)
        await work.outbox.settle([entry.id for entry in entries])
    assert await metrics.read(store, waiting) == set()
    assert figures.of("waiting") == {("mobility",): 0}


def test_a_process_shows_its_own_figures_and_those_of_the_sdk() -> None:
    """In a process of its own, for what is set up there is set up once."""
    port = free_port()
    program = f"""
        import asyncio, json, os, sys, httpx
        from fastapi import FastAPI
        from temporalio.runtime import Runtime
        from deploy import telemetry
        from deploy.settings import LogFormat
        from adapters.rules import counting

        telemetry.start("roam-test", log_level="ERROR", log_format=LogFormat.JSON, metrics_at=("127.0.0.1", {port}))
        counting._TOLERANCES.add(1, {{"code": "id-case", "object": "cdr"}})
        app, contract = FastAPI(), FastAPI()
        contract.get("/things/{{name}}")(lambda name: name)
        app.mount("/contract/v1", contract)
        telemetry.trace_requests(app)

        async def ask():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                for path in ("/things/{SECRET}", "/{SECRET}"):
                    await client.get(f"http://{SECRET}.example/contract/v1{{path}}")

        asyncio.run(ask())
        Runtime.default().metric_meter.create_counter("roam_state_changes").add(1, {{"state": "PROVED"}})
        pages = [httpx.get(f"http://127.0.0.1:{{at}}/metrics").text for at in ({port}, {port} + 1)]
        print(json.dumps(pages))
        sys.stdout.flush()
        os._exit(0)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    ours, the_sdks = json.loads(ran.stdout)
    assert 'roam_tolerances_total{code="id-case",object="cdr"} 1.0' in ours
    assert 'http_server_request_duration_seconds_count{http_request_method="GET"' in ours
    assert 'http_route="/things/{name}"' in ours
    assert SECRET.lower() not in ours.lower(), "what a stranger writes is no label"
    assert "roam_state_changes_total{" in the_sdks
    assert 'state="PROVED"' in the_sdks


def test_a_port_that_is_taken_is_no_reason_not_to_work(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert metrics.served("127.0.0.1", taken.getsockname()[1]) is None
    assert "no figures are shown" in caplog.text
