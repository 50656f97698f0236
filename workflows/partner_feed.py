"""Tell one partner what has changed, in order, for as long as the connection lives.

The outbox in the store says what is to be told; a signal says only that there is something. While the partner is
down the outbox fills and coalesces: when it is back it hears the latest state of each object, once.
"""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.partner_feed import FeedActivities
    from workflows import patience
    from workflows.search_attributes import tell


_IDLE = ("IDLE", "a change that the partner has to hear of")


@dataclass(frozen=True)
class FeedOrder:
    connection_id: str


@workflow.defn(name="PartnerFeed")
class PartnerFeed:
    @workflow.init
    def __init__(self, order: FeedOrder) -> None:
        self._connection_id = order.connection_id
        self._woken = True
        self._stuck = False

    @workflow.run
    async def run(self, order: FeedOrder) -> None:
        tell(*_IDLE)
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.wait_condition(lambda: self._woken)
            self._woken = False
            try:
                await self._drain()
            except ActivityError as failure:
                self._stuck = True
                tell(
                    "STUCK",
                    f"the partner to take what is in the outbox: {failure.cause or failure}",
                    "see to the connection; it is tried again at the next change or sweep",
                    attention=True,
                )
            else:
                if self._stuck:
                    tell(*_IDLE)
                self._stuck = False
        workflow.continue_as_new(order)

    async def _drain(self) -> None:
        waiting = 1
        while waiting:
            # Bounded: wakes go on meanwhile, and only between two drains can a full history be left behind.
            waiting = await workflow.execute_activity_method(
                FeedActivities.drain,
                self._connection_id,
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                schedule_to_close_timeout=patience.FEED_PERIOD,
                retry_policy=patience.UNTIL_IT_WORKS,
                summary="push what is in the outbox",
            )

    @workflow.signal
    def wake(self) -> None:
        """Something was put into the outbox."""
        self._woken = True
