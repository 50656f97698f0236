"""How the first release delivered a CDR: one activity to send it, another one to read it back."""

from typing import Protocol

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.billing import CdrRef
    from activities.delivery import DeliveryActivities
    from workflows import patience
    from workflows.search_attributes import tell


class Decisions(Protocol):
    """What a person has said so far. A release is taken up once."""

    released: bool
    abandoned: bool


async def deliver(cdr: CdrRef, said: Decisions) -> str:
    """Ends with `PROVED`, `DELIVERED` (receipt could not be read back), `DIFFERENT` or `ABANDONED`."""
    while not await _sent(cdr):
        await workflow.wait_condition(lambda: said.released or said.abandoned)
        if said.abandoned:
            tell("ABANDONED", "nobody", "settle the CDR outside OCPI", attention=True)
            return "ABANDONED"
        said.released = False
    tell("PROVING", "the partner's copy of the CDR")
    try:
        proof = await workflow.execute_activity_method(
            DeliveryActivities.prove_receipt,
            cdr,
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


async def _sent(cdr: CdrRef) -> bool:
    tell("SENDING", "the partner's receipt")
    try:
        await workflow.execute_activity_method(
            DeliveryActivities.send_cdr,
            cdr,
            start_to_close_timeout=patience.PARTNER_TIMEOUT,
            heartbeat_timeout=patience.PARTNER_SILENCE,
            schedule_to_close_timeout=patience.DELIVERY_PERIOD,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="POST the CDR",
        )
    except ActivityError as failure:
        tell(
            "PARKED",
            f"a decision; it was not delivered: {failure.cause or failure}",
            "correct the cause and signal `release`, or signal `abandon`",
            attention=True,
        )
        return False
    return True
