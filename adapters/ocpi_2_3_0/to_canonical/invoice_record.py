"""Invoice record."""

from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_3_0.wire.invoice_record import InvoiceReconciliationRecord
from canonical.identity import PartyId
from canonical.invoice_record import InvoiceRecord


def invoice_record(source: InvoiceReconciliationRecord) -> InvoiceRecord:
    return InvoiceRecord(
        owner=PartyId(country_code=source.country_code, party_id=source.party_id),
        id=source.id,
        invoice_id=source.invoice_id,
        cdr_ids=source.cdrs,
        last_updated=source.last_updated,
        extensions=extensions(source),
    )
