"""What must not be read by whoever can look into Temporal, the logs or the traces: secrets, and who the driver is."""

import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest, ListWorkflowExecutionsRequest
from temporalio.client import Client

from canonical.store import AccessPurpose
from deploy.demo import cast
from deploy.demo.office import until
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.span_redaction import RedactedSpans
from deploy.telemetry import _TALKATIVE, JsonFormatter
from tests.conftest import Databases
from tests.workflows.conftest import PAIR_WITH_SECRETS
from tests.workflows.pair import AT_CPO, AT_EMSP, Pair, pair
from tests.workflows.test_commands_between_two import ask, becomes, conclude, give, waiting
from tests.workflows.test_webhook import Receiver

MASTER_KEY = "master-key-that-nobody-must-ever-see-0123456789"
UID, CONTRACT = "04DEC0DE5EC4E7", "BE-FWM-C5EC4E7D0"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Every span that this process makes, as an exporter would send it."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    processor = SimpleSpanProcessor(RedactedSpans(exporter))
    provider.add_span_processor(processor)
    instrumentor = HTTPXClientInstrumentor()
    fresh = not instrumentor.is_instrumented_by_opentelemetry
    if fresh:
        instrumentor.instrument(tracer_provider=provider)
    yield exporter
    if fresh:
        instrumentor.uninstrument()
    processor.shutdown()


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """A log as our processes write it, at the level that they have by default."""
    path = tmp_path / "process.log"
    handler = logging.FileHandler(path)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    levels = {logger: logger.level for logger in (root, *map(logging.getLogger, _TALKATIVE))}
    for logger in levels:
        logger.setLevel(logging.INFO if logger is root else logging.WARNING)
    root.addHandler(handler)
    yield path
    for logger, level in levels.items():
        logger.setLevel(level)
    root.removeHandler(handler)
    handler.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A system of the operator that is told of events."""
    with Receiver() as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()


@pytest_asyncio.fixture
async def two_databases(databases: Databases) -> AsyncIterator[tuple[str, str]]:
    urls = (await databases.fresh(), await databases.fresh())
    yield urls
    for url in urls:
        await databases.drop(url)


@pytest_asyncio.fixture
async def two(
    temporal: EmbeddedTemporal, two_databases: tuple[str, str], spans: InMemorySpanExporter, log_file: Path
) -> AsyncIterator[Pair]:
    async with pair(temporal.address, PAIR_WITH_SECRETS, two_databases, MASTER_KEY) as playing:
        yield playing


async def test_secrets_are_nowhere_and_drivers_in_no_history_no_list_and_no_log(
    two: Pair, two_databases: tuple[str, str], spans: InMemorySpanExporter, log_file: Path, receiver: Receiver
) -> None:
    card = cast.CARDS[cast.CARD_A] | {"contract_id": CONTRACT}
    await two.prepare(card, UID)
    secrets = {"registration token": await two.meet(), "master key": MASTER_KEY}
    secrets |= {f"access token {name}": token for name, token in (await _access_tokens(two)).items()}
    await two.charge(replace(cast.ORDINARY[0], token=UID))
    await two.renew()
    secrets |= {f"renewed token {name}": token for name, token in (await _access_tokens(two)).items()}
    await two.settle(cast.MONTH)
    secrets |= await _with_its_own_systems(two, receiver)
    await _order(two)
    await two.synchronise()
    await two.sweep()
    await _part(two)
    secrets |= {"API key of the operator": two.cpo.api_key, "API key of the provider": two.emsp.api_key}
    assert len(set(secrets.values())) == len(secrets) == 11
    drivers = {"token uid": UID, "contract id": CONTRACT}

    temporal = b""
    for player in (two.cpo, two.emsp):
        temporal += await _everything_in(player.built.client)
    logs = log_file.read_bytes()  # noqa: ASYNC240
    traces = "\n".join(span.to_json() for span in spans.get_finished_spans()).encode()
    # The search would find them: what may be read is found.
    assert AT_CPO.encode() in temporal
    assert b"feed-drain" in traces
    assert temporal.count(b"binary/encrypted") > 50
    kinds = ("command/", "delta/", "full-sweep/", "webhook/", "unregistration/")
    assert [kind for kind in kinds if kind.encode() not in temporal] == []
    assert receiver.came
    tables = b"".join([await _all_rows(url) for url in two_databases])
    assert UID.encode() in tables

    assert _found(secrets, temporal=temporal, logs=logs, traces=traces, tables=tables) == set()
    assert _found(drivers, temporal=temporal, logs=logs, traces=traces) == set()


async def _with_its_own_systems(two: Pair, receiver: Receiver) -> dict[str, str]:
    """Secrets between the operator and its own systems, all of which were used."""
    order = {"url": receiver.url, "from_beginning": True}
    made = await ask(two.cpo, "POST", "/webhooks", order)
    rotated = await ask(two.cpo, "POST", f"/webhooks/{made['webhook']['id']}/secret", {"overlap_hours": 1})
    key = await ask(two.cpo, "POST", "/keys", {"name": "backend", "scopes": ["charging:read"]})
    with_key = replace(two.cpo, api_key=key["secret"])
    assert (await ask(with_key, "GET", "/commands"))["items"] == []

    async def told() -> bool:
        return any(json.loads(body)["type"] == "cdr.delivered" for _, body in receiver.came)

    await until("the webhook", told)
    return {
        "webhook secret": made["secret"].removeprefix("whsec_"),
        "new webhook secret": rotated["secret"].removeprefix("whsec_"),
        "key with scopes": key["secret"],
    }


async def _order(two: Pair) -> None:
    """An order of the provider, and the word of the operator's backend on it."""
    site = cast.LOCATIONS["L1"]
    capable = {**site["evses"][0], "capabilities": ["REMOTE_START_STOP_CAPABLE"]}
    await ask(two.cpo, "PUT", "/locations/L1", {**site, "evses": [capable, *site["evses"][1:]]})
    token = {"uid": UID, "type": "RFID"}
    ours = await give(two, "START_SESSION", token=token, location_id="L1", evse_uid=capable["uid"])
    await conclude(two, (await waiting(two, "START_SESSION"))["id"], "REJECTED")
    await becomes(two.emsp, ours, "CONCLUDED")


