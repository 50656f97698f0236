"""Charge detail records: as they are kept, what happened to them, and how ours were delivered. Append-only.

`ours` is True for a CDR that we issued, and False for one that came by the connection.
"""

from canonical.store.cdrs.deliveries import CdrDeliveryRepository, CdrEmission, CdrReceipt
from canonical.store.cdrs.repository import CdrRepository, new_reference
from canonical.store.cdrs.stored import AddOutcome, CdrEvent, CdrState, StoredCdr
from canonical.store.cdrs.undelivered import DeliveryState, Undelivered, UndeliveredRepository

__all__ = [
    "AddOutcome",
    "CdrDeliveryRepository",
    "CdrEmission",
    "CdrEvent",
    "CdrReceipt",
    "CdrRepository",
    "CdrState",
    "DeliveryState",
    "StoredCdr",
    "Undelivered",
    "UndeliveredRepository",
    "new_reference",
]
