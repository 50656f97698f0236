"""Bring one CDR to one partner and prove that it holds it.

An attempt is repeated for as long as the agreement with the partner says. What no repeat mends waits here without a
timer: for a person, for the partner to be reachable again, or for the CDR that goes before; whoever ends the wait says
`wake`, and the sweep says it where that was lost. What is true stands in the store; an attempt begins by looking there.
"""

from dataclasses import dataclass
from typing import Final, Self

from temporalio import workflow
from temporalio.exceptions import ActivityError, CancelledError

with workflow.unsafe.imports_passed_through():
    from activities.billing import CdrRef
    from activities.delivery import DeliveryActivities, Dispatch, Standing
    from workflows import patience
    from workflows.earlier import cdr_delivery as earlier
    from workflows.reasons import reason_of
    from workflows.search_attributes import tell

REVISION: Final = 2
"""Which story a new delivery is told by: 1 is that of `workflows.earlier.cdr_delivery`."""

_RESTING: Final = frozenset({"HELD", "WAITING_FOR_ITS_TURN", "PARKED"})


@dataclass(frozen=True)
class DeliveryOrder:
    """`revision`: by which story it is delivered. What an earlier release began is told as it was begun."""

    cdr_key: str
    connection_id: str
    revision: int = 1

    @classmethod
    def current(cls, cdr_key: str, connection_id: str) -> Self:
        return cls(cdr_key, connection_id, REVISION)


@workflow.defn(name="CdrDelivery")
class CdrDelivery:
    """Ends with `PROVED`, `DELIVERED` (it could not be read back), `DIFFERENT`, `ABANDONED` or `REPLACED`."""

    @workflow.init
    def __init__(self, order: DeliveryOrder) -> None:
        self._cdr = CdrRef(order.cdr_key, order.connection_id)
        self._resting = self._rested = False
        self._woken = False
        self.released = False
        self.abandoned = False

    @workflow.run
    async def run(self, order: DeliveryOrder) -> str:
        if order.revision < REVISION:
            return await earlier.deliver(self._cdr, self)
        while True:
            if self.released or not self._rested:
                tell("SENDING", "the partner's receipt, and its proof")
            stands = await self._attempted()
            self._resting = stands.state in _RESTING
            tell(stands.state, stands.text, stands.next_action, attention=stands.attention)
            if not self._resting:
                return stands.state
            await workflow.wait_condition(lambda: self._woken or self.released or self.abandoned)
            self._resting, self._rested = False, True
            if workflow.info().is_continue_as_new_suggested() and not (self.released or self.abandoned):
                workflow.continue_as_new(order)

    async def _attempted(self) -> Standing:
        """Where it stands after as many attempts as it takes. A person who decides meanwhile is not kept waiting."""
        if self.abandoned:
            return await self._given_up()
        released, self.released, self._woken = self.released, False, False
        attempts = workflow.start_activity_method(
            DeliveryActivities.deliver,
            Dispatch(self._cdr.cdr_key, self._cdr.connection_id, released),
            start_to_close_timeout=patience.DELIVERY_TIMEOUT,
            heartbeat_timeout=patience.PARTNER_SILENCE,
            retry_policy=patience.UNTIL_IT_WORKS,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary="POST the CDR, GET it back and compare",
        )
        await workflow.wait_condition(lambda: attempts.done() or self.released or self.abandoned)
        if not attempts.done():
            attempts.cancel()
        try:
            return await attempts
        except ActivityError as failure:
            if isinstance(failure.cause, CancelledError):
                return await self._attempted()
            text = f"somebody to mend what keeps us from sending it: {reason_of(failure)}"
            return Standing("PARKED", text, "mend it and release the delivery", attention=True)

    async def _given_up(self) -> Standing:
        return await workflow.execute_activity_method(
            DeliveryActivities.abandon,
            self._cdr,
            start_to_close_timeout=patience.STORE_TIMEOUT,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="note that nobody tries any more",
        )

    @workflow.signal
    def wake(self) -> None:
        """Something has changed that it may have waited for: look again. While it is sent that is no news."""
        self._woken = True

    @workflow.signal
    def release(self) -> None:
        """Send it again, and now."""
        self.released = True

    @workflow.signal
    def abandon(self) -> None:
        """Stop trying: the CDR is settled outside OCPI."""
        self.abandoned = True

    @workflow.update
    def release_now(self) -> None:
        """Send it again, and now: also what was put aside, or waits for its next attempt."""
        self.released = True

    @release_now.validator
    def _may_be_released(self) -> None:
        self._check_open()

    @workflow.update
    def abandon_now(self) -> None:
        """Stop trying: the CDR is settled outside OCPI."""
        self.abandoned = True

    @abandon_now.validator
    def _may_be_abandoned(self) -> None:
        self._check_open()

    @workflow.update
    def corrected(self) -> None:
        """Another CDR was made in its place: the store says so, and the delivery ends."""
        self._woken = True

    @corrected.validator
    def _may_be_corrected(self) -> None:
        self._check_open()
        if not self._resting:
            raise ValueError("it is being sent: the partner may take it any moment")

    def _check_open(self) -> None:
        if self.abandoned:
            raise ValueError("its delivery was abandoned already")
