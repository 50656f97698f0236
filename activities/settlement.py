"""The steps of a month's settlement, on the side that claims and on the side that checks."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from temporalio import activity

from activities.agreements import agreement_for
from activities.cases import open_case
from activities.cdr_check import check, checked
from activities.failures import told_to_temporal
from activities.resources import Resources
from adapters.contract import Module
from canonical.invoice_record import InvoiceRecord
from canonical.model import Finding
from canonical.partner import Connection
from canonical.settlement import CaseState, Invoice, ItemOutcome, ReconciledItem, ReconciliationReport, Statement
from canonical.store import CdrState, NotFound, OutboxAction, StoredCdr, UnitOfWork
from canonical.store.outbox import Queued
from settlement import ledger, reconciliation
from settlement.agreement import AmountBasis, agreed
from settlement.invoice import check as invoice_check
from settlement.invoice import compose, csv_writer, json_writer
from settlement.statement import month_bounds, statement
from settlement.statement import statement_id as statement_id_of


@dataclass(frozen=True)
class Claim:
    connection_id: str
    month: str


@dataclass(frozen=True)
class Claimed:
    """`invoice_number` is set when the statement was invoiced before."""

    statement_id: str | None
    text: str
    invoice_number: str | None = None


@dataclass(frozen=True)
class StatementRef:
    connection_id: str
    statement_id: str


@dataclass(frozen=True)
class Exceptions:
    """What is not agreed. `invoice_number`: the partner's invoice to the statement, if it came already."""

    exceptions: int
    agreed: int
    text: str
    invoice_number: str | None = None


@dataclass(frozen=True)
class InvoiceOrder:
    connection_id: str
    month: str
    approved_by: str


@dataclass(frozen=True)
class ReceivedInvoice:
    connection_id: str
    statement_id: str
    number: str


@dataclass(frozen=True)
class Booked:
    state: str
    text: str
    needs_person: bool = False


class Wake(Protocol):
    """The part of the signals that a settlement needs."""

    async def feed(self, connection_id: str) -> None: ...


