"""Pricing a CDR that somebody else priced: from its own charging periods, by a tariff of our choice."""

from collections.abc import Sequence

from canonical.cdr import Cdr, Discount
from canonical.session import is_mere_reservation
from canonical.tariff import Tariff
from settlement.pricing.breakdown import Breakdown, Charge, Sample
from settlement.pricing.engine import Pricer
from settlement.pricing.policy import PricingPolicy


def reprice(
    cdr: Cdr,
    tariff: Tariff | Sequence[Tariff],
    time_zone: str,
    policy: PricingPolicy,
    discounts: Sequence[Discount] = (),
    samples: Sequence[Sample] = (),
) -> Breakdown:
    """What `cdr` costs by `tariff`; of several, a charging period names its own. Raises Unpriceable.

    `samples` are what its meter signed on the way, for a policy that splits a period by them.

    OCPI has no word for how a reservation ended. One that became no session may have expired or have been
    cancelled: where these cost differently, the reading that its amount follows from is taken. An amount of zero may
    mean that nobody priced it, and tells nothing.
    """
    pricer = Pricer(tariff, policy)
    charge = Charge(
        start=cdr.start,
        end=cdr.end,
        periods=cdr.charging_periods,
        time_zone=time_zone,
        discounts=tuple(discounts),
        samples=tuple(samples),
    )
    if not is_mere_reservation(cdr.charging_periods):
        return pricer.price(charge)
    expired = pricer.price(charge.model_copy(update={"reservation_expired": True}))
    cancelled = pricer.price(charge)
    stated = abs(cdr.total_cost.before_tax)
    return cancelled if stated and cancelled.net == stated else expired
