"""Which CDRs an invoice is for: our records to partners, who hear of them, and theirs to us."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.contract import Module
from api.contract.listing import After, Limit, Listed, cursor, number
from api.contract.telling import tell
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import InvalidInput, UnknownObject
from api.services import Services
from canonical.identity import ObjectId
from canonical.invoice_record import InvoiceRecord
from canonical.model import Identifier
from canonical.store import OutboxAction, UnitOfWork

Connection = Annotated[str, Query(max_length=64, description="Id of the connection to the partner.")]


class NewInvoiceRecord(BaseModel):
    """The CDRs of one invoice of ours. A record replaces the one that was there under its id."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"invoice_id": "DERCO-2026-000001", "cdr_ids": ["C-1", "C-2"]}]},
    )

    invoice_id: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    cdr_ids: Annotated[tuple[Identifier, ...], Field(min_length=1)]


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/invoice-records", tags=["invoice-records"])

    @router.put("/{record_id}", response_model=InvoiceRecord)
    async def put_invoice_record(
        record_id: str, record: NewInvoiceRecord, connection: Connection, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Store a record of ours and tell the partner. The CDRs have to be ours, to this partner."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> InvoiceRecord:
            return await _put(services, unit, afterwards, connection, record_id, record)

        return await Write(services, request, key).do(work)

    @router.delete("/{record_id}", response_model=InvoiceRecord)
    async def delete_invoice_record(
        record_id: str, connection: Connection, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Withdraw a record of ours that was a mistake, and tell the partner. The invoice is not touched by that."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> InvoiceRecord:
            name = ObjectId(owner=services.our_party, id=record_id)
            partner = await unit.connections.get(connection)
            record = await unit.invoice_records.get(name, connection_id=partner.id, ours=True)
            if record is None:
                raise UnknownObject(f"invoice record {record_id} is not known")
            await unit.invoice_records.withdraw(name, connection_id=partner.id, ours=True)
            module = Module.INVOICE_RECONCILIATION.value
            await unit.outbox.add(partner.id, module, name.key, OutboxAction.DELETE)
            afterwards.do(f"feed {partner.id}", lambda: services.signals.feed(partner.id))
            return record

        return await Write(services, request, key).do(work)

    @router.get("/{record_id}")
    async def get_invoice_record(record_id: str, connection: Connection, received: bool = False) -> InvoiceRecord:  # noqa: FBT001, FBT002
        """One record: ours, or with `received` the partner's."""
        async with services.store.transaction() as unit:
            partner = await unit.connections.get(connection)
            owner = partner.partner_party() if received else services.our_party
            if owner is None:
                raise UnknownObject(f"connection {connection} names no party")
            name = ObjectId(owner=owner, id=record_id)
            record = await unit.invoice_records.get(name, connection_id=partner.id, ours=not received)
        if record is None:
            raise UnknownObject(f"invoice record {record_id} is not known")
        return record

    @router.get("")
    async def list_invoice_records(
        connection: Connection,
        received: bool = False,  # noqa: FBT001, FBT002
        after: After = None,
        limit: Limit = 100,
    ) -> Listed[InvoiceRecord]:
        """Our records to a partner, or with `received` the partner's to us."""
        of = f"invoice-records {connection} {'received' if received else 'ours'}"
        async with services.store.transaction() as unit:
            partner = await unit.connections.get(connection)
            page = await unit.invoice_records.page(partner.id, ours=not received, after=number(of, after), limit=limit)
        more = page.last is not None and len(page.items) == limit
        return Listed(items=page.items, next=cursor(of, page.last) if more and page.last is not None else None)

    return router


async def _put(
    services: Services,
    unit: UnitOfWork,
    afterwards: Afterwards,
    connection_id: str,
    record_id: str,
    given: NewInvoiceRecord,
) -> InvoiceRecord:
    """Raises NotFound, InvalidInput that names the CDRs that are not ours."""
    connection = await unit.connections.get(connection_id)
    record = InvoiceRecord(
        owner=services.our_party,
        id=record_id,
        invoice_id=given.invoice_id,
        cdr_ids=given.cdr_ids,
        last_updated=services.clock(),
    )
    unknown = await unit.invoice_records.unknown_cdrs(record, connection_id=connection.id, ours=True)
    if unknown:
        raise InvalidInput.of("cdr_ids", f"no CDR of ours to this partner: {', '.join(unknown[:10])}")
    await unit.invoice_records.put(record, connection_id=connection.id, ours=True)
    await tell(services, unit, afterwards, connection, Module.INVOICE_RECONCILIATION, record.object_id.key)
    return record
