"""Which CDRs one invoice is for (OCPI 2.3.0 invoicereconciliation): the list, and no amounts."""

from typing import Annotated

from pydantic import Field, StringConstraints

from canonical.identity import ObjectId, PartyId
from canonical.model import CanonicalModel, Extension, Identifier, Instant


class InvoiceRecord(CanonicalModel):
    """Owned by whoever issues the invoice. The CDRs are named by id; time does not decide membership."""

    owner: PartyId
    id: Identifier
    invoice_id: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    cdr_ids: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    last_updated: Instant
    extensions: tuple[Extension, ...] = ()

    @property
    def object_id(self) -> ObjectId:
        return ObjectId(owner=self.owner, id=self.id)
