"""Settle one month with one partner whose sessions we billed: claim, hear the other side, approve, invoice.

Finance starts it with `roam settle`, over HTTP, or in the Temporal UI with
`{"connection_id": "…", "month": "2026-03"}`.
"""

from dataclasses import dataclass
from enum import StrEnum

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.settlement import Claim, InvoiceOrder, SettlementActivities
    from workflows import patience
    from workflows.search_attributes import tell


class CycleState(StrEnum):
    CLAIMING = "CLAIMING"
    AWAITING_PARTNER = "AWAITING_PARTNER"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    INVOICING = "INVOICING"
    INVOICED = "INVOICED"
    NOTHING_AGREED = "NOTHING_AGREED"
    NOTHING_TO_CLAIM = "NOTHING_TO_CLAIM"


@dataclass(frozen=True)
class CycleOrder:
    connection_id: str
    month: str


@dataclass(frozen=True)
class CycleResult:
    state: CycleState
    statement_id: str | None = None
    invoice_number: str | None = None


@workflow.defn(name="SettlementCycle")
class SettlementCycle:
    @workflow.init
    def __init__(self, order: CycleOrder) -> None:
        self._order = order
        self._state = CycleState.CLAIMING
        self._reported = False
        self._approved_by: str | None = None

    @workflow.run
    async def run(self, order: CycleOrder) -> CycleResult:
        tell(CycleState.CLAIMING, "the statement of the month's CDRs")
        claim = Claim(order.connection_id, order.month)
        statement = await workflow.execute_activity_method(
            SettlementActivities.claim,
            claim,
            start_to_close_timeout=patience.PARTNER_TIMEOUT,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary=f"put the CDRs of {order.month} on a statement",
        )
        if statement.statement_id is None:
            self._enter(CycleState.NOTHING_TO_CLAIM, "nothing: no CDR to claim in this month")
            return CycleResult(self._state)
        if statement.invoice_number is not None:
            self._enter(CycleState.INVOICED, f"nothing: invoice {statement.invoice_number} was issued before")
            return CycleResult(self._state, statement.statement_id, statement.invoice_number)
        self._enter(
            CycleState.AWAITING_PARTNER,
            f"the partner's report on statement {statement.statement_id} ({statement.text})",
            "hand the statement to the partner; its report comes by POST …/report",
        )
        await workflow.wait_condition(lambda: self._reported)
        exceptions = await workflow.execute_activity_method(
            SettlementActivities.assess,
            claim,
            start_to_close_timeout=patience.STORE_TIMEOUT,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="name the exceptions",
        )
        if exceptions.agreed == 0:
            self._enter(CycleState.NOTHING_AGREED, f"nothing: {exceptions.text}", "see the open cases", attention=True)
            return CycleResult(self._state, statement.statement_id)
        self._enter(
            CycleState.AWAITING_APPROVAL,
            f"approval by finance: {exceptions.text}",
            "`roam approve`, or the update `approve` with your name",
            attention=True,
        )
        number = await self._approved_and_invoiced(order)
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._enter(CycleState.INVOICED, f"nothing: invoice {number} is issued")
        return CycleResult(self._state, statement.statement_id, number)

    async def _approved_and_invoiced(self, order: CycleOrder) -> str:
        """Back to approval when the invoice cannot be made: a person sees the reason, and approves again."""
        while True:
            await workflow.wait_condition(lambda: self._approved_by is not None)
            self._enter(CycleState.INVOICING, "the invoice")
            try:
                return await workflow.execute_activity_method(
                    SettlementActivities.invoice,
                    InvoiceOrder(order.connection_id, order.month, approved_by=str(self._approved_by)),
                    start_to_close_timeout=patience.PARTNER_TIMEOUT,
                    retry_policy=patience.UNTIL_IT_WORKS,
                    summary="number, compose, post and render the invoice",
                )
            except ActivityError as failure:
                self._approved_by = None
                self._enter(
                    CycleState.AWAITING_APPROVAL,
                    f"approval by finance; the invoice could not be made: {failure.cause or failure}",
                    "correct the cause and approve again",
                    attention=True,
                )

    def _enter(
        self,
        state: CycleState,
        waiting_for: str,
        next_action: str = "nothing to do",
        *,
        attention: bool = False,
    ) -> None:
        self._state = state
        tell(state, waiting_for, next_action, attention=attention)

    @workflow.signal
    def report_received(self) -> None:
        """The partner's reconciliation report is in the store."""
        self._reported = True

    @workflow.update
    async def approve(self, approved_by: str) -> str:
        """A person of finance lets the invoice go out without the exceptions. Returns the state."""
        self._approved_by = self._approved_by or approved_by
        return self._state

    @approve.validator
    def _may_approve(self, approved_by: str) -> None:
        if not approved_by.strip():
            raise ApplicationError("say who approves", type="ApprovalRefused")
        if self._state is not CycleState.AWAITING_APPROVAL:
            raise ApplicationError(f"not now: the cycle is {self._state}", type="ApprovalRefused")

    @workflow.query
    def state(self) -> str:
        return self._state
