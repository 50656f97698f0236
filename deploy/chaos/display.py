"""What a person sees while a run goes on, and at its end."""

import asyncio
import time
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.status import Status

from deploy.chaos.evidence import FaultLog, Journal, Told

if TYPE_CHECKING:
    from deploy.chaos.faults import Hand
    from deploy.chaos.run import Outcome

_LINE_EVERY_S: Final = 10.0
_SHOWN: Final = 12


class Display:
    """One line that moves on a terminal; a line now and then in a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._phase = ""
        self._waits_for: list[str] = []
        self._journal = Journal()
        self._faults = FaultLog()
        self._hand: Hand | None = None
        self._status: Status | None = None

    def say(self, words: str) -> None:
        self._console.print(words, soft_wrap=True)

    def phase(self, words: str) -> None:
        self._phase, self._waits_for = words, []
        self._console.print(f"[dim]{self._elapsed}[/] {words}")

    def follow(self, journal: Journal, faults: FaultLog, hand: "Hand") -> None:
        self._journal, self._faults, self._hand = journal, faults, hand

    def waits_for(self, still: list[str]) -> None:
        self._waits_for = still

    async def refresh(self) -> None:
        """Runs until it is cancelled."""
        live = self._console.is_terminal
        if live:
            self._status = self._console.status("")
            self._status.start()
        try:
            while True:
                await asyncio.sleep(0.5 if live else _LINE_EVERY_S)
                if self._status is not None:
                    self._status.update(self._line())
                else:
                    self._console.print(self._line(), soft_wrap=True)
        finally:
            if self._status is not None:
                self._status.stop()

    @property
    def _elapsed(self) -> str:
        seconds = round(time.monotonic() - self._began)
        return f"{seconds // 60:02}:{seconds % 60:02}"

    def _line(self) -> str:
        told = [session.told for session in self._journal.sessions.values()]
        kills = self._hand.kills if self._hand else 0
        words = f"{self._elapsed} {len(told)} sessions begun, {told.count(Told.STOPPED)} ended, {kills} kills, "
        words += f"{len(self._faults)} faults"
        if self._waits_for:
            words += f"; {len(self._waits_for)} under way: {', '.join(self._waits_for)[:240]}"
        return words.replace("[", "\\[")

    def outcome(self, outcome: "Outcome") -> None:
        """Faults by kind, time to recover, verdict."""
        self.say("\nfaults")
        for kind, count in outcome.faults.counts().most_common():
            self.say(f"  {count:5} {kind}")
        self.say("time to recover from the restart, in seconds (ready; business through it)")
        for kind, figures in outcome.recoveries.figures().items():
            business = f"{figures.get('business_p50', '—')} p50, {figures.get('business_max', '—')} max"
            ready = f"{figures['ready_p50']} p50, {figures['ready_max']} max"
            self.say(f"  {kind:10} {figures['count']:4} kills   ready {ready}   business {business}")
        self.say(f"phases in seconds: {', '.join(f'{name} {took}' for name, took in outcome.seconds.items())}")
        if not outcome.violations:
            self.say(
                f"\n[bold green]Nothing is lost[/]: {len(outcome.journal.sessions)} sessions, {outcome.kills} kills"
            )
            return
        self.say(f"\n[bold red]{len(outcome.violations)} violations[/]")
        for violation in outcome.violations[:_SHOWN]:
            self._console.print(f"  ✗ {violation}", soft_wrap=True, markup=False, style="red")
        if len(outcome.violations) > _SHOWN:
            self.say(f"  … and {len(outcome.violations) - _SHOWN} more, all in {outcome.folder / 'verdict.json'}")
