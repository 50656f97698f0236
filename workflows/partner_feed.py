"""Tell one partner what has changed, in order, for as long as the connection lives.

The outbox in the store says what is to be told; a signal says only that there is something. While the partner is
down the outbox fills and coalesces: when it is back it hears the latest state of each object, once.
"""

from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.partner_feed import FeedActivities
    from workflows import patience
    from workflows.search_attributes import tell


@dataclass(frozen=True)
class FeedOrder:
    connection_id: str


@workflow.defn(name="PartnerFeed")
class PartnerFeed:
    @workflow.init
    def __init__(self, order: FeedOrder) -> None:
        self._connection_id = order.connection_id
        self._woken = True

    @workflow.run
    async def run(self, order: FeedOrder) -> None:
        tell("IDLE", "a change that the partner has to hear of")
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.wait_condition(lambda: self._woken)
            self._woken = False
            await self._drain()
        workflow.continue_as_new(order)

    async def _drain(self) -> None:
        waiting = 1
        while waiting:
            waiting = await workflow.execute_activity_method(
                FeedActivities.drain,
                self._connection_id,
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                retry_policy=patience.UNTIL_IT_WORKS,
                summary="push what is in the outbox",
            )

    @workflow.signal
    def wake(self) -> None:
        """Something was put into the outbox."""
        self._woken = True
