"""One charging session, from its start to a CDR that both sides hold; the same workflow on either side.

Meter values go to the store and never here: only a change of state does. As the CPO we make the CDR once, when the
session has ended, and see it delivered. As the eMSP we wait for the CDR and check it.
"""

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


@dataclass(frozen=True)
class SessionOrder:
    """`session_key` is the folded `DE*ABC/ID`."""

    session_key: str
    connection_id: str
    side: Side


@workflow.defn(name="ChargingSession")
class ChargingSession:
    """Ends with a word on how it was closed."""

    @workflow.init
    def __init__(self, order: SessionOrder) -> None:
        self._status: SessionStatus | None = None
        self._cdr_key: str | None = None

    @workflow.run
    async def run(self, order: SessionOrder) -> str:
        if order.side is Side.CPO:
            return await self._as_cpo(order)
        return await self._as_emsp(order)

    async def _as_cpo(self, order: SessionOrder) -> str:
        await self._until_it_ends("the charging backend")
        if self._status is SessionStatus.INVALID:
            return self._closed("INVALID", "the session was declared invalid")
        tell("BILLING", "the CDR")
        billed = await workflow.execute_activity_method(
            BillingActivities.generate_cdr,
            SessionRef(order.session_key, order.connection_id),
            start_to_close_timeout=patience.STORE_TIMEOUT,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="generate the CDR",
        )
        if billed.cdr_key is None:
            return self._closed("NOT_BILLED", billed.reason, attention=billed.needs_person)
        tell("DELIVERING", f"the partner's receipt for CDR {billed.cdr_key}")
        try:
            await workflow.execute_child_workflow(
                CdrDelivery.run,
                DeliveryOrder(billed.cdr_key, order.connection_id),
                id=ids.cdr_delivery(order.connection_id, billed.cdr_key),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=at_start(order.connection_id, billed.cdr_key),
                static_summary=f"Deliver CDR {billed.cdr_key} to {order.connection_id}",
            )
        except WorkflowAlreadyStartedError:
            return self._closed("CLOSED", f"CDR {billed.cdr_key} is being delivered already")
        return self._closed("CLOSED", f"CDR {billed.cdr_key} delivered")

    async def _as_emsp(self, order: SessionOrder) -> str:
        tell("RUNNING", "the operator to say that the session has ended")
        await workflow.wait_condition(lambda: self._has_ended() or self._cdr_key is not None)
        if self._status is SessionStatus.INVALID:
            return self._closed("INVALID", "the operator declared the session invalid")
        tell("AWAITING_CDR", "the operator's CDR")
        try:
            await workflow.wait_condition(lambda: self._cdr_key is not None, timeout=patience.CDR_EXPECTED_WITHIN)
        except TimeoutError:
            tell("CDR_OVERDUE", "the operator's CDR, which is late", "ask the operator for it", attention=True)
            await workflow.wait_condition(lambda: self._cdr_key is not None)
        tell("CHECKING", f"the check of CDR {self._cdr_key}")
        verdict = await workflow.execute_activity_method(
            BillingActivities.check_cdr,
            CdrRef(str(self._cdr_key), order.connection_id),
            start_to_close_timeout=patience.STORE_TIMEOUT,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="price the CDR again and compare",
        )
        return self._closed(verdict.state, verdict.text, attention=verdict.needs_person)

    async def _until_it_ends(self, whose: str) -> None:
        tell("RUNNING", f"{whose} to end the session")
        await workflow.wait_condition(self._has_ended)

    def _has_ended(self) -> bool:
        return self._status is not None and self._status.is_final

    def _closed(self, state: str, text: str, *, attention: bool = False) -> str:
        tell(state, text, "see the open case" if attention else "nothing to do", attention=attention)
        return f"{state}: {text}"

    @workflow.signal
    def changed(self, status: SessionStatus) -> None:
        """The session's status is now `status`. A final status is not taken back by a late message."""
        if not self._has_ended():
            self._status = status

    @workflow.signal
    def cdr_received(self, cdr_key: str) -> None:
        """A CDR for this session is in the store. The first one counts; a second one is a case of its own."""
        self._cdr_key = self._cdr_key or cdr_key
