"""Bring one CDR to one partner and prove that it holds it.

The POST is repeated for as long as the contract says; the receiver answers a repeat like the first one. A refusal
is not repeated: the delivery is parked with the reason until a person releases or abandons it.
"""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.billing import BillingActivities, CdrRef
    from workflows import patience
    from workflows.search_attributes import tell


@dataclass(frozen=True)
class DeliveryOrder:
    cdr_key: str
    connection_id: str


@workflow.defn(name="CdrDelivery")
class CdrDelivery:
    """Ends with `PROVED`, `DELIVERED` (receipt could not be read back), `DIFFERENT` or `ABANDONED`."""

    @workflow.init
    def __init__(self, order: DeliveryOrder) -> None:
        self._cdr = CdrRef(order.cdr_key, order.connection_id)
        self._released = False
        self._abandoned = False

    @workflow.run
    async def run(self, order: DeliveryOrder) -> str:
        while not await self._sent():
            await workflow.wait_condition(lambda: self._released or self._abandoned)
            if self._abandoned:
                tell("ABANDONED", "nobody", "settle the CDR outside OCPI", attention=True)
                return "ABANDONED"
            self._released = False
        tell("PROVING", "the partner's copy of the CDR")
        try:
            proof = await workflow.execute_activity_method(
                BillingActivities.prove_receipt,
                self._cdr,
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                retry_policy=patience.UNTIL_IT_WORKS,
                schedule_to_close_timeout=patience.DELIVERY_PERIOD,
                summary="GET the CDR back and compare",
            )
        except ActivityError as failure:
            tell("DELIVERED", f"nothing; its copy could not be read back: {failure.cause or failure}")
            return "DELIVERED"
        different = proof == "DIFFERENT"
        tell(proof, "nothing", "see the open case" if different else "nothing to do", attention=different)
        return proof

    async def _sent(self) -> bool:
        tell("SENDING", "the partner's receipt")
        try:
            await workflow.execute_activity_method(
                BillingActivities.send_cdr,
                self._cdr,
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                schedule_to_close_timeout=patience.DELIVERY_PERIOD,
                retry_policy=patience.UNTIL_IT_WORKS,
                summary="POST the CDR",
            )
        except ActivityError as failure:
            tell(
                "PARKED",
                f"a decision; the partner refused it: {failure.cause or failure}",
                "correct the cause and signal `release`, or signal `abandon`",
                attention=True,
            )
            return False
        return True

    @workflow.signal
    def release(self) -> None:
        """Send it again."""
        self._released = True

    @workflow.signal
    def abandon(self) -> None:
        """Stop trying: the CDR is settled outside OCPI."""
        self._abandoned = True
