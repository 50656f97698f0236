"""What the signed meter data of a CDR proves, and whether that is enough by the agreement."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from canonical.cdr import Cdr
from canonical.model import Finding
from canonical.session import is_mere_reservation
from settlement.agreement import Agreement, UnprovedEnergy
from settlement.calibration import Billed, MeterVerdict, SignatureVerdict, verify
from settlement.validation.findings import blocking, differs

_SAID_HERE: Final = "meter.energy_differs"
"""Of another energy than the signed one this check speaks itself: no agreement lets it pass."""


def read_meter(cdr: Cdr, registered_key: str | None, agreement: Agreement) -> MeterVerdict | None:
    """None: the CDR has no signed meter data."""
    billed = Billed.of(cdr, agreement.energy_tolerance_kwh)
    return verify(cdr.signed_data, registered_key, billed) if cdr.signed_data else None


def signed_kwh(verdict: MeterVerdict | None) -> Decimal | None:
    """What flowed between the signed readings; None where they are not both there."""
    return verdict.energy_kwh if verdict else None


def against_meter(cdr: Cdr, verdict: MeterVerdict | None, agreement: Agreement) -> Iterator[Finding]:
    """A signature that does not hold, and another energy than the signed one, stop a CDR whatever was agreed.

    What is merely not proved stops it where the agreement says so.
    """
    strict = agreement.unproved_energy is UnprovedEnergy.QUARANTINED
    disproved = verdict is not None and verdict.signature is SignatureVerdict.INVALID
    for finding in verdict.findings if verdict else ():
        if finding.code != _SAID_HERE:
            yield finding.model_copy(update={"blocks": finding.blocks and (strict or disproved)})
    proved = verdict is not None and verdict.billable
    if strict and not proved and cdr.total_energy_kwh and not is_mere_reservation(cdr.charging_periods):
        message = "no signature of a registered meter proves its energy, and the agreement asks for one"
        yield blocking("cdr.energy_unproved", message, "signed_data")
    kwh, billed = signed_kwh(verdict), abs(cdr.total_energy_kwh)
    if kwh is not None and abs(kwh - billed) > agreement.energy_tolerance_kwh:
        message = "the signed meter counted another energy"
        yield differs("cdr.signed_energy_differs", message, "total_energy", kwh, billed)
