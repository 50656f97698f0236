"""What the signed meter says to a CDR: whether it agrees, which lines it proves, and what it read on the way."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from canonical.cdr import CostComponent, CostLine, MeterLink, SignedMeterData
from canonical.model import Finding
from canonical.session import MeterReading, Session
from settlement.calibration import Billed, MeterVerdict, verify
from settlement.pricing.breakdown import Sample


def judged(
    signed: SignedMeterData | None,
    registered_key: str | None,
    session: Session,
    end: datetime,
    energy_kwh: Decimal,
    tolerance_kwh: Decimal,
) -> MeterVerdict | None:
    """The verdict on the records of a session, held against what is about to be billed; None: there are none."""
    if signed is None:
        return None
    billed = Billed(
        energy_kwh=energy_kwh,
        start=session.start,
        end=end,
        token_uid=session.token.uid,
        contract_id=session.token.contract_id,
        meter_id=session.meter_id,
        tolerance_kwh=tolerance_kwh,
    )
    return verify(signed, registered_key, billed)


def with_samples(readings: Sequence[MeterReading], samples: Sequence[Sample]) -> list[MeterReading]:
    """Readings in order of time, and between them what the meter signed: energy then flows as it really did.

    A sample that the readings around it contradict is left out: which of the two is wrong is not for us to say.
    """
    told = list(readings)
    for sample in samples:
        before = [reading for reading in readings if reading.at <= sample.at]
        after = [reading for reading in readings if reading.at > sample.at]
        if not before or not after or before[-1].at == sample.at:
            continue
        if before[-1].energy_kwh <= sample.kwh <= after[0].energy_kwh:
            told.append(MeterReading(at=sample.at, energy_kwh=sample.kwh, state=before[-1].state))
    return sorted(told, key=lambda reading: reading.at)


def meter_link(verdict: MeterVerdict | None, lines: Sequence[CostLine]) -> MeterLink | None:
    """Ties every energy line to the two signed readings; None where the records do not hold both."""
    link = verdict.link() if verdict else None
    proved = tuple(place for place, line in enumerate(lines) if line.component is CostComponent.ENERGY)
    return link.model_copy(update={"lines": proved}) if link else None


def against_session(session: Session, energy_kwh: Decimal, tolerance_kwh: Decimal) -> tuple[Finding, ...]:
    """Where the readings that are billed are not what the session has counted."""
    if abs(energy_kwh - session.energy_kwh) <= tolerance_kwh:
        return ()
    differs = Finding(
        code="session.energy_differs",
        message="the readings and the session do not agree on the energy",
        where="total_energy_kwh",
        expected=f"{session.energy_kwh:f}",
        stated=f"{energy_kwh:f}",
        difference=f"{energy_kwh - session.energy_kwh:f}",
        blocks=True,
    )
    return (differs,)
