"""Which CDRs an invoice is for (OCPI 2.3.0 invoicereconciliation): the issuer of the invoice owns the record.

We list ours to the partner that we invoiced, and take those of a partner that invoices us. A record is stored before
it is judged: CDRs on it that we do not hold become a case, not a refusal.
"""

from api.errors import UnknownObject
from api.ocpi.call import Answer, Call
from api.ocpi.ownership import check_body, check_owner, is_for, object_in_path
from api.ocpi.paging import PageRequest, page_answer
from canonical.identity import ObjectId
from canonical.invoice_record import InvoiceRecord
from canonical.store import StoredPage

_OWNER = frozenset({"country_code", "party_id"})


async def list_invoice_records(call: Call) -> Answer:
    """Ours to this partner. What a hub is invoiced is the hub's: a party behind it reads none."""
    asked = PageRequest.of_call(call)
    if call.connection.hub is not None and not is_for(call, call.connection.hub):
        return page_answer(call, asked, StoredPage(items=(), total=0, last=None))
    async with call.services.store.transaction() as unit:
        page = await unit.invoice_records.page(
            call.connection.id,
            ours=True,
            since=asked.since,
            until=asked.until,
            offset=asked.offset,
            after=asked.after,
            limit=asked.limit,
        )
    return page_answer(call, asked, page)


async def get_invoice_record(call: Call) -> Answer:
    name = _in_path(call)
    async with call.services.store.transaction() as unit:
        record = await unit.invoice_records.get(name, connection_id=call.connection.id, ours=False)
    if record is None:
        raise UnknownObject(f"id: {name.id} is not known")
    return Answer(data=call.adapter.write(record), object_key=name.key)


async def post_invoice_record(call: Call) -> Answer:
    """A record by its body alone: the same as a PUT of it, for a repeat must not make a second one."""
    record = call.adapter.read(InvoiceRecord, call.body, call.parties).value
    await check_owner(call, record.owner)
    return await _take(call, record)


async def put_invoice_record(call: Call) -> Answer:
    in_path = _in_path(call)
    record = call.adapter.read(InvoiceRecord, call.body, call.parties).value
    check_body(call, in_path, record.object_id)
    return await _take(call, record)


async def delete_invoice_record(call: Call) -> Answer:
    """The record was a mistake; the invoice and its CDRs are not touched by that."""
    name = _in_path(call)
    async with call.services.store.transaction() as unit:
        known = await unit.invoice_records.withdraw(name, connection_id=call.connection.id, ours=False)
    if not known:
        raise UnknownObject(f"id: {name.id} is not known")
    return Answer(object_key=name.key, keep=True)


async def _take(call: Call, record: InvoiceRecord) -> Answer:
    async with call.services.store.transaction() as unit:
        outcome = await unit.invoice_records.take(
            record, connection_id=call.connection.id, partner=call.connection.name, at=call.services.clock()
        )
    return Answer(http_status=201 if outcome.created else 200, object_key=record.object_id.key, keep=True)


def _in_path(call: Call) -> ObjectId:
    return object_in_path(call, next(name for name in call.segments if name not in _OWNER))
