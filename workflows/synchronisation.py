"""Pull everything that a partner owns, one module after the other: what changed, or all of it.

Schedules start it, one for each connection and kind (`workflows.schedules`). A module that fails does not keep the
others from being pulled; one that is being pulled already is not pulled twice.
"""

import contextlib
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.handshake import HandshakeActivities
    from activities.schedules import ScheduleActivities
    from adapters.contract import Module
    from workflows import ids, patience, runs
    from workflows.resync import Resync, ResyncOrder
    from workflows.search_attributes import at_start, tell

_TURN_AFTER = timedelta(minutes=5)
_TURNS = 12
"""A full sweep waits an hour for another pull of the same list to end; a delta leaves it to the next one."""


@dataclass(frozen=True)
class SynchronisationOrder:
    connection_id: str
    delta: bool = True


@workflow.defn(name="Synchronisation")
class Synchronisation:
    """Ends with what came of each module."""

    @workflow.run
    async def run(self, order: SynchronisationOrder) -> dict[str, str]:
        tell("BEGINNING", "our own store")
        modules = await workflow.execute_activity_method(
            ScheduleActivities.due,
            order.connection_id,
            start_to_close_timeout=patience.STORE_TIMEOUT,
            summary="which modules are to be pulled",
        )
        if not order.delta and Module.HUB_CLIENT_INFO in modules:
            await self._ask_whom_the_hub_reaches(order)
        outcomes: dict[str, str] = {}
        for module in modules:
            tell("PULLING", f"{module} of the partner")
            outcomes[module] = await self._pull(order, module)
        failed = [module for module, outcome in outcomes.items() if outcome.startswith("failed")]
        if failed:
            tell("SYNCHRONISED_IN_PART", "the next time by plan", f"see {', '.join(failed)}", attention=True)
        else:
            tell("SYNCHRONISED", "the next time by plan")
        return outcomes

    async def _ask_whom_the_hub_reaches(self, order: SynchronisationOrder) -> None:
        """A hub's parties come and go in its credentials, and nobody is told of each (OCPI 2.3.0)."""
        tell("ASKING", "whom the hub speaks for")
        with contextlib.suppress(ActivityError):  # those of the last time stay
            await workflow.execute_activity_method(
                HandshakeActivities.refresh_roles,
                order.connection_id,
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                retry_policy=patience.ONCE,
                summary="GET the hub's credentials",
            )

    async def _pull(self, order: SynchronisationOrder, module: str) -> str:
        for _ in range(1 if order.delta else _TURNS):
            try:
                pulled = await workflow.execute_child_workflow(
                    Resync.run,
                    ResyncOrder(order.connection_id, module, delta=order.delta, events_max=runs.EVENTS_OF_A_RUN),
                    id=ids.resync(order.connection_id, module),
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    search_attributes=at_start(order.connection_id, module),
                    static_summary=f"Pull {'changes' if order.delta else 'all'} of {module} from {order.connection_id}",
                )
            except WorkflowAlreadyStartedError:
                if not order.delta:
                    await workflow.sleep(_TURN_AFTER)
            except ChildWorkflowError as failure:
                return f"failed: {failure.cause or failure}"
            else:
                return f"{pulled} pulled"
        return "being pulled already"
