"""From a finished session to its CDR and everything an auditor asks about it. The same inputs give the same
bytes.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from canonical.cdr import (
    BillingContext,
    Cdr,
    CdrDossier,
    CostComponent,
    Handles,
    MeterLink,
    Provenance,
    SignedMeterData,
    TariffAt,
    TariffMoment,
)
from canonical.identity import ObjectId
from canonical.model import Finding
from canonical.money import Price
from canonical.session import (
    ChargingPeriod,
    MeterReading,
    Session,
    VehicleState,
    VolumeDimension,
)
from canonical.tariff import Tariff
from settlement.calibration import MeterVerdict, verify
from settlement.pricing.boundaries import exact_seconds
from settlement.pricing.breakdown import Breakdown, Charge, Unpriceable
from settlement.pricing.engine import price
from settlement.pricing.policy import PricingPolicy
from settlement.pricing.segmentation import periods, rounded_hours

METER_TOLERANCE_KWH = Decimal("0.001")
"""How far billed energy may be from the signed meter: one digit of an ordinary display."""


def generate(
    *,
    session: Session,
    context: BillingContext,
    readings: Sequence[MeterReading],
    signed: SignedMeterData | None,
    tariff_at_start: Tariff | None,
    tariff_at_end: Tariff | None,
    tariff_at_generation: Tariff | None,
    policy: PricingPolicy,
    cdr_id: str,
    generated_at: datetime,
    adapter: str,
    protocol_version: str,
    registered_key: str | None,
    reservation_expired: bool = False,
) -> CdrDossier:
    """The CDR of `session`, priced by the tariff that was in force when it began.

    Raises Unpriceable when no tariff was known, the session has not ended, or its readings contradict each
    other.
    """
    tariff = _known(tariff_at_start)
    end = _ended(session)
    segments = periods(led_from_start(readings, session), end, tariff, context.time_zone)
    charge = Charge(
        start=session.start,
        end=end,
        periods=segments,
        time_zone=context.time_zone,
        reservation_expired=reservation_expired,
    )
    breakdown = price(charge, tariff, policy)
    cdr = _cdr(session, context, signed, tariff, charge, breakdown, cdr_id, generated_at)
    verdict = verify(signed, registered_key) if signed else None
    findings = (
        *breakdown.notes,
        *_energy_findings(cdr, session, verdict),
        *(verdict.findings if verdict else ()),
    )
    return CdrDossier(
        cdr=cdr,
        lines=breakdown.lines,
        tariff_moments=_moments(
            (TariffMoment.SESSION_START, session.start, tariff_at_start),
            (TariffMoment.SESSION_END, end, tariff_at_end),
            (TariffMoment.CDR_GENERATION, generated_at, tariff_at_generation),
        ),
        meter=_meter_link(verdict),
        handles=Handles(
            session_id=session.id,
            idempotency_key=idempotency_key(session.object_id, cdr.object_id),
            billing_record=context.billing_record,
        ),
        provenance=Provenance(adapter=adapter, protocol_version=protocol_version, findings=findings),
        pricing_policy=policy.ref,
        time_zone=context.time_zone,
    )


def running_cost(
    readings: Sequence[MeterReading],
    tariff: Tariff | None,
    time_zone: str,
    at: datetime,
    policy: PricingPolicy,
) -> Price | None:
    """What a session has cost by `at`, by the engine that will price its CDR. None: not known, which is not
    0.
    """
    if tariff is None:
        return None
    known = [reading for reading in readings if reading.at <= at]
    try:
        segments = periods(known, at, tariff, time_zone)
        charge = Charge(start=segments[0].start, end=at, periods=segments, time_zone=time_zone)
        return price(charge, tariff, policy).total()
    except Unpriceable:
        return None


def cdr_id_for(session: ObjectId) -> str:
    """The id of the CDR of a session: always the same one, and short enough that `-C` fits behind it (OCPI
    CiString(36)).
    """
    return f"CDR-{_digest('cdr', session.key)[:28].upper()}"


def idempotency_key(session: ObjectId, cdr: ObjectId) -> str:
    """The key of the one event "this session was billed with this CDR"."""
    return _digest("billed", session.key, cdr.key)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _known(tariff: Tariff | None) -> Tariff:
    if tariff is None:
        raise Unpriceable.because("tariff.unknown", "no tariff was in force when the session began", "tariff_at_start")
    return tariff


def _ended(session: Session) -> datetime:
    if session.end is None:
        raise Unpriceable.because("session.not_ended", "the session has no end", "end")
    return session.end


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


def _cdr(
    session: Session,
    context: BillingContext,
    signed: SignedMeterData | None,
    tariff: Tariff,
    charge: Charge,
    breakdown: Breakdown,
    cdr_id: str,
    generated_at: datetime,
) -> Cdr:
    reserved_only = all(p.volume(VolumeDimension.RESERVATION_TIME) is not None for p in charge.periods)
    return Cdr(
        owner=session.owner,
        id=cdr_id,
        start=charge.start,
        end=charge.end,
        # A reservation that nobody used never became a session (OCPI 2.2.1 cdrs, session_id).
        session_id=None if reserved_only else session.id,
        token=session.token,
        auth_method=session.auth_method,
        authorization_reference=session.authorization_reference,
        charge_point=context.charge_point,
        place=session.place,
        meter_id=session.meter_id,
        currency=tariff.currency,
        tariffs=(tariff,),
        charging_periods=charge.periods,
        signed_data=signed,
        total_cost=breakdown.total(),
        total_fixed_cost=breakdown.component(CostComponent.FLAT),
        total_energy_kwh=_sum(charge.periods, VolumeDimension.ENERGY),
        total_energy_cost=breakdown.component(CostComponent.ENERGY),
        total_time_h=rounded_hours(exact_seconds(charge.end - charge.start)),
        total_time_cost=breakdown.component(CostComponent.TIME),
        total_parking_time_h=_sum(charge.periods, VolumeDimension.PARKING_TIME),
        total_parking_cost=breakdown.component(CostComponent.PARKING),
        total_reservation_cost=breakdown.component(CostComponent.RESERVATION),
        last_updated=generated_at,
    )


def _sum(segments: Sequence[ChargingPeriod], dimension: VolumeDimension) -> Decimal:
    volumes = (period.volume(dimension) for period in segments)
    return sum((volume for volume in volumes if volume is not None), Decimal(0))


def _energy_findings(cdr: Cdr, session: Session, verdict: MeterVerdict | None) -> tuple[Finding, ...]:
    claims = [("session.energy_differs", "the session", session.energy_kwh)]
    if verdict and verdict.begin_kwh is not None and verdict.end_kwh is not None:
        signed_kwh = verdict.end_kwh - verdict.begin_kwh
        claims.append(("meter.energy_differs", "the signed meter", signed_kwh))
    return tuple(
        Finding(
            code=code,
            message=f"the readings and {source} do not agree on the energy",
            where="total_energy_kwh",
            expected=f"{kwh:f}",
            stated=f"{cdr.total_energy_kwh:f}",
            blocks=True,
        )
        for code, source, kwh in claims
        if abs(cdr.total_energy_kwh - kwh) > METER_TOLERANCE_KWH
    )


def _moments(*moments: tuple[TariffMoment, datetime, Tariff | None]) -> tuple[TariffAt, ...]:
    return tuple(TariffAt(moment=moment, at=at, tariff=tariff.version()) for moment, at, tariff in moments if tariff)


def _meter_link(verdict: MeterVerdict | None) -> MeterLink | None:
    return verdict.link() if verdict else None
