"""One order, from the moment it is given to its last word; the same workflow on either side.

As a provider we send it, once, and wait for the result on the address that we gave out. As an operator we wait for
the word of the charging backend and bring it to the provider. Whoever does not hear in time says TIMEOUT. What was
said is in the store: a signal says only that there is something.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.commands import CommandActivities, CommandRef, GivenUp
    from canonical.command import CommandState
    from workflows import patience
    from workflows.search_attributes import tell


@dataclass(frozen=True)
class CommandOrder:
    """`ours`: we gave it. `wait_s` is how long the charging backend has for a partner's order."""

    command_id: str
    connection_id: str
    ours: bool
    wait_s: float = 0.0


@workflow.defn(name="Command")
class Command:
    """Ends with the outcome, or with `REFUSED`."""

    @workflow.init
    def __init__(self, order: CommandOrder) -> None:
        self._command = CommandRef(order.command_id, order.connection_id)
        self._concluded = False

    @workflow.run
    async def run(self, order: CommandOrder) -> str:
        return await (self._as_provider() if order.ours else self._as_operator(order))

    async def _as_provider(self) -> str:
        tell("SENDING", "the operator's answer")
        asked = await workflow.execute_activity_method(
            CommandActivities.send,
            self._command,
            start_to_close_timeout=patience.PARTNER_TIMEOUT,
            heartbeat_timeout=patience.PARTNER_SILENCE,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="give the order",
        )
        if asked.state == CommandState.REFUSED:
            tell("REFUSED", "nothing: the operator said no, or the order could not be sent")
            return "REFUSED"
        return await self._outcome("the operator's result", asked.wait_s)

    async def _as_operator(self, order: CommandOrder) -> str:
        outcome = await self._outcome("the charging backend's word", order.wait_s)
        tell("TELLING", f"the provider to take the result {outcome}")
        try:
            await workflow.execute_activity_method(
                CommandActivities.tell_result,
                self._command,
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                schedule_to_close_timeout=patience.RESULT_PERIOD,
                retry_policy=patience.WHILE_SOMEBODY_WAITS,
                summary=f"POST the result {outcome}",
            )
        except ActivityError as failure:
            tell("UNTOLD", f"nothing; the provider did not take the result: {failure.cause or failure}")
            await workflow.execute_activity_method(
                CommandActivities.give_up,
                GivenUp(order.command_id, f"the result could not be told: {failure.cause or failure}"),
                start_to_close_timeout=patience.STORE_TIMEOUT,
                retry_policy=patience.UNTIL_IT_WORKS,
                summary="stop trying",
            )
            return outcome
        tell(outcome, "nothing")
        return outcome

    async def _outcome(self, whose: str, wait_s: float) -> str:
        tell("WAITING", f"{whose}, for {wait_s:.0f} s at most")
        try:
            await workflow.wait_condition(lambda: self._concluded, timeout=timedelta(seconds=wait_s))
        except TimeoutError:
            tell("OVERDUE", f"{whose}, which did not come in time")
        outcome = await workflow.execute_activity_method(
            CommandActivities.conclude,
            self._command,
            start_to_close_timeout=patience.STORE_TIMEOUT,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="the result, or TIMEOUT",
        )
        tell(outcome, "nothing")
        return outcome

    @workflow.signal
    def concluded(self) -> None:
        """There is a result in the store, or another word after it."""
        self._concluded = True
