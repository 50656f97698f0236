"""The CDR of a session, with the working behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from canonical.cdr import (
    BillingContext,
    Cdr,
    CdrDossier,
    CostComponent,
    Handles,
    Provenance,
    SignedMeterData,
    TariffAt,
    TariffMoment,
)
from canonical.session import ChargingPeriod, MeterReading, Session, VolumeDimension, is_mere_reservation
from canonical.tariff import Tariff
from settlement.agreement import Agreement
from settlement.cdr_generator.keys import idempotency_key
from settlement.cdr_generator.meter import against_session, judged, meter_link, with_samples
from settlement.cdr_generator.running import led_from_start
from settlement.pricing.breakdown import Breakdown, Charge, Unpriceable
from settlement.pricing.engine import price
from settlement.pricing.exact import exact_seconds
from settlement.pricing.policy import PriceChange
from settlement.pricing.segmentation import periods, rounded_hours
from settlement.signed_samples import samples_within


@dataclass(frozen=True)
class TariffsInForce:
    """The versions that were in force when the session began, when it ended, and when its CDR is made.

    The first one prices it; None: there was none then.
    """

    at_start: Tariff | None
    at_end: Tariff | None
    at_generation: Tariff | None


@dataclass(frozen=True)
class Issue:
    """The making of one CDR: its id, when, in which adapter's words it will be sent, the how manieth of its session."""

    cdr_id: str
    at: datetime
    adapter: str
    protocol_version: str
    number: int = 1


def generate(
    *,
    session: Session,
    context: BillingContext,
    readings: Sequence[MeterReading],
    signed: SignedMeterData | None,
    tariffs: TariffsInForce,
    agreement: Agreement,
    issue: Issue,
    registered_key: str | None,
    reservation_expired: bool = False,
) -> CdrDossier:
    """The CDR of `session`, priced under `agreement` by the tariff that was in force when it began.

    Raises Unpriceable when no tariff was known, the session has not ended, or its readings contradict each other.
    """
    tariff, end = _known(tariffs.at_start), _ended(session)
    policy, tolerance_kwh = agreement.pricing, agreement.energy_tolerance_kwh
    told = led_from_start(readings, session)
    verdict = judged(signed, registered_key, session, end, told[-1].energy_kwh, tolerance_kwh)
    samples = samples_within(verdict, session.start, end)
    if policy.price_change is PriceChange.SPLIT:
        told = with_samples(told, samples)
    segments = periods(told, end, tariff, context.time_zone, policy)
    energy_kwh = _sum(segments, VolumeDimension.ENERGY)
    charge = Charge(
        start=session.start,
        end=end,
        periods=segments,
        time_zone=context.time_zone,
        reservation_expired=reservation_expired,
        discounts=(*context.discounts, *agreement.discounts),
        samples=samples,
    )
    breakdown = price(charge, tariff, policy)
    findings = (
        *breakdown.notes,
        *against_session(session, energy_kwh, tolerance_kwh),
        *(verdict.findings if verdict else ()),
    )
    return CdrDossier(
        cdr=_cdr(session, context, signed, tariff, charge, breakdown, issue),
        lines=breakdown.lines,
        tariff_moments=_moments(session.start, end, issue.at, tariffs),
        meter=meter_link(verdict, breakdown.lines),
        handles=Handles(
            session_id=session.id,
            idempotency_key=idempotency_key(session.object_id, issue.number),
            billing_record=context.billing_record,
        ),
        provenance=Provenance(adapter=issue.adapter, protocol_version=issue.protocol_version, findings=findings),
        pricing_policy=policy.ref,
        time_zone=context.time_zone,
        discounts=charge.discounts,
        agreement=agreement.ref,
    )


def _known(tariff: Tariff | None) -> Tariff:
    if tariff is None:
        raise Unpriceable.because("tariff.unknown", "no tariff was in force when the session began", "tariff_at_start")
    return tariff


def _ended(session: Session) -> datetime:
    if session.end is None:
        raise Unpriceable.because("session.not_ended", "the session has no end", "end")
    return session.end


def _moments(start: datetime, end: datetime, generation: datetime, tariffs: TariffsInForce) -> tuple[TariffAt, ...]:
    moments = (
        (TariffMoment.SESSION_START, start, tariffs.at_start),
        (TariffMoment.SESSION_END, end, tariffs.at_end),
        (TariffMoment.CDR_GENERATION, generation, tariffs.at_generation),
    )
    return tuple(TariffAt(moment=moment, at=at, tariff=tariff.version()) for moment, at, tariff in moments if tariff)


def _cdr(
    session: Session,
    context: BillingContext,
    signed: SignedMeterData | None,
    tariff: Tariff,
    charge: Charge,
    breakdown: Breakdown,
    issue: Issue,
) -> Cdr:
    return Cdr(
        owner=session.owner,
        id=issue.cdr_id,
        start=charge.start,
        end=charge.end,
        # A reservation that nobody used never became a session (OCPI 2.2.1 cdrs, session_id).
        session_id=None if is_mere_reservation(charge.periods) else session.id,
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
        total_parking_time_h=_parked_hours(charge),
        # OCPI knows one parking time: what a pause costs, and what it costs to stay after charging.
        total_parking_cost=breakdown.component(CostComponent.PARKING, CostComponent.IDLE),
        total_reservation_cost=breakdown.component(CostComponent.RESERVATION),
        last_updated=issue.at,
    )


def _parked_hours(charge: Charge) -> Decimal:
    """Rounded once, as the total time is: volumes that were rounded period by period make 0.9999 of an hour."""
    starts = [period.start for period in charge.periods]
    lasted = zip(charge.periods, (*starts[1:], charge.end), strict=True)
    parked = (
        exact_seconds(until - period.start)
        for period, until in lasted
        if period.volume(VolumeDimension.PARKING_TIME) is not None
    )
    return rounded_hours(sum(parked, Fraction(0)))


def _sum(segments: Sequence[ChargingPeriod], dimension: VolumeDimension) -> Decimal:
    volumes = (period.volume(dimension) for period in segments)
    return sum((volume for volume in volumes if volume is not None), Decimal(0))
