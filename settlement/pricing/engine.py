"""The pricing engine: walks along a charge, selects the price of everything that was used, and adds up
exactly.

One engine prices running sessions, our CDRs, and other parties' CDRs when they are checked.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from canonical.model import Finding, fold
from canonical.tariff import Tariff
from settlement.pricing.bill import Bill, is_taxed
from settlement.pricing.breakdown import Breakdown, Charge, Unpriceable
from settlement.pricing.journey import Journey
from settlement.pricing.policy import MinimumPrice, PricingPolicy
from settlement.pricing.quotes import Prepared, common_parts
from settlement.pricing.stretches import Stretch, stretches

__all__ = ["Breakdown", "Charge", "Pricer", "Unpriceable", "price"]


def price(charge: Charge, tariff: Tariff | Sequence[Tariff], policy: PricingPolicy) -> Breakdown:
    """What `charge` costs by `tariff`; of several, a period names its own, and one that names none has the first.

    Raises Unpriceable; never answers 0 for what it does not know.
    """
    return Pricer(tariff, policy).price(charge)


class Pricer:
    """Tariffs and a policy, prepared once to price many charges. Whatever is remembered between charges is bounded."""

    def __init__(self, tariffs: Tariff | Sequence[Tariff], policy: PricingPolicy) -> None:
        self._tariffs = (tariffs,) if isinstance(tariffs, Tariff) else tuple(tariffs)
        self._policy = policy
        self._parts = common_parts(self._tariffs)
        self._prepared: dict[int, Prepared] = {}
        self._places = {fold(tariff.id): place for place, tariff in reversed(list(enumerate(self._tariffs)))}

    def price(self, charge: Charge) -> Breakdown:
        """Raises Unpriceable; never answers 0 for what it does not know."""
        walk, notes = stretches(charge)
        journey = Journey(charge, walk, self._policy)
        used: dict[int, Prepared] = {}
        for stretch in walk:
            place = self._place(stretch)
            if place not in used:
                used[place] = self._prepare(place)
            journey.bill(stretch, used[place])
        journey.tally.round_up_steps(self._policy.step_size)
        tariffs = [prepared.tariff for prepared in used.values()]
        bill = Bill(self._policy, _currency(tariffs), self._parts)
        for item in journey.tally.items():
            bill.add(item)
        if charge.discounts:
            bill.take_off(charge.discounts)
        if not journey.is_mere_reservation:
            bill.limit(tariffs[0], at_least=self._has_minimum(walk))
        findings = [finding for prepared in used.values() for finding in prepared.findings]
        findings += [finding for tariff in tariffs for finding in _validity(tariff, charge.start)]
        findings += _several_limits(tariffs)
        return bill.breakdown((*findings, *notes, *journey.notes), taxed=any(map(is_taxed, tariffs)))

    def _place(self, stretch: Stretch) -> int:
        """Which of the tariffs prices a stretch."""
        named = stretch.period.tariff_id
        if named is None:
            return self._first()
        place = self._places.get(fold(named))
        if place is None:
            known = " or ".join(tariff.id for tariff in self._tariffs)
            raise Unpriceable.because(
                "pricing.other_tariff",
                f"a charging period was priced with tariff {named}, not with {known}",
                f"{stretch.where}.tariff_id",
            )
        return place

    def _first(self) -> int:
        if not self._tariffs:
            raise Unpriceable.because("pricing.no_tariff", "there is no tariff")
        return 0

    def _prepare(self, place: int) -> Prepared:
        if place not in self._prepared:
            self._prepared[place] = Prepared(self._tariffs[place], self._policy, self._parts, version=True)
        return self._prepared[place]

    def _has_minimum(self, walk: Sequence[Stretch]) -> bool:
        everywhere = self._policy.minimum_price is MinimumPrice.EVERY_SESSION
        return everywhere or walk[-1].kwh_to > 0


def _currency(tariffs: Sequence[Tariff]) -> str:
    currencies = sorted({tariff.currency for tariff in tariffs})
    if len(currencies) > 1:
        raise Unpriceable.because(
            "pricing.currencies_mixed", f"the tariffs of one session are in {' and '.join(currencies)}", "tariffs"
        )
    return currencies[0]


def _validity(tariff: Tariff, began: datetime) -> Iterable[Finding]:
    """A tariff is for sessions that begin within its window (OCPI 2.2.1 tariffs, start_date_time and end_date_time)."""
    too_early = tariff.valid_from is not None and began < tariff.valid_from
    too_late = tariff.valid_until is not None and began >= tariff.valid_until
    if too_early or too_late:
        yield Finding(
            code="pricing.tariff_not_valid",
            message=f"tariff {tariff.id} is {'not yet' if too_early else 'no longer'} valid when the session begins",
            where="tariffs",
            stated=f"{began:%Y-%m-%dT%H:%M:%SZ}",
            blocks=True,
        )


def _several_limits(tariffs: Sequence[Tariff]) -> Iterable[Finding]:
    """OCPI does not say which limits hold for a session of several tariffs: here those of the one it began with."""
    if any((tariff.min_price, tariff.max_price) != (tariffs[0].min_price, tariffs[0].max_price) for tariff in tariffs):
        yield Finding(
            code="pricing.limits_of_several_tariffs",
            message=f"the tariffs of the session have different limits, and those of {tariffs[0].id} hold",
            where="tariffs",
        )
