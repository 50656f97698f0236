"""Steps of a conversation with a partner that are tried until they work, or until a person gives up."""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from workflows import patience
    from workflows.search_attributes import tell


class Steps:
    """Between attempts the workflow says what went wrong and what a person can do: `nudge` it, or `give_up`."""

    def __init__(self, giving_up: str) -> None:
        """`giving_up` is what a person does who gives up, in a word or two behind "to"."""
        self._giving_up = giving_up
        self._nudged = False
        self.given_up = False

    async def take(
        self,
        state: str,
        waiting_for: str,
        attempt: Callable[[], Awaitable[None]],
        *,
        longest_pause: timedelta = patience.LONGEST_PAUSE,
        until: datetime | None = None,
    ) -> bool:
        """True when it worked. False when a person gave up, or when the time for it was over."""
        tries = 0
        while not self.given_up and (until is None or workflow.now() < until):
            tell(state, waiting_for)
            try:
                await attempt()
            except ActivityError as failure:
                tries += 1
                pause = patience.pause_before_attempt(tries, longest_pause)
                tell(
                    f"STUCK_{state}",
                    f"{waiting_for}; attempt {tries} failed: {failure.cause or failure}",
                    f"none: tried again in {pause.total_seconds():.0f} s. "
                    f"Signal `nudge` to try at once, `give_up` to {self._giving_up}.",
                    attention=True,
                )
                self._nudged = False
                with contextlib.suppress(TimeoutError):
                    await workflow.wait_condition(lambda: self._nudged or self.given_up, timeout=pause)
            else:
                return True
        return False

    def nudge(self) -> None:
        """Try the current step again at once."""
        self._nudged = True

    def give_up(self) -> None:
        """Try no more, neither this step nor any that would follow."""
        self.given_up = True
