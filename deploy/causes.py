"""What a workflow does belongs to the trace of the message that it heard last.

The SDK puts it into the trace of the request that began the workflow; but one that lives for months is begun once,
and what it does next is done because somebody has told it something since.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from opentelemetry import context
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.converter import PayloadConverter
from temporalio.worker import (
    ContinueAsNewInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    StartActivityInput,
    StartChildWorkflowInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

_TRACING = TracingInterceptor()
_HEADER, _PROPAGATOR = _TRACING.header_key, _TRACING.text_map_propagator


class Causes(Interceptor):
    """Put into workers whose client has the SDK's tracing; behind it, so that it is asked first."""

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002, ARG002
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def __init__(self, then: WorkflowInboundInterceptor) -> None:
        super().__init__(then)
        self._heard: context.Context | None = None

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound, self))

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002
        self._hear(input.headers)
        await super().handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002, ANN401
        self._hear(input.headers)
        return await super().handle_update_handler(input)

    def _hear(self, headers: Mapping[str, Payload]) -> None:
        if _HEADER in headers:
            (carrier,) = PayloadConverter.default.from_payloads([headers[_HEADER]])
            self._heard = _PROPAGATOR.extract(carrier)

    @contextmanager
    def because(self) -> Iterator[None]:
        """What is begun in this context is in the trace of what was heard last, if anything was."""
        if self._heard is None:
            yield
            return
        token = context.attach(self._heard)
        try:
            yield
        finally:
            context.detach(token)


class _Outbound(WorkflowOutboundInterceptor):
    def __init__(self, then: WorkflowOutboundInterceptor, heard: _Inbound) -> None:
        super().__init__(then)
        self._heard = heard

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        with self._heard.because():
            return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        with self._heard.because():
            return super().start_local_activity(input)

    async def start_child_workflow(self, input: StartChildWorkflowInput) -> workflow.ChildWorkflowHandle[Any, Any]:  # noqa: A002
        with self._heard.because():
            return await super().start_child_workflow(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:  # noqa: A002
        with self._heard.because():
            super().continue_as_new(input)
