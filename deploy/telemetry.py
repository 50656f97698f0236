"""Logs that can be searched and traces that go through: set up once, when a process starts.

Log lines go to standard error, one JSON object each (or text), with the ids of the trace and the workflow
that they belong to, and without anything that looks like a credential. Spans are exported when
OpenTelemetry's own settings say where to (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_EXPORTER`), and never
otherwise. Figures are shown to Prometheus where `ROAM_METRICS_PORT` is set.
"""

import json
import logging
import os
import re
import sys
from datetime import UTC, datetime
from types import TracebackType

import httpx
from fastapi import FastAPI
from opentelemetry import metrics, propagate, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor, RequestInfo
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Span
from temporalio import activity, workflow
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from api import about
from api.app import Application
from deploy.edge_tracing import MESSAGE_IDS, Traced
from deploy.metrics import UNBOUNDED, Measured, served
from deploy.redaction import redact
from deploy.settings import LogFormat
from deploy.span_redaction import RedactedSpans
from deploy.trace_context import IdsAlone
from workflows.ids import connection_of

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_LINE = json.JSONEncoder(ensure_ascii=False, default=str)
_ONE_LINE = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    code: f"\\u{code:04x}" for code in (0x2028, 0x2029)
}
"""A message is one line, and steers no terminal: words of strangers in it can look like no line of ours."""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FROM_TEMPORAL = {"workflow_id": "workflow_id", "workflow_type": "workflow", "activity_type": "activity"}
_TALKATIVE = ("httpx", "httpcore", "asyncio", "uvicorn.access")


def start(
    service: str, *, log_level: str, log_format: LogFormat, metrics_at: tuple[str, int] | None = None
) -> TracerProvider:
    """Logging, tracing, figures and Temporal's own log for this process. `service` is the name that traces show.

    `metrics_at`: host and port of the page with figures, if there is to be one.
    """
    _log_to_stderr(log_level.upper(), log_format)
    resource = Resource.create({"service.name": service})
    provider = TracerProvider(resource=resource)
    exporter = _exporter()
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(RedactedSpans(exporter)))
    trace.set_tracer_provider(provider)
    if readers := _readers(metrics_at):
        metrics.set_meter_provider(MeterProvider(readers, resource, views=UNBOUNDED))
    trace_calls(provider)
    Runtime.set_default(_temporal_runtime(service, metrics_at), error_if_already_set=False)
    return provider


def stop(provider: TracerProvider) -> None:
    """Send what has not been sent yet: the process is about to end."""
    provider.shutdown()
    measured = metrics.get_meter_provider()
    if isinstance(measured, MeterProvider):
        measured.shutdown()


def trace_calls(provider: TracerProvider) -> None:
    """A span for each call that we make, with the ids by which a partner finds it too."""
    propagate.set_global_textmap(IdsAlone())
    HTTPXClientInstrumentor().instrument(tracer_provider=provider, async_request_hook=_with_message_ids)


async def _with_message_ids(span: Span, request: RequestInfo) -> None:
    headers = httpx.Headers(request.headers)
    for attribute, header in MESSAGE_IDS.items():
        if header in headers:
            span.set_attribute(attribute, headers[header])


def trace_requests(app: FastAPI, *, measured: bool = False) -> None:
    """A span for each request that the application answers, health checks excepted; `measured`: and figures."""
    if isinstance(app, Application):
        app.edge = Traced(app.edge, exported=_chosen("TRACES") != "none")
        if measured:
            app.edge = Measured(app.edge)
    propagate.set_global_textmap(IdsAlone())
    FastAPIInstrumentor.instrument_app(app, excluded_urls="/health/", exclude_spans=["receive", "send"])


def _exporter() -> SpanExporter | None:
    match _chosen("TRACES"):
        case "console":
            return ConsoleSpanExporter(out=sys.stderr)
        case "otlp":
            return OTLPSpanExporter()
        case _:
            return None


