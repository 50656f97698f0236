"""What a meter signed on the way from begin to end: by it a price is split within a charging period."""

from datetime import datetime

from settlement.calibration import MeterVerdict
from settlement.pricing.breakdown import Sample


def samples_within(verdict: MeterVerdict | None, start: datetime, end: datetime) -> tuple[Sample, ...]:
    """The readings between two instants, in kWh since session start: nothing unproved, nor a mere begin and end."""
    if verdict is None or not verdict.proves or len(verdict.samples) <= 2:
        return ()
    return tuple(Sample(at=each.at, kwh=each.kwh) for each in verdict.samples if start <= each.at <= end)
