"""What OCPI leaves to the parties, written down once: how amounts are rounded and how a tariff is read."""

import hashlib
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from canonical.model import CanonicalModel, Identifier
from settlement.currency import minor_digits
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


class FlatReading(StrEnum):
    """How often a flat fee is due, which OCPI does not say for a tariff with several of them."""

    ONCE_PER_ELEMENT = "ONCE_PER_ELEMENT"
    """Each one once a session, at the moment from which its element first gives the flat fee."""
    ONCE_PER_SESSION = "ONCE_PER_SESSION"
    """Only the first one that applies."""


class NightReading(StrEnum):
    """Which weekday a window from one day into the next belongs to, after midnight."""

    DAY_OF_THE_INSTANT = "DAY_OF_THE_INSTANT"
    """Each restriction by itself: 22:00 to 06:00 on a Friday does not hold on Saturday at 02:00."""
    DAY_IT_BEGAN = "DAY_IT_BEGAN"
    """The night belongs to the day on which it began."""


class PriceChange(StrEnum):
    """What becomes of a charging period within which the price changes, which OCPI does not allow."""

    FLAG = "FLAG"
    """It is billed at the price of its first moment, and noted."""
    SPLIT = "SPLIT"
    """It is cut at the change: time exactly, energy by the signed meter samples around it. Where there are none, as
    FLAG.
    """
    REFUSE = "REFUSE"
    """There is no price."""


class RoundingPlace(StrEnum):
    """What is rounded. Either way every amount has the policy's decimals, and lines sum to totals to the last digit."""

    LINE = "LINE"
    """Each line, and the total is their sum; tax is rounded once a tax, on the sum of the rounded lines."""
    TOTAL = "TOTAL"
    """The exact total and each tax on its exact base; a line is by how much the rounded running total grows with it."""


class MinimumPrice(StrEnum):
    """Which sessions a lowest price holds for. OCPI speaks of every session; a failed one is for the contract."""

    EVERY_SESSION = "EVERY_SESSION"
    WHERE_ENERGY_FLOWED = "WHERE_ENERGY_FLOWED"


class PricingPolicy(CanonicalModel):
    """The agreement by which a price is computed. Its `ref` is stored with everything that it priced.

    `decimals` None: as many as the currency has (ISO 4217), because an amount of half a yen can be neither invoiced nor
    paid. How far two parties' figures may differ belongs to the agreement with a partner (settlement.agreement), which
    contains its policy.
    """

    name: Identifier
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    rounding: Rounding = Rounding.HALF_UP
    step_size: StepSizeReading = StepSizeReading.LAST_DIMENSION
    selection: SelectionReading = SelectionReading.PER_DIMENSION
    rounding_place: RoundingPlace = RoundingPlace.LINE
    price_change: PriceChange = PriceChange.FLAG
    flat_fees: FlatReading = FlatReading.ONCE_PER_ELEMENT
    nights: NightReading = NightReading.DAY_OF_THE_INSTANT
    minimum_price: MinimumPrice = MinimumPrice.EVERY_SESSION

    @property
    def ref(self) -> str:
        """Name and digest of the content: `half-up-total@3f2a…`. Two policies with the same ref price alike.

        What is at its default stays out of the digest, so that a choice added later changes no ref.
        """
        digest = hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()
        return f"{self.name}@{digest[:12]}"

    def digits(self, currency: str) -> int:
        """The decimals of an amount of this currency."""
        return minor_digits(currency) if self.decimals is None else self.decimals

    def round(self, amount: Fraction, currency: str) -> Decimal:
        return round_to(amount, self.digits(currency), self.rounding)


DEFAULT_POLICY = PricingPolicy(name="half-up-total", rounding_place=RoundingPlace.TOTAL)
"""Commercial rounding of the exact total, and of each tax on its exact base, to the minor unit of the currency: two
decimals for most, none for the yen. So the amounts are those that the standard prints for its own examples.
"""