async def _part(two: Pair) -> None:
    """The operator ends the relation, and the provider hears of it."""
    await ask(two.cpo, "DELETE", f"/connections/{AT_CPO}")

    async def over() -> bool:
        return bool((await ask(two.emsp, "GET", f"/connections/{AT_EMSP}"))["state"] == "UNREGISTERED")

    await until("the end", over)


async def _all_rows(database_url: str) -> bytes:
    """Everything that a database holds, as text."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [row["tablename"] for row in tables]
        rows = [await connection.fetch(f'SELECT t::text AS row FROM "{name}" t') for name in names]  # noqa: S608
    finally:
        await connection.close()
    return "\n".join(row["row"] for found in rows for row in found).encode()


def _found(sought: dict[str, str], **places: bytes) -> set[str]:
    return {
        f"{name} in {place}"
        for place, content in places.items()
        for name, value in sought.items()
        if value.lower().encode() in content.lower()
    }


async def _access_tokens(two: Pair) -> dict[str, str]:
    """Of both directions, as the operator's store has them."""
    async with two.cpo.built.resources.store.transaction() as work:
        theirs = await work.access.live(AT_CPO, AccessPurpose.ACCESS)
        ours = await work.access.outbound(AT_CPO)
    async with two.emsp.built.resources.store.transaction() as work:
        assert await work.access.outbound(AT_EMSP) == theirs
    assert theirs is not None
    return {"they call us with": theirs.get_secret_value(), "we call them with": ours.get_secret_value()}


async def _everything_in(client: Client) -> bytes:
    """Lists and histories of a namespace, as they come from the server: nothing is decoded."""
    service, namespace = client.workflow_service, client.namespace
    listed = await service.list_workflow_executions(ListWorkflowExecutionsRequest(namespace=namespace, page_size=1000))
    assert not listed.next_page_token
    everything = listed.SerializeToString()
    for execution in listed.executions:
        history = await service.get_workflow_execution_history(
            GetWorkflowExecutionHistoryRequest(
                namespace=namespace,
                execution=execution.execution,
                history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
            )
        )
        assert not history.next_page_token
        everything += history.SerializeToString()
    return everything
