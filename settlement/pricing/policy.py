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
    COMBINED_TIME = "COMBINED_TIME"
    """Energy once; charging and parking together, the surplus at the last price of time (2.2-d2 and 2.2.1)."""
    PER_DIMENSION = "PER_DIMENSION"
    """Each dimension by itself (2.2, and how 2.1.1 is commonly read)."""
    IGNORED = "IGNORED"
    """What was measured is billed, for contracts that agree on it."""


class SelectionReading(StrEnum):
    """Which element gives the price, where several apply."""

    PER_DIMENSION = "PER_DIMENSION"
    """For each dimension the first element that has it and applies (OCPI 2.2.1 tariffs, Tariff object)."""
    WHOLE_ELEMENT = "WHOLE_ELEMENT"
    """The first element that applies, for all dimensions: what it does not price is free (2.1.1, as many read it)."""


class PricingPolicy(CanonicalModel):
    """The agreement by which a price is computed. Its `ref` is stored with everything that it priced.

    Every cost line is rounded once to `decimals`; totals are sums of rounded lines, so that they always add
    up. Tax is computed per rate on the sum of that rate, and then shared out over its lines.
    """

    name: Identifier
    decimals: Annotated[int, Field(ge=0, le=12)] = 2
    rounding: Rounding = Rounding.HALF_UP
    step_size: StepSizeReading = StepSizeReading.LAST_DIMENSION
    selection: SelectionReading = SelectionReading.PER_DIMENSION

    @property
    def ref(self) -> str:
        """Name and digest of the content: `half-up-2@3f2a…`. Two policies with the same ref price alike.

        What is at its default stays out of the digest, so that a choice added later changes no ref.
        """
        digest = hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()
        return f"{self.name}@{digest[:12]}"

    def round(self, amount: Fraction) -> Decimal:
        return round_to(amount, self.decimals, self.rounding)


DEFAULT_POLICY = PricingPolicy(name="half-up-2")
