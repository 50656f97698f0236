"""Pricing a CDR that somebody else priced: from its own charging periods, by a tariff of our choice."""

from canonical.cdr import Cdr
from canonical.session import VolumeDimension
from canonical.tariff import Tariff
from settlement.pricing.breakdown import Breakdown, Charge
from settlement.pricing.engine import price
from settlement.pricing.policy import PricingPolicy


def reprice(cdr: Cdr, tariff: Tariff, time_zone: str, policy: PricingPolicy) -> Breakdown:
    """What `cdr` costs by `tariff`. Raises Unpriceable.

    OCPI has no word for how a reservation ended. One that became no session may have expired or have been
    cancelled: where these cost differently, the reading that its amount follows from is taken.
    """
    if not is_mere_reservation(cdr):
        return price(_charge(cdr, time_zone), tariff, policy)
    expired = price(_charge(cdr, time_zone, expired=True), tariff, policy)
    cancelled = price(_charge(cdr, time_zone), tariff, policy)
    return cancelled if cancelled.net == abs(cdr.total_cost.before_tax) else expired


def is_mere_reservation(cdr: Cdr) -> bool:
    """Whether the CDR is over a reservation that nobody used."""
    return all(p.volume(VolumeDimension.RESERVATION_TIME) is not None for p in cdr.charging_periods)


def _charge(cdr: Cdr, time_zone: str, *, expired: bool = False) -> Charge:
    return Charge(
        start=cdr.start,
        end=cdr.end,
        periods=cdr.charging_periods,
        time_zone=time_zone,
        reservation_expired=expired,
    )
