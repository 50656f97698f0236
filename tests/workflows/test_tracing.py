"""One trace from a request at one company to the process at the other, with the ids that partners talk about."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
import pytest_asyncio
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import Worker

from deploy import telemetry
from deploy.causes import Causes
from deploy.demo import cast
from deploy.demo.office import until
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.span_redaction import RedactedSpans
from tests.conftest import Databases
from tests.workflows.conftest import PAIR_TRACED
from tests.workflows.pair import Pair, pair
from tests.workflows.talking import Listening

DRIVE = cast.ORDINARY[0]


@pytest.fixture(scope="module")
def spans() -> Iterator[InMemorySpanExporter]:
    """All spans, as they would leave the process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_TRACES_EXPORTER", "console")  # the edge makes spans for somebody only; nobody prints these
        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(RedactedSpans(exporter)))
        patch.setattr(trace, "_TRACER_PROVIDER", provider)
        telemetry.trace_calls(provider)
        yield exporter
        HTTPXClientInstrumentor().uninstrument()
        exporter.shutdown()  # whoever has found the provider meanwhile goes on, and nothing of it is kept


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(temporal: EmbeddedTemporal, databases: Databases, spans: InMemorySpanExporter) -> AsyncIterator[Pair]:
    urls = (await databases.fresh(), await databases.fresh())
    async with pair(temporal.address, PAIR_TRACED, urls, "a-master-key-for-traces-0123456789abcdef") as playing:
        await playing.prepare(cast.CARDS[cast.CARD_A], cast.CARD_A)
        await playing.meet()
        yield playing
    for url in urls:
        await databases.drop(url)


def named(spans: InMemorySpanExporter, *words: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if all(word in span.name for word in words)]


async def trace_with(spans: InMemorySpanExporter, end: str, about: str) -> list[ReadableSpan]:
    """The trace in which that was done at the end: a span of that name, and of that workflow."""
    found: list[ReadableSpan] = []

    async def there() -> bool:
        found.extend(s for s in named(spans, end) if str((s.attributes or {})["temporalWorkflowID"]).startswith(about))
        return bool(found)

    await until(f"the span {end}", there)
    return [s for s in spans.get_finished_spans() if s.context.trace_id == found[0].context.trace_id]


def ids(span: ReadableSpan) -> tuple[object, object]:
    attributes = span.attributes or {}
    return attributes["ocpi.request_id"], attributes["ocpi.correlation_id"]


async def test_a_session_and_its_cdr_are_followed_from_one_company_to_the_other(
    two: Pair, spans: InMemorySpanExporter
) -> None:
    spans.clear()
    await two.charge(DRIVE)

    pushed = await trace_with(spans, "RunWorkflow:ChargingSession", "session/operator/")
    names = [span.name for span in pushed]
    began = {"POST /sessions", "POST /sessions/{session_id}/readings"}
    assert began & set(names), "the charging backend's word began it: that which was heard last"
    assert {"RunActivity:feed-drain", "StartActivity:feed-drain"} & set(names)
    came = next(span for span in pushed if span.name.startswith("PUT /ocpi/"))
    assert came.parent is not None
    (sent,) = (span for span in pushed if span.context.span_id == came.parent.span_id)
    assert ids(came) == ids(sent)
    assert dict(sent.attributes or {})["http.url"].endswith("/…/sessions/…")

    billed = await trace_with(spans, "RunActivity:billing-check-cdr", "session/operator/")
    names = [span.name for span in billed]
    assert "POST /sessions/{session_id}/stop" in names, "the session ended, and so it was billed: another trace"
    assert "RunActivity:billing-generate-cdr" in names
    assert "RunWorkflow:CdrDelivery" in names
    came = next(span for span in billed if span.name.startswith("POST /ocpi/"))
    assert came.parent is not None
    assert came.parent.span_id in {span.context.span_id for span in billed if span.name == "POST"}
    assert came.context.trace_id != pushed[0].context.trace_id


async def test_what_is_done_long_after_the_beginning_belongs_to_what_was_said_last(
    client: Client, spans: InMemorySpanExporter
) -> None:
    spans.clear()
    tracer = trace.get_tracer("test")

    @activity.defn(name="answer-once")
    async def answer() -> None:
        """Nothing but its span is of interest."""

    config = client.config() | {"interceptors": [TracingInterceptor(tracer)]}
    traced = Client(**config)
    worker = Worker(
        traced, task_queue="queue-traced", workflows=[Listening], activities=[answer], interceptors=[Causes()]
    )
    async with worker:
        with tracer.start_as_current_span("begin"):
            listening = await traced.start_workflow(Listening.run, id="listening", task_queue="queue-traced")
        for number in (1, 2):
            with tracer.start_as_current_span(f"said {number}"):
                await listening.signal(Listening.said)
            await until("the answer", partial(_count, spans, "RunActivity:answer-once", number))
        await listening.result()
    trace_of = {span.name: span.context.trace_id for span in spans.get_finished_spans()}
    answers = [span.context.trace_id for span in named(spans, "RunActivity:answer-once")]
    assert answers == [trace_of["said 1"], trace_of["said 2"]]
    assert trace_of["RunWorkflow:Listening"] == trace_of["begin"]


async def _count(spans: InMemorySpanExporter, name: str, least: int) -> bool:
    return len(named(spans, name)) >= least
