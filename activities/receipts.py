"""What a partner answers to a CDR of ours, as it is kept."""

from typing import Final

from adapters.contract import PartnerError, Receipt
from canonical.model import Finding, Instant
from canonical.partner import Connection
from canonical.store import CdrReceipt

_REFUSED: Final = "REFUSED"
"""Outcome of a receipt that is none."""


def is_taken(receipt: CdrReceipt) -> bool:
    """Whether the partner holds the CDR by this word."""
    return receipt.outcome != _REFUSED


def accepted_receipt(receipt: Receipt, connection: Connection, at: Instant) -> CdrReceipt:
    """A yes, which is not proved yet."""
    return CdrReceipt(
        http_status=receipt.http_status,
        ocpi_status=receipt.ocpi_status,
        url=receipt.url,
        version_accepted=connection.version or "",
        outcome="ACCEPTED",
        findings=receipt.findings,
        proved=False,
        at=at,
    )


def refused_receipt(error: PartnerError, http_status: int, connection: Connection, at: Instant) -> CdrReceipt:
    """What a partner answers to a CDR that it does not take."""
    return CdrReceipt(
        http_status=http_status,
        ocpi_status=error.ocpi_status,
        url=None,
        version_accepted=None,
        outcome=_REFUSED,
        findings=(Finding(code="receipt.refused", message=f"{connection.name} refused it: {error}", blocks=True),),
        proved=False,
        at=at,
    )
