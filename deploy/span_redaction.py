"""What leaves the process with a span: that a call was made, to whom and to which module, but not what it was about.

Addresses hold uids of tokens, ids of sessions and, as `response_url`, what a partner may mean to be a secret. Spans are
made by libraries, each with its own names for them: so they are cut where all pass, before they are exported.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.util.types import AttributeValue

from adapters.contract import Module
from deploy.redaction import redact

_WHOLE: Final = frozenset({"http.url", "url.full"})
_BELOW: Final = frozenset({"http.target", "url.path", "url.query"})
_CUT: Final = "…"
_MODULES: Final = frozenset(module.value for module in Module)


class RedactedSpans(SpanExporter):
    """An exporter that gets spans without what is nobody's business outside."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_redacted(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _redacted(span: ReadableSpan) -> ReadableSpan:
    status = span.status
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes or {}),
        events=[Event(event.name, _attributes(event.attributes or {}), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(status.status_code, redact(status.description) if status.description else None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {name: _value(name, value) for name, value in attributes.items()}


def _value(name: str, value: AttributeValue) -> AttributeValue:
    if not isinstance(value, str):
        return value
    if name in _BELOW:
        return _CUT
    return _address(value) if name in _WHOLE else redact(value)


def _address(url: str) -> str:
    """Scheme and host of an address, and the module if it names one."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _CUT
    host = parts.netloc.rpartition("@")[2]
    module = next((segment for segment in parts.path.split("/") if segment in _MODULES), None)
    return "/".join((f"{parts.scheme}://{host}", _CUT, *((module, _CUT) if module else ())))
