"""When each partner's lists are pulled: two Temporal schedules for each connection, a delta and a full sweep.

What is wanted follows from the state of the connection alone, so that arranging it again does no harm: connected,
they run; suspended, they are paused; unregistered, they are gone. A schedule that a person paused stays paused.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from canonical.partner import LinkState
from workflows import ids
from workflows.contract import CannotTell
from workflows.search_attributes import at_start
from workflows.synchronisation import Synchronisation, SynchronisationOrder

SUSPENDED_NOTE = "paused: the connection is suspended"

_PROMPT = timedelta(seconds=4)
_JITTER_SHARE = 4
"""A run begins up to a quarter of its period late, so that not all partners are called at once."""


@dataclass(frozen=True)
class Periods:
    """How often changes are pulled, and how often everything is."""

    delta: timedelta = timedelta(minutes=15)
    sweep: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class PartnerSchedules:
    """The schedules of all connections of one deployment."""

    client: Client
    task_queue: str
    periods: Periods

    async def arrange(self, connection_id: str, state: LinkState) -> None:
        """Make the schedules of a connection what its state asks for. Raises CannotTell."""
        try:
            for schedule_id, schedule in self._wanted(connection_id):
                handle = self.client.get_schedule_handle(schedule_id)
                if state is LinkState.CONNECTED:
                    await self._run(handle, schedule)
                elif state is LinkState.SUSPENDED:
                    with _gone_is_fine():
                        await handle.pause(note=SUSPENDED_NOTE, rpc_timeout=_PROMPT)
                elif state is LinkState.UNREGISTERED:
                    with _gone_is_fine():
                        await handle.delete(rpc_timeout=_PROMPT)
        except RPCError as error:
            raise CannotTell(f"Temporal did not take the schedules of {connection_id}: {error.message}") from error

    async def _run(self, handle: ScheduleHandle, schedule: Schedule) -> None:
        try:
            await self.client.create_schedule(handle.id, schedule, rpc_timeout=_PROMPT)
        except ScheduleAlreadyRunningError:
            found = await handle.describe(rpc_timeout=_PROMPT)
            if _differs(found, schedule):

                def renewed(there: ScheduleUpdateInput) -> ScheduleUpdate:
                    return ScheduleUpdate(_with_state_of(there.description, schedule))

                await handle.update(renewed, rpc_timeout=_PROMPT)

    def _wanted(self, connection_id: str) -> Iterator[tuple[str, Schedule]]:
        for delta, every in ((True, self.periods.delta), (False, self.periods.sweep)):
            schedule_id = ids.synchronisation(connection_id, delta=delta)
            yield (
                schedule_id,
                Schedule(
                    action=ScheduleActionStartWorkflow(
                        Synchronisation.run,
                        SynchronisationOrder(connection_id, delta),
                        id=schedule_id,
                        task_queue=self.task_queue,
                        typed_search_attributes=at_start(connection_id, "synchronisation"),
                        static_summary=f"Pull {'changes' if delta else 'everything'} from {connection_id}",
                    ),
                    spec=ScheduleSpec(
                        intervals=[ScheduleIntervalSpec(every=every)],
                        jitter=every / _JITTER_SHARE,
                        time_zone_name="UTC",
                    ),
                    policy=SchedulePolicy(
                        overlap=ScheduleOverlapPolicy.SKIP, catchup_window=max(every, timedelta(minutes=1))
                    ),
                ),
            )


def _differs(found: ScheduleDescription, wanted: Schedule) -> bool:
    """Whether it has another rhythm than wanted, or was paused while the connection was suspended."""
    there = found.schedule
    paused_by_us = there.state.paused and there.state.note == SUSPENDED_NOTE
    return paused_by_us or [i.every for i in there.spec.intervals] != [i.every for i in wanted.spec.intervals]


def _with_state_of(found: ScheduleDescription, wanted: Schedule) -> Schedule:
    """The wanted schedule, paused if a person paused it."""
    state = found.schedule.state
    if state.note == SUSPENDED_NOTE:
        state = ScheduleState(note="the connection is connected again")
    wanted.state = state
    return wanted


@contextlib.contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
