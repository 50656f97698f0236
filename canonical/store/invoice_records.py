"""Which CDRs each invoice is for, as we tell partners and as they tell us (OCPI 2.3.0 invoicereconciliation).

`ours` is True for records of invoices that we issued to the partner of the connection. A record that was a mistake
is withdrawn: it is on no list any more, and stays readable in the table.
"""

import hashlib
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.event import EventKind
from canonical.identity import ObjectId
from canonical.invoice_record import InvoiceRecord
from canonical.settlement import Case, CaseState
from canonical.store.cases import CaseRepository
from canonical.store.documents import text_of
from canonical.store.events import EventRepository
from canonical.store.objects import PutOutcome, StoredPage
from canonical.store.tables import CdrRow, InvoiceRecordRow
from canonical.store.transaction import Transaction

_NAMED_MAX = 20
"""So many unknown CDRs are named in a case; of the others it says how many."""


class InvoiceRecordRepository:
    """Records by who issued the invoice, connection and key."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def put(self, record: InvoiceRecord, *, connection_id: str, ours: bool) -> PutOutcome[InvoiceRecord]:
        """Store a state unless a newer one (by `last_updated`) is stored; a withdrawn record comes back with it.

        Repeated: stored again with the same result. Reordered: the older state never replaces the newer one
        (`applied` False). At the same time: the second writer waits for the first. Cut off: nothing is stored.
        """
        columns: dict[str, object] = {
            "ours": ours,
            "connection_id": connection_id,
            "key": record.object_id.key,
            "invoice_id": record.invoice_id,
            "last_updated": record.last_updated,
            "withdrawn_at": None,
            "document": text_of(record),
        }
        identity = ["ours", "connection_id", "key"]
        added = (
            insert(InvoiceRecordRow)
            .values(columns)
            .on_conflict_do_nothing(index_elements=identity)
            .returning(col(InvoiceRecordRow.number))
        )
        if (await self._connection.execute(added)).first() is not None:
            return PutOutcome(created=True, applied=True, before=None)
        stored = (
            select(col(InvoiceRecordRow.document))
            .where(_is(record.object_id, connection_id, ours=ours))
            .with_for_update()
        )
        before = InvoiceRecord.model_validate_json((await self._connection.execute(stored)).scalar_one())
        if record.last_updated < before.last_updated:
            return PutOutcome(created=False, applied=False, before=before)
        await self._connection.execute(
            update(InvoiceRecordRow).where(_is(record.object_id, connection_id, ours=ours)).values(columns)
        )
        return PutOutcome(created=False, applied=True, before=before)

    async def take(
        self, record: InvoiceRecord, *, connection_id: str, partner: str, at: datetime
    ) -> PutOutcome[InvoiceRecord]:
        """Store a record of a partner. CDRs on it that we have never received are a case for a person.

        Repeated: the same record, and the same case. Otherwise as `put`.
        """
        outcome = await self.put(record, connection_id=connection_id, ours=False)
        if outcome.applied and outcome.before != record:
            await EventRepository(self._connection).add(
                EventKind.INVOICE_RECORD_RECEIVED, record.object_id.key, connection_id, record
            )
            unknown = await self.unknown_cdrs(record, connection_id=connection_id)
            if unknown:
                await CaseRepository(self._connection).open(_case(connection_id, partner, record, unknown, at))
        return outcome

    async def get(self, record: ObjectId, *, connection_id: str, ours: bool) -> InvoiceRecord | None:
        """None also for one that was withdrawn."""
        query = select(col(InvoiceRecordRow.document)).where(
            _is(record, connection_id, ours=ours), col(InvoiceRecordRow.withdrawn_at).is_(None)
        )
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else InvoiceRecord.model_validate_json(document)

    async def withdraw(self, record: ObjectId, *, connection_id: str, ours: bool) -> bool:
        """The record itself was a mistake. False when there is none.

        Repeated: False. Reordered: a put that arrives later brings it back. Cut off: it is still there.
        """
        withdrawing = (
            update(InvoiceRecordRow)
            .where(_is(record, connection_id, ours=ours), col(InvoiceRecordRow.withdrawn_at).is_(None))
            .values(withdrawn_at=func.now())
            .returning(col(InvoiceRecordRow.number))
        )
        return (await self._connection.execute(withdrawing)).first() is not None

    async def unknown_cdrs(self, record: InvoiceRecord, *, connection_id: str, ours: bool = False) -> tuple[str, ...]:
        """Ids on a record under which there is no CDR of its owner on the connection."""
        keys = {ObjectId(owner=record.owner, id=cdr_id).key: cdr_id for cdr_id in record.cdr_ids}
        query = select(col(CdrRow.key)).where(
            col(CdrRow.ours).is_(ours), col(CdrRow.connection_id) == connection_id, col(CdrRow.key).in_(sorted(keys))
        )
        held = set((await self._connection.execute(query)).scalars())
        return tuple(cdr_id for key, cdr_id in keys.items() if key not in held)

    async def page(
        self,
        connection_id: str,
        *,
        ours: bool,
        since: datetime | None = None,
        until: datetime | None = None,
        offset: int = 0,
        after: int | None = None,
        limit: int,
    ) -> StoredPage[InvoiceRecord]:
        """Records with `since` <= last_updated < `until`, in order of creation.

        `after` is the `last` of the page before, and then `offset` is not looked at.
        """
        chosen = [
            col(InvoiceRecordRow.connection_id) == connection_id,
            col(InvoiceRecordRow.ours).is_(ours),
            col(InvoiceRecordRow.withdrawn_at).is_(None),
        ]
        if since is not None:
            chosen.append(col(InvoiceRecordRow.last_updated) >= since)
        if until is not None:
            chosen.append(col(InvoiceRecordRow.last_updated) < until)
        count = select(func.count()).select_from(InvoiceRecordRow).where(*chosen)
        total = (await self._connection.execute(count)).scalar_one()
        query = (
            select(col(InvoiceRecordRow.number), col(InvoiceRecordRow.document))
            .where(*chosen)
            .order_by(col(InvoiceRecordRow.number))
        )
        query = query.offset(offset) if after is None else query.where(col(InvoiceRecordRow.number) > after)
        rows = (await self._connection.execute(query.limit(limit))).all()
        items = tuple(InvoiceRecord.model_validate_json(row.document) for row in rows)
        return StoredPage(items=items, total=total, last=rows[-1].number if rows else None)


def _case(connection_id: str, partner: str, record: InvoiceRecord, unknown: tuple[str, ...], at: datetime) -> Case:
    more = f" and {len(unknown) - _NAMED_MAX} more" if len(unknown) > _NAMED_MAX else ""
    named = ", ".join(unknown[:_NAMED_MAX]) + more
    text = (
        f"{partner} says that its invoice {record.invoice_id} is for {len(record.cdr_ids)} CDRs, "
        f"of which we do not hold {named}."
    )
    digest = hashlib.sha256(f"{connection_id}\n{record.object_id.key}\n{text}".encode()).hexdigest()[:16]
    return Case(
        id=f"invoice-record-unknown-cdr-{digest}",
        kind="invoice-record-unknown-cdr",
        subject=record.object_id.key,
        text=text,
        state=CaseState.OPEN,
        opened_at=at,
    )


def _is(record: ObjectId, connection_id: str, *, ours: bool) -> ColumnElement[bool]:
    return and_(
        col(InvoiceRecordRow.ours).is_(ours),
        col(InvoiceRecordRow.connection_id) == connection_id,
        col(InvoiceRecordRow.key) == record.key,
    )
