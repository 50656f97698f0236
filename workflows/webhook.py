"""Tell one of the operator's own systems of events, in order, for as long as its webhook is there.

The store says what waits and how far it has got; a signal says only that there may be something. While the receiver
is down it is tried again and again, and after days it is paused until a person resumes it. Each webhook has a process
of its own, so that a dead one delays no other.
"""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.webhooks import Delivered, WebhookActivities
    from workflows import patience, runs
    from workflows.search_attributes import tell


@dataclass(frozen=True)
class WebhookOrder:
    """`events_max`: when a run is left behind."""

    webhook_id: str
    events_max: int | None = None


@workflow.defn(name="WebhookDelivery")
class WebhookDelivery:
    """Ends when the webhook was removed."""

    @workflow.init
    def __init__(self, order: WebhookOrder) -> None:
        self._webhook_id = order.webhook_id
        self._woken = True
        self._state = ""

    @workflow.run
    async def run(self, order: WebhookOrder) -> None:
        while not runs.is_long(order.events_max):
            await workflow.wait_condition(lambda: self._woken)
            self._woken = False
            if not await self._delivered():
                return
        runs.begin_anew(WebhookOrder(order.webhook_id, order.events_max or runs.EVENTS_OF_A_RUN))

    async def _delivered(self) -> bool:
        """False when there is no such webhook any more."""
        try:
            outcome = await self._deliver()
        except ActivityError as failure:
            await workflow.execute_activity_method(
                WebhookActivities.pause,
                self._webhook_id,
                start_to_close_timeout=patience.STORE_TIMEOUT,
                retry_policy=patience.UNTIL_IT_WORKS,
                summary="send nothing more until it is resumed",
            )
            self._enter(
                "PAUSED",
                f"the receiver; it has not taken an event for days: {failure.cause or failure}",
                "see to the receiver, then resume the webhook: `POST /webhooks/{id}/resume`",
                attention=True,
            )
            return True
        if not outcome.exists:
            self._enter("REMOVED", "nothing")
        elif outcome.paused:
            self._enter("PAUSED", "a person to resume it", "`POST /webhooks/{id}/resume`", attention=True)
        else:
            self._enter("IDLE", "an event to tell of")
            self._woken = self._woken or outcome.more
        return outcome.exists

    async def _deliver(self) -> Delivered:
        return await workflow.execute_activity_method(
            WebhookActivities.deliver,
            self._webhook_id,
            start_to_close_timeout=patience.WEBHOOK_TIMEOUT,
            heartbeat_timeout=patience.PARTNER_SILENCE,
            schedule_to_close_timeout=patience.WEBHOOK_PERIOD,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="send what waits",
        )

    def _enter(
        self, state: str, waiting_for: str, next_action: str = "nothing to do", *, attention: bool = False
    ) -> None:
        """Said on a change only: a busy webhook would fill its history with it."""
        if state != self._state:
            self._state = state
            tell(state, waiting_for, next_action, attention=attention)

    @workflow.signal
    def wake(self) -> None:
        """Events may be waiting, or a person resumed or removed the webhook."""
        self._woken = True
