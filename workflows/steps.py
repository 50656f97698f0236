"""Steps of a conversation with a partner that are tried until they work, or until a person gives up."""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from workflows import patience
    from workflows.reasons import kind_of, reason_of
    from workflows.search_attributes import tell


class NotNow(ApplicationError):
    """What a person asked for makes no sense at this point; the text says why."""

    def __init__(self, why: str) -> None:
        super().__init__(why, type="NotNow", non_retryable=True)


class RunIsLong(Exception):
    """So many attempts have been made in this run that another one has to go on, at this step."""

    def __init__(self, step: str, tries: int) -> None:
        super().__init__(step)
        self.step = step
        self.tries = tries


class Steps:
    """Between attempts the workflow says what went wrong and what a person can do: `retry`, `give_up_now`, …"""

    def __init__(
        self, giving_up: str, *, at: str | None = None, tries: int = 0, is_long: Callable[[], bool] = lambda: False
    ) -> None:
        """`giving_up` is what a person does who gives up, in a word or two behind "to".

        A run before this one came to the step `at`, and had tried it so often. `is_long`: whether this one is to end.
        """
        self._giving_up = giving_up
        self._at, self._tried, self._is_long = at, tries, is_long
        self._nudged = False
        self._skipped = False
        self.step: str | None = None
        """The step that is being taken."""
        self.stuck = False
        """Whether it has failed, and waits for its next attempt."""
        self.given_up = False

    async def take(
        self,
        state: str,
        waiting_for: str,
        attempt: Callable[[], Awaitable[None]],
        *,
        longest_pause: timedelta | None = None,
        until: datetime | None = None,
        mending: Callable[[str | None], str] = lambda _: "",
    ) -> bool:
        """True when it worked. False when a person gave up or skipped it, or when the time for it was over.

        `mending` is what a person can do about a failure of this kind, if anything. Raises RunIsLong.
        """
        if self._at not in (None, state):
            return True  # in a run before this one
        tries, self._at, self._tried = self._tried, None, 0
        if not self.given_up:
            self.step, self._skipped = state, False
        deadline, failed = until, ""
        while not self.given_up and not self._skipped and (until is None or workflow.now() < until):
            if tries and self._is_long():
                raise RunIsLong(state, tries)
            if tries == 0:
                tell(state, waiting_for)
            else:
                tell(f"STUCK_{state}", waiting_for + failed, "none: being tried now", attention=True, deadline=deadline)
            try:
                await attempt()
            except ActivityError as failure:
                tries += 1
                pause = patience.pause_before_attempt(tries, longest_pause or _longest(tries))
                deadline = workflow.now() + pause
                failed = f"; attempt {tries} failed: {reason_of(failure)}"
                mend = mending(kind_of(failure))
                tell(
                    f"STUCK_{state}",
                    waiting_for + failed,
                    f"{f'{mend};' if mend else 'none:'} tried again in {pause.total_seconds():.0f} s. "
                    f"Update `retry` to try at once, `give_up_now` to {self._giving_up}.",
                    attention=True,
                    deadline=deadline,
                )
                await self._rest(pause)
            else:
                self.step = None
                return True
        self.step = None
        return False

    async def _rest(self, pause: timedelta) -> None:
        self._nudged, self.stuck = False, True
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._nudged or self._skipped or self.given_up, timeout=pause)
        self.stuck = False

    def nudge(self) -> None:
        """Try the current step again at once."""
        self._nudged = True

    def skip(self) -> None:
        """Go on without the current step."""
        self._skipped = True

    def give_up(self) -> None:
        """Try no more, neither this step nor any that would follow."""
        self.given_up = True


def _longest(tries: int) -> timedelta:
    return patience.LONGEST_PAUSE if tries <= patience.WATCHED_ATTEMPTS else patience.UNWATCHED_PAUSE
