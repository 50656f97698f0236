"""Check a partner's statement against the CDRs that we hold, answer it, and book the invoice that follows."""

from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.settlement import ReceivedInvoice, SettlementActivities, StatementRef
    from workflows import patience
    from workflows.search_attributes import tell


@dataclass(frozen=True)
class ReconciliationOrder:
    connection_id: str
    statement_id: str


@workflow.defn(name="Reconciliation")
class Reconciliation:
    """Ends when the invoice is booked, with a word on how it was."""

    @workflow.init
    def __init__(self, order: ReconciliationOrder) -> None:
        self._invoice_number: str | None = None

    @workflow.run
    async def run(self, order: ReconciliationOrder) -> str:
        tell("RECONCILING", "the comparison with our own CDRs")
        summary = await workflow.execute_activity_method(
            SettlementActivities.reconcile,
            StatementRef(order.connection_id, order.statement_id),
            start_to_close_timeout=patience.PARTNER_TIMEOUT,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="compare by component",
        )
        self._invoice_number = self._invoice_number or summary.invoice_number
        tell(
            "AWAITING_INVOICE",
            f"the partner's invoice; {summary.text}",
            "hand the report to the partner",
            attention=summary.exceptions > 0,
        )
        await workflow.wait_condition(lambda: self._invoice_number is not None)
        booked = await workflow.execute_activity_method(
            SettlementActivities.book,
            ReceivedInvoice(order.connection_id, order.statement_id, str(self._invoice_number)),
            start_to_close_timeout=patience.STORE_TIMEOUT,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary="compare the invoice with what we agreed to, and post it",
        )
        tell(booked.state, booked.text, attention=booked.needs_person)
        return f"{booked.state}: {booked.text}"

    @workflow.signal
    def invoice_received(self, number: str) -> None:
        """The invoice to this statement is in the store."""
        self._invoice_number = number
