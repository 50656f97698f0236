"""What has been agreed with a partner about money: how it prices, how far figures may differ, what waits for a person.

Operators call it the contract. An agreement never changes: a new one takes its place, and what was made or checked
under it keeps its `ref`.
"""

import hashlib
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from canonical.cdr import Discount
from canonical.model import CanonicalModel, Identifier, Number
from settlement.pricing.policy import DEFAULT_POLICY, PricingPolicy


class AmountBasis(StrEnum):
    """What an amount means of which its version does not say whether tax is in it (OCPI 2.1.1: a bare number)."""

    NET = "NET"
    GROSS = "GROSS"
    NOT_AGREED = "NOT_AGREED"
    """Then nobody can say what is owed, and every such CDR waits for a person."""


class UnprovedEnergy(StrEnum):
    """What becomes of a CDR whose energy no valid signature of a registered meter proves."""

    ACCEPTED = "ACCEPTED"
    QUARANTINED = "QUARANTINED"


class Agreement(CanonicalModel):
    """The terms between us and one partner by which CDRs are made and checked. Tolerances are per amount."""

    name: Identifier
    pricing: PricingPolicy = DEFAULT_POLICY
    money_tolerance: Annotated[Number, Field(ge=0)] = Decimal("0.01")
    energy_tolerance_kwh: Annotated[Number, Field(ge=0)] = Decimal("0.001")
    amount_basis: AmountBasis = AmountBasis.NET
    unproved_energy: UnprovedEnergy = UnprovedEnergy.ACCEPTED
    latest: timedelta | None = None
    """How long after its end a session may be billed, until its CDR arrives; None: as long as the law says."""
    discounts: tuple[Discount, ...] = ()
    """Granted on every session of the partner's drivers, beside what is sealed with a single session."""
    delivery_days: Annotated[int, Field(ge=1, le=3660)] = 90
    """So long a CDR of ours is tried to be delivered before a person decides (90: usual in roaming contracts)."""
    in_order: tuple[Identifier, ...] = ()
    """Modules (`cdrs`, `sessions`) in which nothing of ours may overtake what came about before it."""

    @property
    def ref(self) -> str:
        """Name and digest of the content: `standard@3f2a…`. What is at its default stays out of the digest."""
        digest = hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()
        return f"{self.name}@{digest[:12]}"


STANDARD = Agreement(name="standard")
"""Where nothing else was agreed."""


def agreed(document: str | None, policy: PricingPolicy) -> Agreement:
    """The agreement out of its JSON text. None: nothing was agreed, and STANDARD holds, with `policy`."""
    if document is None:
        return STANDARD.model_copy(update={"pricing": policy})
    return Agreement.model_validate_json(document)
