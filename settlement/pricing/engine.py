"""The pricing engine: walks along a charge, selects the price of everything that was used, and adds up
exactly.

One engine prices running sessions, our CDRs, and other parties' CDRs when they are checked.
"""

from datetime import datetime
from fractions import Fraction

from canonical.cdr import CostComponent
from canonical.model import Finding
from canonical.tariff import ReservationRestriction, Tariff, TariffDimension
from settlement.pricing.boundaries import boundaries, exact_seconds, zone_named
from settlement.pricing.breakdown import Breakdown, Charge, Unpriceable, rate_totals
from settlement.pricing.limits import limit_lines
from settlement.pricing.policy import PricingPolicy
from settlement.pricing.restrictions import Situation
from settlement.pricing.selection import Selected, applying, select
from settlement.pricing.stretches import Kind, Stretch, stretches
from settlement.pricing.tally import Tally
from settlement.pricing.taxes import cost_lines, is_taxed

__all__ = ["Breakdown", "Charge", "Unpriceable", "price"]

_TIME_PRICED_BY = {
    Kind.CHARGING: (TariffDimension.TIME, CostComponent.TIME),
    Kind.PARKED: (TariffDimension.PARKING_TIME, CostComponent.PARKING),
}


def price(charge: Charge, tariff: Tariff, policy: PricingPolicy) -> Breakdown:
    """What `charge` costs by `tariff`. Raises Unpriceable; never answers 0 for what it does not know."""
    _check_tariff_of_periods(charge, tariff)
    walk, notes = stretches(charge)
    journey = _Journey(charge, tariff, walk, policy)
    for stretch in walk:
        journey.bill(stretch)
    journey.tally.round_up_steps(policy.step_size)
    lines = cost_lines(journey.tally.items(), tariff, policy)
    if any(stretch.kind is not Kind.RESERVED for stretch in walk):
        lines = (*lines, *limit_lines(lines, tariff, policy))
    rates = rate_totals(lines)
    net = sum((rate.base for rate in rates), policy.round(Fraction(0)))
    taxes = [rate.tax for rate in rates if rate.tax is not None]
    return Breakdown(
        currency=tariff.currency,
        lines=lines,
        rates=rates,
        net=net,
        gross=sum(taxes, net) if len(taxes) == len(rates) else None,
        taxed=is_taxed(tariff),
        notes=(*notes, *journey.notes),
    )


class _Journey:
    """One walk along the stretches of one charge."""

    def __init__(self, charge: Charge, tariff: Tariff, walk: tuple[Stretch, ...], policy: PricingPolicy) -> None:
        self.tally = Tally()
        self.notes: list[Finding] = []
        self._charge = charge
        self._tariff = tariff
        self._selection = policy.selection
        self._zone = zone_named(charge.time_zone)
        used = (s.leg.start for s in walk if s.kind is not Kind.RESERVED)
        self._use_began = next(used, charge.start)
        self._last = walk[-1] if walk else None

    def bill(self, stretch: Stretch) -> None:
        situation = self._situation(stretch, stretch.leg.start, stretch.leg.kwh_from)
        if stretch.kind is Kind.RESERVED:
            self._bill_reservation(stretch, situation)
        else:
            self._bill_use(stretch, situation)
        self._note_price_change_within(stretch, situation)

    def _bill_use(self, stretch: Stretch, situation: Situation) -> None:
        flat = self._select(TariffDimension.FLAT, situation)
        if flat:
            self.tally.once(CostComponent.FLAT, flat)
        if stretch.kwh:
            energy = self._select(TariffDimension.ENERGY, situation)
            self._add(CostComponent.ENERGY, TariffDimension.ENERGY, energy, stretch.kwh, stretch)
        dimension, component = _TIME_PRICED_BY[stretch.kind]
        if stretch.leg.seconds:
            time = self._select(dimension, situation)
            self._add(component, dimension, time, stretch.leg.seconds / 3600, stretch)

    def _bill_reservation(self, stretch: Stretch, situation: Situation) -> None:
        booked, expired = ReservationRestriction
        flat = self._select(TariffDimension.FLAT, situation, booked)
        time = self._select(TariffDimension.TIME, situation, booked)
        if flat:
            self.tally.once(CostComponent.RESERVATION, flat)
        if self._charge.reservation_expired:
            fee = self._select(TariffDimension.FLAT, situation, expired)
            if fee and stretch is self._last:
                self.tally.once(CostComponent.RESERVATION, fee)
            # Only the price of time is replaced when a reservation expires; its other fees remain due.
            time = self._select(TariffDimension.TIME, situation, expired) or time
        if time and stretch.leg.seconds:
            self.tally.add(CostComponent.RESERVATION, time, stretch.leg.seconds / 3600)

    def _select(
        self, dimension: TariffDimension, situation: Situation, reservation: ReservationRestriction | None = None
    ) -> Selected | None:
        return select(self._tariff, dimension, situation, reservation, reading=self._selection)

    def _add(
        self,
        component: CostComponent,
        dimension: TariffDimension,
        selected: Selected | None,
        quantity: Fraction,
        stretch: Stretch,
    ) -> None:
        if selected:
            self.tally.add(component, selected, quantity)
        elif _prices(self._tariff, dimension):
            self._note(
                "pricing.gap",
                f"the tariff has prices for {dimension}, and none of them applies here: it is free",
                stretch,
            )

    def _note_price_change_within(self, stretch: Stretch, begin: Situation) -> None:
        """OCPI wants a new charging period at every change of price; a sender that forgot is told so."""
        reserved = stretch.kind is Kind.RESERVED
        at_begin = applying(self._tariff, begin, reserved=reserved)
        inner = boundaries(self._tariff, stretch.leg, counting_from=self._counting_from(stretch), zone=self._zone)
        for boundary in inner:
            at = stretch.leg.moment(boundary.after_s)
            situation = self._situation(stretch, at, boundary.kwh)
            if applying(self._tariff, situation, reserved=reserved) != at_begin:
                self._note(
                    "pricing.period_spans_price_change",
                    f"the price changes at {at:%Y-%m-%dT%H:%M:%SZ}, within a charging period",
                    stretch,
                )
                return

    def _situation(self, stretch: Stretch, at: datetime, kwh: Fraction) -> Situation:
        return Situation(
            at=at,
            zone=self._zone,
            kwh=kwh,
            elapsed_s=exact_seconds(at - self._counting_from(stretch)),
            power_kw=stretch.power_kw,
            current_a=stretch.current_a,
        )

    def _counting_from(self, stretch: Stretch) -> datetime:
        return self._charge.start if stretch.kind is Kind.RESERVED else self._use_began

    def _note(self, code: str, message: str, stretch: Stretch) -> None:
        where = f"charging_periods[{stretch.period}]"
        self.notes.append(Finding(code=code, message=message, where=where))


def _check_tariff_of_periods(charge: Charge, tariff: Tariff) -> None:
    for number, period in enumerate(charge.periods):
        if period.tariff_id and period.tariff_id.upper() != tariff.id.upper():
            raise Unpriceable.because(
                "pricing.other_tariff",
                f"a charging period was priced with tariff {period.tariff_id}, not with {tariff.id}",
                f"charging_periods[{number}].tariff_id",
            )


def _prices(tariff: Tariff, dimension: TariffDimension) -> bool:
    return any(
        component.dimension is dimension
        and component.price
        and not (element.restrictions and element.restrictions.reservation)
        for element in tariff.elements
        for component in element.price_components
    )
