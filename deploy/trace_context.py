"""What of a trace goes from process to process: its ids, and nothing else that a caller has sent along.

A trace's `tracestate` and `baggage` are words of whoever calls us (W3C Trace Context 3.3, Baggage 3). They would end up
in clear in the headers of workflows, in exported spans, and at partners.
"""

from typing import Final

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PARENT: Final = "traceparent"
_W3C: Final = TraceContextTextMapPropagator()


class IdsAlone(TextMapPropagator):
    """The header `traceparent`, both ways."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        found = getter.get(carrier, _PARENT)
        return _W3C.extract({_PARENT: found[0]} if found else {}, context)

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        written: dict[str, str] = {}
        _W3C.inject(written, context)
        if _PARENT in written:
            setter.set(carrier, _PARENT, written[_PARENT])

    @property
    def fields(self) -> set[str]:
        return {_PARENT}
