"""Logs that can be searched and traces that go through: set up once, when a process starts.

Log lines go to standard error, one JSON object each (or text), with the ids of the trace and the workflow
that they belong to, and without anything that looks like a credential. Spans are exported when
OpenTelemetry's own settings say where to (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_EXPORTER`), and never
otherwise.
"""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from types import TracebackType

from fastapi import FastAPI
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from temporalio import activity, workflow
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from api.app import Application
from deploy.edge_tracing import Traced
from deploy.redaction import redact
from deploy.settings import LogFormat
from deploy.span_redaction import RedactedSpans

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_LINE = json.JSONEncoder(ensure_ascii=False, default=str)
_ONE_LINE = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    code: f"\\u{code:04x}" for code in (0x2028, 0x2029)
}
"""A message is one line, and steers no terminal: words of strangers in it can look like no line of ours."""
_FROM_TEMPORAL = {"workflow_id": "workflow_id", "workflow_type": "workflow", "activity_type": "activity"}
_TALKATIVE = ("httpx", "httpcore", "asyncio", "uvicorn.access")


def start(service: str, *, log_level: str, log_format: LogFormat) -> TracerProvider:
    """Logging, tracing and Temporal's own log for this process. `service` is the name that traces show."""
    _log_to_stderr(log_level.upper(), log_format)
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = _exporter()
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(RedactedSpans(exporter)))
    trace.set_tracer_provider(provider)
    if (measured := _metric_exporter()) is not None:
        reader = PeriodicExportingMetricReader(measured)
        metrics.set_meter_provider(MeterProvider([reader], Resource.create({"service.name": service})))
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    Runtime.set_default(_temporal_runtime(), error_if_already_set=False)
    return provider


def stop(provider: TracerProvider) -> None:
    """Send what has not been sent yet: the process is about to end."""
    provider.shutdown()
    measured = metrics.get_meter_provider()
    if isinstance(measured, MeterProvider):
        measured.shutdown()


def trace_requests(app: FastAPI) -> None:
    """A span for each request that the application answers, health checks excepted."""
    if isinstance(app, Application):
        app.edge = Traced(app.edge, exported=_chosen("TRACES") != "none")
    FastAPIInstrumentor.instrument_app(app, excluded_urls="/health/", exclude_spans=["receive", "send"])


def _exporter() -> SpanExporter | None:
    match _chosen("TRACES"):
        case "console":
            return ConsoleSpanExporter(out=sys.stderr)
        case "otlp":
            return OTLPSpanExporter()
        case _:
            return None


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


def _temporal_runtime() -> Runtime:
    """The SDK's core logs to standard output by itself: have it log through us, redacted."""
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio.core"))
    filtered = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=filtered, forwarding=forwarding)))


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
        return {"workflow_id": str(info.workflow_id), "activity": info.activity_type}
    details = getattr(record, "temporal_workflow", None) or getattr(record, "temporal_activity", None)
    if not isinstance(details, dict):
        return {}
    return {ours: str(details[theirs]) for theirs, ours in _FROM_TEMPORAL.items() if theirs in details}
