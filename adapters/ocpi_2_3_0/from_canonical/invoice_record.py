"""Invoice record."""

from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from canonical.invoice_record import InvoiceRecord


def invoice_record(source: InvoiceRecord) -> Document:
    return fields(
        source.extensions,
        country_code=source.owner.country_code,
        party_id=source.owner.party_id,
        id=source.id,
        invoice_id=source.invoice_id,
        cdrs=list(source.cdr_ids),
        last_updated=instant(source.last_updated),
    )
