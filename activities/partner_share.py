"""How much of a worker one partner may have: a slow one takes some of the slots, and never all.

A worker has so many slots for activities, and a call that hangs holds one. Turns among waiting work are the server's
affair (fairness keys); what has begun is ours. What is above the share is given back at once and tried again later,
as if the partner had asked for a pause: it holds no slot while it waits.
"""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

_LONGEST_PAUSE_S = 30.0


class PartnerShare(Interceptor):
    """At most `most` activities for one fairness key at a time, in all workers of a process that it is given to.

    What may be tried only once is let through: a handshake's steps, of which a partner has one at a time.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: Counter[str] = Counter()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  Temporal's name
        return _Inbound(next, self)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, then: ActivityInboundInterceptor, share: PartnerShare) -> None:
        super().__init__(then)
        self._share = share

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401  Temporal's signature
        info = activity.info()
        partner = info.priority.fairness_key
        if not partner:
            return await super().execute_activity(input)
        held = self._share.held
        if held[partner] >= self._share.most and not _only_once(info):
            raise ApplicationError(
                f"{held[partner]} conversations with {partner} are under way in this worker",
                type="PartnerBusy",
                next_retry_delay=_pause(info.attempt),
                category=ApplicationErrorCategory.BENIGN,
            )
        held[partner] += 1
        try:
            return await super().execute_activity(input)
        finally:
            held[partner] -= 1
            if not held[partner]:
                del held[partner]


def _only_once(info: activity.Info) -> bool:
    return info.retry_policy is not None and info.retry_policy.maximum_attempts == 1


def _pause(attempt: int) -> timedelta:
    """1, 2, 4 … 30 s, each cut by up to half: what waits comes back a little at a time."""
    longest = min(2.0 ** (min(attempt, 10) - 1), _LONGEST_PAUSE_S)
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311  spreads load, hides nothing
