"""Tell one partner what has changed, in order, for as long as the connection lives.

The outbox in the store says what is to be told; a signal says only that there is something. While the partner is
down the outbox fills and coalesces: when it is back it hears the latest state of each object, once.
"""

from dataclasses import dataclass, replace

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.partner_feed import FeedActivities
    from workflows import patience, runs
    from workflows.reasons import reason_of
    from workflows.search_attributes import tell


_IDLE = ("IDLE", "a change that the partner has to hear of")


@dataclass(frozen=True)
class FeedOrder:
    """`events_max`: when a run is left behind. `stuck`: how the run before ended."""

    connection_id: str
    events_max: int | None = None
    stuck: bool = False


@workflow.defn(name="PartnerFeed")
class PartnerFeed:
    @workflow.init
    def __init__(self, order: FeedOrder) -> None:
        self._connection_id = order.connection_id
        self._woken = True
        self._stuck = order.stuck

    @workflow.run
    async def run(self, order: FeedOrder) -> None:
        if not self._stuck:
            tell(*_IDLE)
        while not runs.is_long(order.events_max):
            await workflow.wait_condition(lambda: self._woken)
            self._woken = False
            try:
                await self._drain(order.events_max)
            except ActivityError as failure:
                self._stuck = True
                tell(
                    "STUCK",
                    f"the partner to take what is in the outbox: {reason_of(failure)}",
                    "see to the connection; it is tried again at the next change or sweep",
                    attention=True,
                )
            else:
                if self._stuck:
                    tell(*_IDLE)
                self._stuck = False
        runs.begin_anew(replace(order, events_max=order.events_max or runs.EVENTS_OF_A_RUN, stuck=self._stuck))

    async def _drain(self, events_max: int | None) -> None:
        """Until nothing waits, or until a new run is due, which begins with a drain of its own."""
        waiting = 1
        while waiting:
            waiting = await workflow.execute_activity_method(
                FeedActivities.drain,
                self._connection_id,
                start_to_close_timeout=patience.FEED_SHIFT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                schedule_to_close_timeout=patience.FEED_PERIOD,
                retry_policy=patience.WHILE_SOMEBODY_WAITS,
                summary="push what is in the outbox",
            )
            if events_max is not None and runs.is_long(events_max):
                return

    @workflow.signal
    def wake(self) -> None:
        """Something was put into the outbox."""
        self._woken = True
