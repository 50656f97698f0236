"""The story of a charging session at revision 1: it waited for the delivery of its CDR, and kept its own deadline."""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.billing import BillingActivities, CdrRef, SessionRef
    from canonical.partner import Side
    from canonical.session import SessionStatus
    from workflows import ids, patience
    from workflows.cdr_delivery import CdrDelivery, DeliveryOrder
    from workflows.search_attributes import at_start, tell


@dataclass
class Heard:
    """What a session's workflow has been told so far."""

    status: SessionStatus | None = None
    cdr_key: str | None = None

    def has_ended(self) -> bool:
        return self.status is not None and self.status.is_final


async def told_as_before(session_key: str, connection_id: str, side: Side, heard: Heard) -> str:
    if side is Side.CPO:
        return await _as_cpo(SessionRef(session_key, connection_id), heard)
    return await _as_emsp(connection_id, heard)


async def _as_cpo(session: SessionRef, heard: Heard) -> str:
    tell("RUNNING", "the charging backend to end the session")
    await workflow.wait_condition(heard.has_ended)
    if heard.status is SessionStatus.INVALID:
        return _closed("INVALID", "the session was declared invalid")
    tell("BILLING", "the CDR")
    billed = await workflow.execute_activity_method(
        BillingActivities.generate_cdr,
        session,
        start_to_close_timeout=patience.STORE_TIMEOUT,
        retry_policy=patience.UNTIL_IT_WORKS,
        summary="generate the CDR",
    )
    if billed.cdr_key is None:
        return _closed("NOT_BILLED", billed.reason, attention=billed.needs_person)
    tell("DELIVERING", f"the partner's receipt for CDR {billed.cdr_key}")
    try:
        await workflow.execute_child_workflow(
            CdrDelivery.run,
            DeliveryOrder(billed.cdr_key, session.connection_id),
            id=ids.cdr_delivery(session.connection_id, billed.cdr_key),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            search_attributes=at_start(session.connection_id, billed.cdr_key),
            static_summary=f"Deliver CDR {billed.cdr_key} to {session.connection_id}",
        )
    except WorkflowAlreadyStartedError:
        return _closed("CLOSED", f"CDR {billed.cdr_key} is being delivered already")
    return _closed("CLOSED", f"CDR {billed.cdr_key} delivered")


async def _as_emsp(connection_id: str, heard: Heard) -> str:
    tell("RUNNING", "the operator to say that the session has ended")
    await workflow.wait_condition(lambda: heard.has_ended() or heard.cdr_key is not None)
    if heard.status is SessionStatus.INVALID:
        return _closed("INVALID", "the operator declared the session invalid")
    tell("AWAITING_CDR", "the operator's CDR")
    try:
        await workflow.wait_condition(lambda: heard.cdr_key is not None, timeout=patience.CDR_EXPECTED_WITHIN)
    except TimeoutError:
        tell("CDR_OVERDUE", "the operator's CDR, which is late", "ask the operator for it", attention=True)
        await workflow.wait_condition(lambda: heard.cdr_key is not None)
    tell("CHECKING", f"the check of CDR {heard.cdr_key}")
    verdict = await workflow.execute_activity_method(
        BillingActivities.check_cdr,
        CdrRef(str(heard.cdr_key), connection_id),
        start_to_close_timeout=patience.STORE_TIMEOUT,
        retry_policy=patience.UNTIL_IT_WORKS,
        summary="price the CDR again and compare",
    )
    return _closed(verdict.state, verdict.text, attention=verdict.needs_person)


def _closed(state: str, text: str, *, attention: bool = False) -> str:
    tell(state, text, "see the open case" if attention else "nothing to do", attention=attention)
    return f"{state}: {text}"
