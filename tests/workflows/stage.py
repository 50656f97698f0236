"""A stage for workflows: the real server, the real codec and ids, and activities whose outcomes a test writes down."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, cast

from temporalio import activity
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

import workflows
from activities import all_activities
from activities.resources import Resources
from activities.sweep import Wake
from workflows.search_attributes import ATTENTION, STATE
from workflows.signals import TemporalSignals

T = TypeVar("T")
Outcome = Any
"""A value to return, an exception to raise, or a coroutine function of the input."""

PATIENCE_S = 15.0


def refusal(text: str, kind: str = "PartnerRejected") -> ApplicationError:
    """A failure that repeating cannot cure, as `activities.failures` tells it."""
    return ApplicationError(text, type=kind, non_retryable=True)


@dataclass
class Script:
    """What each activity does, in turn; its last outcome stays. What was not written down fails for good."""

    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    calls: list[tuple[str, object]] = field(default_factory=list)

    def on(self, what: Callable[..., Any], *outcomes: Outcome) -> "Script":
        self.outcomes[_name(what)] = list(outcomes)
        return self

    def inputs(self, what: Callable[..., Any]) -> list[Any]:
        return [argument for name, argument in self.calls if name == _name(what)]

    def activities(self) -> list[Callable[..., Awaitable[object]]]:
        """One stand-in for each activity that a worker serves, with its name and the type of its input."""
        real = all_activities(cast(Resources, None), cast(Wake, None))
        return [self._stand_in(method) for method in real]

    def _stand_in(self, real: Callable[..., object]) -> Callable[..., Awaitable[object]]:
        definition = activity._Definition.must_from_callable(real)
        name = _name(real)

        async def play(*arguments: object) -> object:
            argument = arguments[0] if arguments else None
            self.calls.append((name, argument))
            planned = self.outcomes.get(name)
            if not planned:
                raise refusal(f"nothing is written down for {name}")
            outcome = planned.pop(0) if len(planned) > 1 else planned[0]
            if isinstance(outcome, BaseException):
                raise outcome
            if asyncio.iscoroutinefunction(outcome):
                return await outcome(argument)
            return outcome

        if definition.arg_types:

            async def one(argument: object) -> object:
                return await play(argument)

            one.__annotations__["argument"] = definition.arg_types[0]
            return activity.defn(name=name)(one)

        async def none() -> object:
            return await play()

        return activity.defn(name=name)(none)


def _name(what: Callable[..., Any]) -> str:
    definition = activity._Definition.must_from_callable(what)
    assert definition.name is not None
    return definition.name


@dataclass(frozen=True)
class Stage:
    client: Client
    script: Script
    signals: TemporalSignals
    connection_id: str

    def handle(self, workflow_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id)

    async def result(self, workflow_id: str, kind: type[T] | None = None) -> T:
        handle = self.client.get_workflow_handle(workflow_id, result_type=kind)
        async with asyncio.timeout(PATIENCE_S):
            return await handle.result()

    async def state(self, workflow_id: str) -> tuple[str | None, bool | None]:
        """State and attention, as the list in the Temporal UI has them."""
        found = (await self.handle(workflow_id).describe()).typed_search_attributes
        return found.get(STATE), found.get(ATTENTION)

    async def reaches(self, workflow_id: str, state: str, *, attention: bool | None = None) -> None:
        """Waits until the workflow says that it is in this state."""
        said: list[object] = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (found := await self._state_so_far(workflow_id))[0] != state:
                    if found not in said:
                        said.append(found)
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{workflow_id} never reached {state}; it was in {said}") from None
        if attention is not None:
            assert found[1] is attention

    async def _state_so_far(self, workflow_id: str) -> tuple[str | None, bool | None]:
        try:
            return await self.state(workflow_id)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # it may start any moment
                raise
            return None, None

    async def details(self, workflow_id: str) -> str:
        """What the Temporal UI shows a person on the workflow's page."""
        handle = self.handle(workflow_id)
        metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        return str(metadata.current_details)

    async def status(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        return (await self.handle(workflow_id).describe()).status


@asynccontextmanager
async def staged(client: Client, connection_id: str) -> AsyncIterator[Stage]:
    """A stage with a worker and a task queue of its own."""
    script = Script()
    queue = f"queue-{connection_id}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=workflows.ALL,
        activities=script.activities(),
        graceful_shutdown_timeout=timedelta(0),
    ):
        yield Stage(client, script, TemporalSignals(client, queue), connection_id)


async def eventually(check: Callable[[], bool], what: str = "it", within_s: float = PATIENCE_S) -> None:
    """Waits until the check holds."""
    try:
        async with asyncio.timeout(within_s):
            while not check():  # noqa: ASYNC110  a test has no event for it
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what} did not come about within {within_s} s") from None
