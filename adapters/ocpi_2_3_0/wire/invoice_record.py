"""Which CDRs one invoice is for (2.3.0 invoicereconciliation, edition 2)."""

from datetime import datetime
from typing import Annotated

from adapters.ocpi.wire.model import Some, WireEntity
from adapters.ocpi.wire.scalars import DateTime
from adapters.ocpi.wire.texts import CiString, CountryCode, PartyCode


class InvoiceReconciliationRecord(WireEntity):
    country_code: Annotated[str, CountryCode(2)]
    party_id: Annotated[str, PartyCode(3)]
    id: Annotated[str, CiString(36)]
    invoice_id: Annotated[str, CiString(255)]
    cdrs: Some[Annotated[str, CiString(36)]]
    last_updated: Annotated[datetime, DateTime()]