def _readers(metrics_at: tuple[str, int] | None) -> list[MetricReader]:
    exporter = _metric_exporter()
    sent = None if exporter is None else PeriodicExportingMetricReader(exporter)
    shown = None if metrics_at is None else served(*metrics_at)
    return [reader for reader in (sent, shown) if reader is not None]


def _metric_exporter() -> MetricExporter | None:
    match _chosen("METRICS"):
        case "console":
            return ConsoleMetricExporter(out=sys.stderr)
        case "otlp":
            return OTLPMetricExporter()
        case _:
            return None


def _chosen(signal: str) -> str:
    """`otlp` where an endpoint is named or it is asked for by name, `console` where that is, else nothing."""
    chosen = os.environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower()
    where = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return "none"
    return chosen or ("otlp" if where else "none")


def _temporal_runtime(service: str, metrics_at: tuple[str, int] | None) -> Runtime:
    """The SDK's core logs to standard output by itself: have it log through us, redacted.

    Its figures are one port above ours: it counts in code that is not Python's, and shows them itself.
    """
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio.core"))
    filtered = TelemetryFilter(core_level="WARN", other_level="ERROR")
    logged = LoggingConfig(filter=filtered, forwarding=forwarding)
    if metrics_at is None:
        return Runtime(telemetry=TelemetryConfig(logging=logged))
    host, port = metrics_at
    shown = PrometheusConfig(
        f"{host}:{port + 1}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
    try:
        return Runtime(telemetry=TelemetryConfig(logging=logged, metrics=shown, global_tags={"service": service}))
    except (RuntimeError, ValueError) as error:
        logging.getLogger(__name__).warning("no figures of the SDK are shown: %s", error)
        return Runtime(telemetry=TelemetryConfig(logging=logged))


def _log_to_stderr(level: str, log_format: LogFormat) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    sys.excepthook = _log_uncaught
    # The ids are fields of their own in our format.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends the process goes through the same net as everything else that is logged."""
    logging.getLogger("roamwork").critical("ended by an error", exc_info=(kind, error, trace))


class TextFormatter(logging.Formatter):
    """For people: time in UTC, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        message = record.getMessage().translate(_ONE_LINE)
        return redact(f"{at} {record.levelname:<7} {record.name}  {message}{_trace_of(self, record)}")


class JsonFormatter(logging.Formatter):
    """For machines. Fields given as `extra` are kept when they are plain values."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, str | int | float | bool] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
            **_trace_ids(),
            **_temporal_ids(record),
            **{name: _harmless(value) for name, value in about.ids().items()},
        }
        for name, value in vars(record).items():
            if name not in _PLAIN and isinstance(value, str | int | float | bool):
                line[name] = redact(value) if isinstance(value, str) else value
        if failure := _trace_of(self, record):
            line["exception"] = redact(failure.strip())
        return _LINE.encode(line)


def _trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if record.exc_info:
        return "\n" + formatter.formatException(record.exc_info)
    return ""


def _trace_ids() -> dict[str, str]:
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    return {"trace_id": format(span.trace_id, "032x"), "span_id": format(span.span_id, "016x")}


def _temporal_ids(record: logging.LogRecord) -> dict[str, str]:
    if activity.in_activity():
        info = activity.info()
        return _named({"workflow_id": str(info.workflow_id), "activity": info.activity_type})
    details = getattr(record, "temporal_workflow", None) or getattr(record, "temporal_activity", None)
    if not isinstance(details, dict):
        return {}
    return _named({ours: str(details[theirs]) for theirs, ours in _FROM_TEMPORAL.items() if theirs in details})


def _harmless(value: str) -> str:
    """An id that a stranger has chosen. Nearly all are UUIDs, and quickly passed."""
    return value if _UUID.fullmatch(value) else redact(value)


def _named(found: dict[str, str]) -> dict[str, str]:
    """With the connection that the workflow is about."""
    connection_id = connection_of(found.get("workflow_id", ""))
    return found if connection_id is None else {**found, "connection_id": connection_id}
