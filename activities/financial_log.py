"""Extend the log of financial records: a step in the background, so that no write waits for it."""

import time
from dataclasses import dataclass

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.cases import open_case
from activities.resources import Resources
from canonical.store.log import LogBroken, SigningKey

_AT_ONCE = 1_000
"""Records in one transaction: a second or two, during which nobody else extends the log."""
_LONG_ENOUGH_S = 30.0


@dataclass(frozen=True)
class LogOrder:
    """`whole`: look for records that are not in the log among all of them, and not only among the newer ones."""

    whole: bool = False


@dataclass(frozen=True)
class Logged:
    """How many records were added to the log. `rest`: there are more."""

    records: int
    rest: bool = False


class LogActivities:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @activity.defn(name="financial-log-extend")
    async def extend(self, order: LogOrder) -> Logged:
        """Append what is not in the log yet, and sign it; for a while at most, and the next one takes the rest.

        By record: once, whoever extends and how often.
        """
        key, began, added = self._resources.log_key, time.monotonic(), 0
        while key is not None and time.monotonic() - began < _LONG_ENOUGH_S:
            more = await self._append(key, whole=order.whole)
            added += more
            if more < _AT_ONCE:
                return Logged(added)
        return Logged(added, rest=key is not None)

    async def _append(self, key: SigningKey, *, whole: bool) -> int:
        """A person is told once of a log that is not what was signed; nothing is added to it any more."""
        store, now = self._resources.store, self._resources.clock()
        try:
            async with store.transaction() as work:
                return await work.log.extend(key, now, limit=_AT_ONCE, whole=whole)
        except LogBroken as error:
            async with store.transaction() as work:
                await open_case(work, self._resources, "log-broken", "financial log", str(error))
            raise ApplicationError(str(error), type="LogBroken", non_retryable=True) from error
