"""Which agreement with a partner a CDR is made and checked under."""

from datetime import datetime

from canonical.store import UnitOfWork
from settlement.agreement import Agreement, agreed
from settlement.pricing.policy import DEFAULT_POLICY, PricingPolicy


async def agreement_for(
    work: UnitOfWork, connection_id: str, at: datetime, policy: PricingPolicy = DEFAULT_POLICY
) -> Agreement:
    """What was in force with a partner when a session began. Nothing agreed by then: STANDARD, with the policy given.

    An agreement never changes and none begins in the past, so the same question gets the same answer at any time.
    """
    kept = await work.agreements.in_force(connection_id, at)
    return agreed(kept.document if kept else None, policy)
