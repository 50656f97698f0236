"""Let go of what nobody may keep any more: a step in the background, once a day."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from temporalio import activity

from activities.heartbeat import beating
from activities.resources import Resources
from canonical.store import NotFound, RetentionPolicy, Store
from canonical.store.expiry import EXPIRIES

_DRIVERS = 200
_OVER = "nothing is kept of him any more that would need his name"


@dataclass(frozen=True)
class LetGo:
    """How many rows went, by table, and how many drivers were forgotten."""

    rows: dict[str, int] = field(default_factory=dict)
    drivers: int = 0


async def let_go(store: Store, policy: RetentionPolicy, today: date) -> LetGo:
    """Remove rows whose time has passed, and destroy the keys of drivers whose last record has left its class.

    In small transactions: cut off, what went is gone, and the next one takes the rest.
    """
    rows: Counter[str] = Counter()
    for expiry in EXPIRIES:
        while True:
            async with store.transaction() as work:
                gone = await work.retention.expire(expiry, policy, today)
            if not gone:
                break
            rows[expiry.table] += gone
    while True:
        async with store.transaction() as work:
            gone = await work.retention.retire_events(policy, today)
        if not gone:
            break
        rows["event"] += gone
    return LetGo(dict(rows), await _forget_drivers(store, policy, today))


async def _forget_drivers(store: Store, policy: RetentionPolicy, today: date) -> int:
    forgotten, after = 0, 0
    while True:
        async with store.transaction() as work:
            due = await work.forgetting.drivers_due(policy, today, after, _DRIVERS)
        for number in due:
            try:
                async with store.transaction() as work:
                    known = await work.forgetting.known(number)
                    if known is not None:
                        await work.forgetting.let_go_of(known, _OVER)
                        forgotten += 1
            except NotFound:
                continue  # somebody else was quicker
        if not due:
            return forgotten
        after = due[-1]


class RetentionActivities:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @activity.defn(name="retention-let-go")
    async def let_go(self) -> LetGo:
        """Remove what is due today. Repeatable: what is gone is gone."""
        async with beating():
            return await let_go(self._resources.store, self._resources.retention, self._resources.clock().date())