class SettlementActivities:
    def __init__(self, resources: Resources, wake: Wake) -> None:
        self._resources = resources
        self._wake = wake

    @activity.defn(name="settlement-claim")
    async def claim(self, claim: Claim) -> Claimed:
        """Put the month's CDRs on a statement, once: the statement of a (connection, month) is never made anew."""
        with told_to_temporal():
            async with self._resources.store.transaction() as work:
                connection = await work.connections.get(claim.connection_id)
                statement_id = statement_id_of(self._resources.us.party, connection.id, claim.month)
                statement = await work.settlement.statement(statement_id)
                if statement is None:
                    if not await self._of_month(work, connection, claim.month):
                        return Claimed(None, "no CDR ended in this month")
                    statement = await self._compose_statement(work, connection, claim.month, statement_id)
                    await work.settlement.save_statement(statement, connection.id)
                invoiced = await self._invoice_to(work, connection, statement.id)
        net = sum(item.net for item in statement.items)
        text = f"{len(statement.items)} CDRs, {net} {statement.currency} before tax"
        return Claimed(statement.id, text, invoiced)

    @activity.defn(name="settlement-assess")
    async def assess(self, claim: Claim) -> Exceptions:
        """Name what the partner did not agree to, and open a case for each. Repeatable."""
        with told_to_temporal():
            async with self._resources.store.transaction() as work:
                connection = await work.connections.get(claim.connection_id)
                statement, report = await self._answered(work, connection, claim.month)
                left_out = reconciliation.left_out(statement, report)
                for item in left_out:
                    text = f"{connection.name} does not agree to CDR {item.cdr.key}: {_reasons(item.findings)}"
                    await open_case(work, self._resources, "cdr-disputed", item.cdr.key, text, item.findings)
                    await self._note(work, connection, item, CdrState.DISPUTED, _reasons(item.findings), ours=True)
        agreed = len(statement.items) - len(left_out)
        return Exceptions(len(left_out), agreed, f"{agreed} CDRs agreed, {len(left_out)} left out")

    @activity.defn(name="settlement-invoice")
    async def invoice(self, order: InvoiceOrder) -> str:
        """Number, compose, render, post and keep the invoice in one transaction. Once per statement.

        Cut off, nothing has happened: the number is taken in the same transaction, so that the series has no gap.
        """
        resources = self._resources
        with told_to_temporal():
            async with resources.store.transaction() as work:
                connection = await work.connections.get(order.connection_id)
                statement, report = await self._answered(work, connection, order.month)
                left_out = reconciliation.left_out(statement, report)
                series = f"{resources.us.party.key.replace('*', '')}-{order.month[:4]}"
                number = await work.settlement.next_invoice_number(series, statement.id)
                if await work.settlement.invoice(number, resources.us.party) is not None:
                    return number
                invoice = compose.compose(
                    statement,
                    left_out=left_out,
                    number=number,
                    issued_at=resources.clock(),
                    issuer_name=resources.us.business_name,
                    recipient_name=_name_of(connection),
                    treatment=resources.terms.vat,
                    dossiers=[s.dossier for s in await self._of_month(work, connection, order.month)],
                )
                await work.settlement.save_invoice(invoice, connection.id, issued=True)
                await self._render(work, invoice)
                if ledger.is_postable(invoice):  # a month of free sessions has an invoice, and nothing to post
                    await work.ledger.post(ledger.issued(invoice))
                for item in invoice.items:
                    agreed = ReconciledItem(cdr=item.cdr, outcome=ItemOutcome.AGREED)
                    text = f"invoice {number}, approved by {order.approved_by}"
                    await self._note(work, connection, agreed, CdrState.INVOICED, text, ours=True)
                queued = await self._record(work, connection, invoice)
            if queued is not None and not queued.attended:
                await self._wake.feed(connection.id)  # cut off before it: the sweep finds what waits
        return number

    @activity.defn(name="settlement-reconcile")
    async def reconcile(self, ref: StatementRef) -> Exceptions:
        """Compare a partner's statement with the CDRs that we hold, by component. Once per statement."""
        resources = self._resources
        with told_to_temporal():
            async with resources.store.transaction() as work:
                connection = await work.connections.get(ref.connection_id)
                statement = await self._statement(work, ref.statement_id)
                report = await work.settlement.report(statement.id, resources.us.party)
                if report is None:
                    held = await self._of_month(work, connection, statement.month, ours=False)
                    report = reconciliation.reconcile(
                        statement,
                        [checked(s.dossier, await check(work, resources, s)) for s in held],
                        tolerance=await self._tolerance(work, connection, statement.month),
                        accepted=await _let_pass(work),
                        with_tax=await self._with_tax(work, held),
                        checked_by=resources.us.party,
                        checked_at=resources.clock(),
                    )
                    await work.settlement.save_report(report)
                exceptions = [item for item in report.items if item.outcome is not ItemOutcome.AGREED]
                for item in exceptions:
                    text = f"{item.outcome} on statement {statement.id}: {_reasons(item.findings)}"
                    await open_case(work, resources, "statement-exception", item.cdr.key, text, item.findings)
                    if item.outcome is ItemOutcome.DISPUTED:
                        await self._note(work, connection, item, CdrState.DISPUTED, text, ours=False)
                invoiced = await self._invoice_to(work, connection, statement.id)
        agreed = len(report.items) - len(exceptions)
        return Exceptions(len(exceptions), agreed, f"{agreed} CDRs agreed, {len(exceptions)} not", invoiced)

    @activity.defn(name="settlement-book")
    async def book(self, received: ReceivedInvoice) -> Booked:
        """Post a partner's invoice if it asks exactly for what we agreed to, else open a case. Once per invoice."""
        resources = self._resources
        with told_to_temporal():
            async with resources.store.transaction() as work:
                connection = await work.connections.get(received.connection_id)
                report = await work.settlement.report(received.statement_id, resources.us.party)
                statement = await self._statement(work, received.statement_id)
                invoice = await work.settlement.invoice(received.number, statement.issuer)
                if invoice is None or report is None:
                    message = f"invoice {received.number} or its report is not in the store"
                    raise NotFound(message)
                findings = invoice_check.check(invoice, statement, report)
                if findings:
                    text = f"invoice {invoice.number} is not what was agreed: {_reasons(findings)}"
                    await open_case(work, resources, "invoice-differs", invoice.number, text, findings)
                    return Booked("DISPUTED", text, needs_person=True)
                if ledger.is_postable(invoice):
                    await work.ledger.post(ledger.received(invoice))
                for item in invoice.items:
                    agreed = ReconciledItem(cdr=item.cdr, outcome=ItemOutcome.AGREED)
                    text = f"invoice {invoice.number}"
                    await self._note(work, connection, agreed, CdrState.SETTLED, text, ours=False)
        return Booked("BOOKED", f"invoice {invoice.number}: {invoice.gross} {invoice.currency}")

    async def _compose_statement(
        self, work: UnitOfWork, connection: Connection, month: str, statement_id: str
    ) -> Statement:
        recipient = connection.partner_party()
        if recipient is None:
            message = f"connection {connection.id} names no party on the other side"
            raise NotFound(message)
        dossiers = [s.dossier for s in await self._of_month(work, connection, month)]
        currency = dossiers[0].cdr.currency if dossiers else ""
        for foreign in (d.cdr for d in dossiers if d.cdr.currency != currency):
            text = f"CDR {foreign.object_id.key} is in {foreign.currency}; the statement of {month} is in {currency}"
            await open_case(work, self._resources, "other-currency", foreign.object_id.key, text)
        return statement(
            statement_id=statement_id,
            issuer=self._resources.us.party,
            recipient=recipient,
            month=month,
            currency=currency,
            dossiers=[d for d in dossiers if d.cdr.currency == currency],
            issued_at=self._resources.clock(),
        )

    async def _of_month(
        self, work: UnitOfWork, connection: Connection, month: str, *, ours: bool = True
    ) -> tuple[StoredCdr, ...]:
        since, until = month_bounds(month, self._resources.terms.time_zone)
        return await work.cdrs.between(connection.id, ours=ours, since=since, until=until)

    async def _tolerance(self, work: UnitOfWork, connection: Connection, month: str) -> Decimal:
        """As agreed with the partner by the end of the month; where nothing was, the deployment's own."""
        terms = self._resources.terms
        _, until = month_bounds(month, terms.time_zone)
        kept = await work.agreements.in_force(connection.id, until - timedelta.resolution)
        return agreed(kept.document, self._resources.policy).money_tolerance if kept else terms.tolerance

    async def _with_tax(self, work: UnitOfWork, held: tuple[StoredCdr, ...]) -> frozenset[str]:
        """Keys of CDRs whose bare amounts hold the tax by agreement (OCPI 2.1.1)."""
        found = set[str]()
        for cdr, connection_id in ((s.dossier.cdr, s.connection_id) for s in held if s.dossier.provenance.bare_amounts):
            terms = await agreement_for(work, connection_id, cdr.start, self._resources.policy)
            if terms.amount_basis is AmountBasis.GROSS:
                found.add(cdr.object_id.key)
        return frozenset(found)

    async def _answered(
        self, work: UnitOfWork, connection: Connection, month: str
    ) -> tuple[Statement, ReconciliationReport]:
        partner = connection.partner_party()
        statement = await self._statement(work, statement_id_of(self._resources.us.party, connection.id, month))
        report = await work.settlement.report(statement.id, partner) if partner else None
        if report is None:
            message = f"{connection.name} has not answered statement {statement.id}"
            raise NotFound(message)
        return statement, report

    async def _statement(self, work: UnitOfWork, statement_id: str) -> Statement:
        statement = await work.settlement.statement(statement_id)
        if statement is None:
            message = f"statement {statement_id} is not in the store"
            raise NotFound(message)
        return statement

    async def _invoice_to(self, work: UnitOfWork, connection: Connection, statement_id: str) -> str | None:
        invoices = await work.settlement.invoices(connection.id)
        return next((i.number for i in invoices if i.statement_id == statement_id), None)

    async def _record(self, work: UnitOfWork, connection: Connection, invoice: Invoice) -> Queued | None:
        """Which CDRs the invoice is for, for partners whose version has words for it (OCPI 2.3.0)."""
        resources, module = self._resources, Module.INVOICE_RECONCILIATION
        if connection.adapter is None or not invoice.items:
            return None
        if not any(e.module is module for e in resources.registry.by_key(connection.adapter).endpoints):
            return None
        record = InvoiceRecord(
            owner=resources.us.party,
            id=invoice.number,
            invoice_id=invoice.number,
            cdr_ids=tuple(item.cdr.id for item in invoice.items),
            last_updated=resources.clock(),
        )
        await work.invoice_records.put(record, connection_id=connection.id, ours=True)
        return await work.outbox.add(connection.id, module.value, record.object_id.key, OutboxAction.PUT)

    async def _render(self, work: UnitOfWork, invoice: Invoice) -> None:
        # Half a second of imports that a worker needs once a month: not at every start.
        from settlement.invoice import pdf_writer

        number = invoice.number
        files = (
            (f"{number}.pdf", "application/pdf", pdf_writer.write(invoice)),
            (f"{number}.json", "application/json", json_writer.write(invoice)),
            (f"{number}-annex.csv", "text/csv", csv_writer.write(invoice)),
        )
        for name, media_type, content in files:
            await work.settlement.save_file(number, name, media_type, content)

    async def _note(
        self,
        work: UnitOfWork,
        connection: Connection,
        item: ReconciledItem,
        state: CdrState,
        text: str,
        *,
        ours: bool,
    ) -> None:
        stored = await work.cdrs.get(item.cdr, connection_id=connection.id, ours=ours)
        if stored is None or stored.state is state:
            return
        await work.cdrs.note(
            item.cdr,
            connection_id=connection.id,
            ours=ours,
            state=state,
            text=text,
            at=self._resources.clock(),
        )


async def _let_pass(work: UnitOfWork) -> frozenset[str]:
    """Quarantined CDRs that a person accepted when closing their case."""
    closed = await work.cases.list(state=CaseState.CLOSED)
    return frozenset(c.subject for c in closed if c.kind == "cdr-quarantined" and c.accepted)


def _reasons(findings: tuple[Finding, ...]) -> str:
    return "; ".join(f"{f.code} (expected {f.expected}, stated {f.stated})" if f.expected else f.code for f in findings)


def _name_of(connection: Connection) -> str:
    partner = connection.partner_party()
    named = (r.business_name for r in connection.partner_roles if partner and r.party.key == partner.key)
    return next(named, connection.name)
