"""What a session has cost so far, by the engine and the agreement that will price its CDR."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from canonical.cdr import Discount
from canonical.money import Price
from canonical.session import MeterReading, Session, VehicleState
from canonical.tariff import Tariff
from settlement.pricing.breakdown import Charge, Unpriceable
from settlement.pricing.engine import price
from settlement.pricing.policy import PricingPolicy
from settlement.pricing.segmentation import periods


def running_cost(
    readings: Sequence[MeterReading],
    tariff: Tariff | None,
    time_zone: str,
    at: datetime,
    policy: PricingPolicy,
    discounts: Sequence[Discount] = (),
) -> Price | None:
    """What a session has cost by `at`. None: not known, which is not 0."""
    if tariff is None:
        return None
    known = [reading for reading in readings if reading.at <= at]
    try:
        segments = periods(known, at, tariff, time_zone, policy)
        charge = Charge(
            start=segments[0].start, end=at, periods=segments, time_zone=time_zone, discounts=tuple(discounts)
        )
        return price(charge, tariff, policy).total()
    except Unpriceable:
        return None


def led_from_start(readings: Sequence[MeterReading], session: Session) -> list[MeterReading]:
    """The readings, led by one of 0 kWh at the start of the session if there is none. Raises Unpriceable."""
    ordered = sorted(readings, key=lambda r: r.at)
    if not ordered:
        raise Unpriceable.because("readings.missing", "there is no meter reading", "readings")
    first = ordered[0]
    if first.at < session.start:
        raise Unpriceable.because("readings.before_start", "a meter reading is older than the session", "readings")
    if first.at == session.start:
        return ordered
    reserved = first.state is VehicleState.RESERVED
    state = VehicleState.RESERVED if reserved else VehicleState.CHARGING
    return [MeterReading(at=session.start, energy_kwh=Decimal(0), state=state), *ordered]
