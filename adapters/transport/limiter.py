"""How hard one partner is called: so many requests at once, so many a second, and none while it asked for a pause.

One limiter a partner and process: a partner that is slow or asks for a pause holds up nobody but itself.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.contract import PartnerUnavailable

PATIENCE_S = 5.0
"""A pause, or a turn in the queue, of up to this long is waited for; a longer one is told to the caller."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
"""Pauses after a 429 that names none: doubled from the one to the other (dialect 31)."""


@dataclass(frozen=True)
class Pace:
    """`at_once` is the number of requests under way at the same time; `per_second` how many are begun in a second.

    A burst of as many as a second holds is let through at once.
    """

    at_once: int = 8
    per_second: float = 50.0


class Limiter:
    """The pace of one partner. Times are in seconds of a clock that never goes back."""

    def __init__(self, pace: Pace, now: Callable[[], float], patience_s: float = PATIENCE_S) -> None:
        self._pace = pace
        self._now = now
        self._patience_s = patience_s
        self._slots = asyncio.Semaphore(pace.at_once)
        self._burst = max(pace.per_second, 1.0)
        self._tokens = self._burst
        self._filled_at = now()
        self._paused_until = 0.0
        self._refusals = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it. Raises PartnerUnavailable, without asking the partner, when it is not soon."""
        await self._not_paused()
        try:
            async with asyncio.timeout(self._patience_s):
                await self._slots.acquire()
        except TimeoutError:
            raise PartnerUnavailable(
                f"{self._pace.at_once} requests to this partner are under way", retry_after_s=self._patience_s
            ) from None
        try:
            await self._not_paused()  # what was under way when we queued up may have brought a pause
            await self._next()
            yield
        finally:
            self._slots.release()

    def pause(self, seconds: float | None) -> float:
        """The partner asked for a pause; None: it asked without saying how long. Returns how long it is."""
        self._refusals += 1
        if seconds is None:
            longest = min(_FIRST_PAUSE_S * 2 ** (min(self._refusals, 10) - 1), _LONGEST_PAUSE_S)
            seconds = longest * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, hides nothing
        self._paused_until = max(self._paused_until, self._now() + seconds)
        return seconds

    def answered(self) -> None:
        """The partner took a request: the next 429 without a time begins with a short pause again."""
        self._refusals = 0

    async def _not_paused(self) -> None:
        while (left := self._paused_until - self._now()) > 0:
            if left > self._patience_s:
                raise PartnerUnavailable(
                    f"the partner asked for a pause, of which {left:.0f} s are left",
                    http_status=429,
                    retry_after_s=left,
                )
            await asyncio.sleep(left)

    async def _next(self) -> None:
        """Take one from the bucket; when it is empty, wait for what we have borrowed to flow in."""
        now = self._now()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._pace.per_second)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._pace.per_second)
