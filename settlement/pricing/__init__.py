"""What a charge costs: exact arithmetic inside, one rounding at the edge, and a breakdown that explains
itself.
"""

from settlement.pricing.breakdown import (
    Breakdown,
    Charge,
    ExactTotal,
    NetUnknown,
    Sample,
    Unpriceable,
    Usage,
)
from settlement.pricing.engine import Pricer, price
from settlement.pricing.policy import DEFAULT_POLICY, PricingPolicy
from settlement.pricing.segmentation import periods

__all__ = [
    "DEFAULT_POLICY",
    "Breakdown",
    "Charge",
    "ExactTotal",
    "NetUnknown",
    "Pricer",
    "PricingPolicy",
    "Sample",
    "Unpriceable",
    "Usage",
    "periods",
    "price",
]
