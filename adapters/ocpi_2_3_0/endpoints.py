"""The endpoints of OCPI 2.3.0 that we serve: those of 2.2.1 with this version's objects, and invoicereconciliation."""

from dataclasses import replace
from typing import Final

from adapters.contract import Endpoint, Interface, Module, Operation
from adapters.ocpi_2_2_1 import endpoints as before
from adapters.ocpi_2_3_0 import wire

_SENDER, _RECEIVER = Interface.SENDER, Interface.RECEIVER
_RECORD: Final = "/{country_code}/{party_id}/{record_id}"


def _of_this_version(model: type[object] | None) -> type[object] | None:
    """This version's object of the same name, where it has its own."""
    found: type[object] | None = vars(wire).get(model.__name__, model) if model else None
    return found


_INVOICE_RECORDS: Final = (
    Endpoint(
        Module.INVOICE_RECONCILIATION,
        _SENDER,
        "GET",
        "",
        Operation.LIST_INVOICE_RECORDS,
        None,
        wire.InvoiceReconciliationRecord,
    ),
    Endpoint(
        Module.INVOICE_RECONCILIATION,
        _RECEIVER,
        "GET",
        _RECORD,
        Operation.GET_INVOICE_RECORD,
        None,
        wire.InvoiceReconciliationRecord,
    ),
    Endpoint(
        Module.INVOICE_RECONCILIATION,
        _RECEIVER,
        "POST",
        "",
        Operation.POST_INVOICE_RECORD,
        wire.InvoiceReconciliationRecord,
    ),
    Endpoint(
        Module.INVOICE_RECONCILIATION,
        _RECEIVER,
        "PUT",
        _RECORD,
        Operation.PUT_INVOICE_RECORD,
        wire.InvoiceReconciliationRecord,
    ),
    Endpoint(Module.INVOICE_RECONCILIATION, _RECEIVER, "DELETE", _RECORD, Operation.DELETE_INVOICE_RECORD),
)

ENDPOINTS: Final = (
    *(
        replace(each, wire_in=_of_this_version(each.wire_in), wire_out=_of_this_version(each.wire_out))
        for each in before.ENDPOINTS
    ),
    *_INVOICE_RECORDS,
)
