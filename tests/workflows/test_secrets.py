"""What must not be read by whoever can look into Temporal, the logs or the traces: secrets, and who the driver is."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

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
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.telemetry import _TALKATIVE, JsonFormatter
from tests.conftest import Databases
from tests.workflows.conftest import PAIR
from tests.workflows.pair import AT_CPO, AT_EMSP, Pair, pair

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
    processor = SimpleSpanProcessor(exporter)
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


@pytest_asyncio.fixture
async def two(temporal: EmbeddedTemporal, databases: Databases, spans: InMemorySpanExporter, log_file: Path):
    urls = (await databases.fresh(), await databases.fresh())
    async with pair(temporal.address, PAIR, urls, MASTER_KEY) as playing:
        yield playing
    for url in urls:
        await databases.drop(url)


async def test_secrets_are_nowhere_and_drivers_in_no_history_no_list_and_no_log(
    two: Pair, spans: InMemorySpanExporter, log_file: Path
) -> None:
    card = cast.CARDS[cast.CARD_A] | {"contract_id": CONTRACT}
    await two.prepare(card, UID)
    secrets = {"registration token": await two.meet(), "master key": MASTER_KEY}
    secrets |= {f"access token {name}": token for name, token in (await _access_tokens(two)).items()}
    await two.charge(replace(cast.ORDINARY[0], token=UID))
    await two.renew()
    secrets |= {f"renewed token {name}": token for name, token in (await _access_tokens(two)).items()}
    await two.settle(cast.MONTH)
    await two.sweep()
    secrets |= {"API key of the operator": two.cpo.api_key, "API key of the provider": two.emsp.api_key}
    assert len(set(secrets.values())) == len(secrets) == 8
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

    assert _found(secrets, temporal=temporal, logs=logs, traces=traces) == set()
    # Traces name addresses, and OCPI puts the uid of a token into them.
    assert _found(drivers, temporal=temporal, logs=logs) == set()


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
