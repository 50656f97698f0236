"""What OCPI leaves to the parties, written down once: how amounts are rounded and how a step size is read."""

import hashlib
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from canonical.model import CanonicalModel, Identifier
from settlement.rounding import Rounding, round_to


class StepSizeReading(StrEnum):
    """How `step_size` is applied (OCPI 2.2.1 and 2.3.0 tariffs; the printed examples changed over the
    editions).
    """

    LAST_DIMENSION = "LAST_DIMENSION"
    """Energy once; of the time dimensions only the one that was billed last. The reading of all current
    editions.
    """
    IGNORED = "IGNORED"
    """What was measured is billed, for contracts that agree on it."""


class PricingPolicy(CanonicalModel):
    """The agreement by which a price is computed. Its `ref` is stored with everything that it priced.

    Every cost line is rounded once to `decimals`; totals are sums of rounded lines, so that they always add
    up. Tax is computed per rate on the sum of that rate, and then shared out over its lines.
    """

    name: Identifier
    decimals: Annotated[int, Field(ge=0, le=12)] = 2
    rounding: Rounding = Rounding.HALF_UP
    step_size: StepSizeReading = StepSizeReading.LAST_DIMENSION

    @property
    def ref(self) -> str:
        """Name and digest of the content: `half-up-2@3f2a…`. Two policies with the same ref price alike."""
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()
        return f"{self.name}@{digest[:12]}"

    def round(self, amount: Fraction) -> Decimal:
        return round_to(amount, self.decimals, self.rounding)


DEFAULT_POLICY = PricingPolicy(name="half-up-2")
