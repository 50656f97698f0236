"""On which task queue which work waits, and how it is shared there: the one place that decides.

Workflows and work on our own store are on the queue that a deployment is named by. What calls a partner and what
settles a month have queues of their own, so that workers can be given to them apart, and so that neither takes the
slots of what keeps everything else going. A workflow does not say it: it is seen to when it starts an activity, and
is no part of what a replay compares. Work that was put on another queue by earlier code is still served there.
"""

from enum import StrEnum
from typing import Any

from temporalio import workflow
from temporalio.common import Priority
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

with workflow.unsafe.imports_passed_through():
    from workflows.search_attributes import CONNECTION


class Queue(StrEnum):
    """The kinds of work for which workers can be run apart."""

    CORE = "core"
    """Workflows, and activities on our own store. Its work never waits for anybody outside."""
    PARTNERS = "partners"
    """Conversations with partners, and events for the operator's own systems."""
    SETTLEMENT = "settlement"
    """Statements, invoices, reports: few, long and hungry."""

    def named(self, base: str) -> str:
        """The name at Temporal. `base` is the deployment's: `roam`, `roam-partners`, `roam-settlement`."""
        return base if self is Queue.CORE else f"{base}-{self}"


CALLS_OUT = frozenset(
    {
        "billing-prove-receipt",
        "billing-send-cdr",
        "command-send",
        "command-tell-result",
        "delivery-send",
        "feed-drain",
        "handshake-answer-registration",
        "handshake-discover",
        "handshake-exchange-credentials",
        "handshake-prove",
        "handshake-refresh-roles",
        "handshake-unregister",
        "resync-pull-page",
        "session-look",
        "webhook-deliver",
    }
)
"""Activities that wait for somebody outside."""

_SOMEBODY_WAITS = frozenset({"command-send", "command-tell-result", "handshake-answer-registration"})
"""A driver at a charge point, or a partner on the line: they are not queued up behind pages of lists."""

_SETTLES = "settlement-"
_KEY_MAX = 64
"""Bytes that a fairness key may have."""


def queue_of(activity: str) -> Queue:
    """Where an activity of this name waits for a worker."""
    if activity in CALLS_OUT:
        return Queue.PARTNERS
    return Queue.SETTLEMENT if activity.startswith(_SETTLES) else Queue.CORE


def priority_of(activity: str, connection_id: str | None, workflow_id: str) -> Priority:
    """Its turn among what waits: partners in rotation. What is about no partner is in rotation by itself."""
    if activity not in CALLS_OUT:
        return Priority.default
    about = workflow_id if connection_id is None or activity.startswith("webhook-") else connection_id
    return Priority(priority_key=1 if activity in _SOMEBODY_WAITS else None, fairness_key=about[:_KEY_MAX])


class QueuesByKind(Interceptor):
    """Put into every worker that runs workflows: sends each activity to its queue."""

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002  Temporal's names
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002  Temporal's name
        info = workflow.info()
        if input.task_queue is None:
            input.task_queue = queue_of(input.activity).named(info.task_queue)
        if input.priority == Priority.default:
            connection_id = info.typed_search_attributes.get(CONNECTION)
            input.priority = priority_of(input.activity, connection_id, info.workflow_id)
        return super().start_activity(input)
