"""The end of a registration that we end (OCPI credentials, DELETE).

The door is shut before this begins: the connection is closed in the store. What is left is to tell the partner, with
the last use of our token, and to destroy the tokens of both directions. A partner that cannot be told for a day is
left without a word: it finds out at its next request.
"""

from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.handshake import HandshakeActivities
    from workflows import patience
    from workflows.search_attributes import tell
    from workflows.steps import NotNow, Steps


@dataclass(frozen=True)
class UnregistrationOrder:
    connection_id: str


@workflow.defn(name="Unregistration")
class Unregistration:
    """Ends with `TOLD`, or with `LEFT_UNTOLD` when the partner could not be told."""

    @workflow.init
    def __init__(self, order: UnregistrationOrder) -> None:
        self._connection_id = order.connection_id
        self._steps = Steps(giving_up="leave without a word")

    @workflow.run
    async def run(self, order: UnregistrationOrder) -> str:
        told = await self._steps.take(
            "TELLING",
            "the partner to hear that we leave",
            self._unregister,
            longest_pause=patience.LEAVING_PAUSE,
            until=workflow.now() + patience.LEAVING_PERIOD,
        )
        if told:
            tell("TOLD", "nothing")
            return "TOLD"
        await workflow.execute_activity_method(
            HandshakeActivities.revoke,
            order.connection_id,
            start_to_close_timeout=patience.STORE_TIMEOUT,
            summary="destroy the tokens of both directions",
        )
        tell("LEFT_UNTOLD", "nothing", "tell the partner that the registration has ended", attention=True)
        return "LEFT_UNTOLD"

    async def _unregister(self) -> None:
        await workflow.execute_activity_method(
            HandshakeActivities.unregister,
            self._connection_id,
            start_to_close_timeout=patience.PARTNER_TIMEOUT,
            heartbeat_timeout=patience.PARTNER_SILENCE,
            retry_policy=patience.ONCE,
            summary="DELETE credentials",
        )

    @workflow.update
    def retry(self) -> None:
        """Try again at once."""
        self._steps.nudge()

    @retry.validator
    def _may_retry(self) -> None:
        if not self._steps.stuck:
            raise NotNow("the partner is being told now")

    @workflow.update
    def give_up_now(self) -> None:
        """End it without the partner."""
        self._steps.give_up()

    @workflow.signal
    def nudge(self) -> None:
        """Try again at once."""
        self._steps.nudge()

    @workflow.signal
    def give_up(self) -> None:
        """End it without the partner."""
        self._steps.give_up()
