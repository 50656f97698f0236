"""A span for each request of a partner, made with as little as it takes: the edge answers thousands a second."""

from types import MappingProxyType
from typing import Final

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PARENT: Final = b"traceparent"
_PARTS: Final = 5
"""Root, version, interface, module: what follows names objects, and a token's uid is a driver's."""
MESSAGE_IDS: Final = MappingProxyType({"ocpi.request_id": "X-Request-ID", "ocpi.correlation_id": "X-Correlation-ID"})
"""Attributes of a span, and the headers whose values they are."""
_ID_MAX: Final = 128
_ROUTE_MAX: Final = 100
"""No route of ours is longer, but a stranger's path may be."""


class Traced:
    """The application with a span around each request, in the caller's trace if it sends one.

    While spans are exported to nobody none is recorded, and no more is made of it than its ids, by which lines of the
    log and the processes that are woken are found together. A read wakes none, and has no span.
    """

    def __init__(self, app: ASGIApp, *, exported: bool) -> None:
        self._app = app
        self._exported = exported
        self._tracer = trace.get_tracer("roamwork.edge")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carried = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name == _PARENT}
        if scope["method"] == "GET" and not carried and not self._exported:
            await self._app(scope, receive, send)
            return
        context = propagate.extract(carried) if carried else None
        if not self._exported:
            with trace.use_span(_ids_alone(context)):
                await self._app(scope, receive, send)
            return
        route = "/".join(scope["path"].split("/", _PARTS)[:_PARTS])[:_ROUTE_MAX]
        attributes = {"http.request.method": scope["method"], "http.route": route, **_message_ids(scope)}
        with self._tracer.start_as_current_span(
            f"{scope['method']} {route}", context, SpanKind.SERVER, attributes
        ) as span:

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            await self._app(scope, receive, told)


def _message_ids(scope: Scope) -> dict[str, str]:
    """The ids that the caller sent, by the names of attributes."""
    headers = Headers(scope=scope)
    return {name: headers[header][:_ID_MAX] for name, header in MESSAGE_IDS.items() if header in headers}


def _ids_alone(context: Context | None) -> NonRecordingSpan:
    """A span that nobody will read, in the caller's trace if it has sent one."""
    ids, caller = RandomIdGenerator(), trace.get_current_span(context).get_span_context()
    trace_id = caller.trace_id if caller.is_valid else ids.generate_trace_id()
    flags = caller.trace_flags if caller.is_valid else TraceFlags(TraceFlags.SAMPLED)
    return NonRecordingSpan(SpanContext(trace_id, ids.generate_span_id(), is_remote=False, trace_flags=flags))
