"""What the person in front of the terminal sees while the story runs, and what it prints at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console


@dataclass
class Display:
    """One line a step, with its time. A terminal shows the step that is under way; a log gets finished ones."""

    console: Console
    began: float = field(default_factory=time.monotonic)

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/]")

    @contextmanager
    def step(self, words: str) -> Iterator[list[str]]:
        """Time a step. What is appended to the list is shown behind it when it is done."""
        notes: list[str] = []
        started = time.monotonic()
        with self.console.status(f"{words} …", spinner="dots"):
            try:
                yield notes
            except BaseException:
                self.console.print(f"  [red]✗[/] {words}")
                raise
        took = time.monotonic() - started
        behind = f" [dim]— {'; '.join(notes)}[/]" if notes else ""
        self.console.print(f"  [green]✓[/] {words}{behind} [dim]({took:.1f} s)[/]")

    def say(self, words: str) -> None:
        self.console.print(f"    {words}")

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.began
