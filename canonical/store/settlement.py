"""The papers of settlement: statements, reports, invoices with their numbers and files. Append-only."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.identity import PartyId
from canonical.model import fold
from canonical.settlement import Invoice, ReconciliationReport, Statement
from canonical.store.documents import sha256_of, text_of
from canonical.store.errors import AlreadyExists
from canonical.store.tables import (
    InvoiceFileRow,
    InvoiceNumberRow,
    InvoiceRow,
    InvoiceSeriesRow,
    ReconciliationReportRow,
    StatementRow,
)


@dataclass(frozen=True)
class InvoiceFile:
    """One rendering of an invoice, as it was sealed."""

    name: str
    media_type: str
    content: bytes
    sha256: str


class SettlementRepository:
    """What is claimed, what the other side says to it, and what is owed."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save_statement(self, statement: Statement, connection_id: str) -> None:
        """Keep a statement. Raises AlreadyExists when another one is kept under its id.

        Repeated: nothing happens. Cut off: nothing is kept.
        """
        digest = sha256_of(statement)
        saving = insert(StatementRow).values(
            key=fold(statement.id),
            connection_id=connection_id,
            issuer=statement.issuer.key,
            recipient=statement.recipient.key,
            month=statement.month,
            currency=statement.currency,
            sha256=digest,
            document=text_of(statement),
        )
        await self._connection.execute(saving.on_conflict_do_nothing(index_elements=["key"]))
        kept = select(col(StatementRow.sha256)).where(col(StatementRow.key) == fold(statement.id))
        if (await self._connection.execute(kept)).scalar_one() != digest:
            raise AlreadyExists(f"another statement {statement.id} is kept")

    async def statement(self, statement_id: str) -> Statement | None:
        query = select(col(StatementRow.document)).where(col(StatementRow.key) == fold(statement_id))
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else Statement.model_validate_json(document)

    async def save_report(self, report: ReconciliationReport) -> None:
        """Keep a report. A later one of the same checker on the same statement replaces it in `report`.

        Repeated: kept once. Reordered: the one that is kept last counts. Cut off: nothing is kept.
        """
        saving = insert(ReconciliationReportRow).values(
            statement_key=fold(report.statement_id),
            checked_by=report.checked_by.key,
            checked_at=report.checked_at,
            currency=report.currency,
            agreed_net=report.agreed_net,
            agreed_gross=report.agreed_gross,
            sha256=sha256_of(report),
            document=text_of(report),
        )
        await self._connection.execute(saving.on_conflict_do_nothing())

    async def report(self, statement_id: str, checked_by: PartyId) -> ReconciliationReport | None:
        """The newest report of one checker on a statement."""
        query = (
            select(col(ReconciliationReportRow.document))
            .where(
                col(ReconciliationReportRow.statement_key) == fold(statement_id),
                col(ReconciliationReportRow.checked_by) == checked_by.key,
            )
            .order_by(col(ReconciliationReportRow.number).desc())
            .limit(1)
        )
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else ReconciliationReport.model_validate_json(document)

    async def next_invoice_number(self, series: str, statement_id: str) -> str:
        """The invoice number of a statement in a series: `RCO-2026-0001`, without gaps.

        Repeated: the same statement gets the same number again. At the same time: others of the series wait
        until this transaction ends. Cut off: the number goes to the next one that asks.
        """
        locked = (
            insert(InvoiceSeriesRow)
            .values(series=series, last=0)
            .on_conflict_do_update(index_elements=["series"], set_={"last": col(InvoiceSeriesRow.last)})
            .returning(col(InvoiceSeriesRow.last))
        )
        last = (await self._connection.execute(locked)).scalar_one()
        given = select(col(InvoiceNumberRow.position)).where(
            col(InvoiceNumberRow.series) == series,
            col(InvoiceNumberRow.statement_key) == fold(statement_id),
        )
        position = (await self._connection.execute(given)).scalar()
        if position is None:
            position = last + 1
            await self._connection.execute(
                update(InvoiceSeriesRow).where(col(InvoiceSeriesRow.series) == series).values(last=position)
            )
            await self._connection.execute(
                insert(InvoiceNumberRow).values(series=series, statement_key=fold(statement_id), position=position)
            )
        return f"{series}-{position:04d}"

    async def save_invoice(self, invoice: Invoice, connection_id: str, *, issued: bool) -> None:
        """Keep an invoice that we issued, or received. Raises AlreadyExists for another one of its number.

        Repeated: nothing happens. Cut off: nothing is kept.
        """
        digest = sha256_of(invoice)
        saving = insert(InvoiceRow).values(
            key=fold(invoice.number),
            issuer=invoice.issuer.key,
            recipient=invoice.recipient.key,
            connection_id=connection_id,
            statement_key=fold(invoice.statement_id),
            issued=issued,
            month=invoice.month,
            issued_at=invoice.issued_at,
            currency=invoice.currency,
            net=invoice.net,
            vat=invoice.vat,
            gross=invoice.gross,
            sha256=digest,
            document=text_of(invoice),
        )
        await self._connection.execute(saving.on_conflict_do_nothing(index_elements=["issuer", "key"]))
        kept = select(col(InvoiceRow.sha256)).where(
            col(InvoiceRow.issuer) == invoice.issuer.key, col(InvoiceRow.key) == fold(invoice.number)
        )
        if (await self._connection.execute(kept)).scalar_one() != digest:
            raise AlreadyExists(f"another invoice {invoice.number} of {invoice.issuer} is kept")

    async def invoice(self, number: str, issuer: PartyId) -> Invoice | None:
        query = select(col(InvoiceRow.document)).where(
            col(InvoiceRow.issuer) == issuer.key, col(InvoiceRow.key) == fold(number)
        )
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else Invoice.model_validate_json(document)

    async def invoices(self, connection_id: str | None = None) -> tuple[Invoice, ...]:
        """Invoices of one connection, or of all, in the order in which they were kept."""
        query = select(col(InvoiceRow.document)).order_by(col(InvoiceRow.number))
        if connection_id is not None:
            query = query.where(col(InvoiceRow.connection_id) == connection_id)
        rows = (await self._connection.execute(query)).scalars()
        return tuple(Invoice.model_validate_json(document) for document in rows)

    async def invoice_page(
        self, *, connection_id: str | None = None, after: int = 0, limit: int
    ) -> tuple[tuple[int, Invoice], ...]:
        """Invoices of one connection, or of all, each behind its place in the order in which they were kept."""
        query = (
            select(col(InvoiceRow.number), col(InvoiceRow.document))
            .where(col(InvoiceRow.number) > after)
            .order_by(col(InvoiceRow.number))
            .limit(limit)
        )
        if connection_id is not None:
            query = query.where(col(InvoiceRow.connection_id) == connection_id)
        rows = (await self._connection.execute(query)).all()
        return tuple((number, Invoice.model_validate_json(document)) for number, document in rows)

    async def save_file(self, invoice_number: str, name: str, media_type: str, content: bytes) -> None:
        """Keep a rendering of an invoice that we issued. Raises AlreadyExists for other content of the name.

        Repeated: nothing happens. Cut off: nothing is kept.
        """
        digest = hashlib.sha256(content).hexdigest()
        saving = insert(InvoiceFileRow).values(
            invoice_key=fold(invoice_number),
            name=name,
            media_type=media_type,
            content=content,
            sha256=digest,
        )
        await self._connection.execute(saving.on_conflict_do_nothing())
        kept = select(col(InvoiceFileRow.sha256)).where(
            col(InvoiceFileRow.invoice_key) == fold(invoice_number), col(InvoiceFileRow.name) == name
        )
        if (await self._connection.execute(kept)).scalar_one() != digest:
            raise AlreadyExists(f"another file {name} of invoice {invoice_number} is kept")

    async def files(self, invoice_number: str) -> tuple[InvoiceFile, ...]:
        """All renderings of an invoice, by name."""
        query = (
            select(
                col(InvoiceFileRow.name),
                col(InvoiceFileRow.media_type),
                col(InvoiceFileRow.content),
                col(InvoiceFileRow.sha256),
            )
            .where(col(InvoiceFileRow.invoice_key) == fold(invoice_number))
            .order_by(col(InvoiceFileRow.name))
        )
        rows = (await self._connection.execute(query)).all()
        return tuple(
            InvoiceFile(name=name, media_type=media_type, content=content, sha256=sha256)
            for name, media_type, content, sha256 in rows
        )
