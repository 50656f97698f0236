"""`roam stuck`, `roam deliveries`, `roam sessions`: what is under way, with whom, since when, and what to do."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from deploy.commands.finance import call

_TITLES = ("what", "with", "state", "since", "acts", "about")
_PAGE = 100
_MOST = 500
"""A longer list is for nobody to read: those that have waited longest are on it."""


@dataclass(frozen=True)
class Asked:
    """Which work a person wants to see."""

    kind: str | None = None
    connection: str | None = None
    state: str | None = None
    attention: bool = False
    ended: bool = False

    def parameters(self) -> dict[str, str]:
        named = {"kind": self.kind, "connection": self.connection, "state": self.state and self.state.upper()}
        flags = {"attention": self.attention, "ended": self.ended}
        return {name: value for name, value in named.items() if value} | {n: "true" for n, on in flags.items() if on}


def run(folder: Path, asked: Asked, *, as_json: bool) -> None:
    """Print what is under way, what has waited longest first."""
    items, total, unanswered = _read(folder, asked)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    else:
        _print(items)
    if total > len(items):
        typer.echo(f"{total - len(items)} more are left out: narrow the list.", err=True)
    if unanswered:
        typer.echo(f"{unanswered} of these did not say in time what they wait for: is a worker running?", err=True)


def _print(items: list[dict[str, Any]]) -> None:
    console = Console(highlight=False)
    for line in lines(items, datetime.now(UTC)) if items else ("Nothing.",):
        console.print(line)


def _read(folder: Path, asked: Asked) -> tuple[list[dict[str, Any]], int, int]:
    """The list as far as it is read, how long it is as a whole, and how many were asked in vain for their words."""
    parameters = asked.parameters() | {"limit": str(_PAGE)}
    items: list[dict[str, Any]] = []
    total = unanswered = 0
    after: dict[str, str] = {}
    while len(items) < _MOST:
        page: Any = call(folder, "GET", f"/work?{urlencode(parameters | after)}")
        items, total = items + page["items"], page["total"]
        unanswered += page["unanswered"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    return items, total, unanswered


def lines(items: list[dict[str, Any]], now: datetime) -> Iterator[Text | Padding]:
    """One line for each: what, with whom, where it stands and since when; below it why, what to do, and its id."""
    rows = [_TITLES, *(_row(item, now) for item in items)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    for row, item in zip(rows, (None, *items), strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if item is None:
            yield Text(cells, style="bold")
        else:
            yield Text(cells, style="red" if item["broken"] else "yellow" if item["attention"] else "")
            yield Padding(_words(item), (0, 0, 1, 4))


def _row(item: dict[str, Any], now: datetime) -> tuple[str, ...]:
    since = _ago(now - datetime.fromisoformat(item["since"]))
    about = item["about"] or ""
    return item["kind"], item["connection"] or "", _state(item), since, _until(item["deadline"], now), about


def _state(item: dict[str, Any]) -> str:
    state = "its own code fails" if item["broken"] else item["state"] or "?"
    return f"{state} ({item['outcome'].lower()})" if item["outcome"] not in {None, "COMPLETED"} else state


def _words(item: dict[str, Any]) -> Text:
    said = []
    if item["waiting_for"]:
        said.append(f"waits for {item['waiting_for']}\n")
    if item["next_action"]:
        said.append(f"→ {item['next_action']}\n")
    return Text("".join(said)).append(item["workflow_id"], style="dim")


def _ago(passed: timedelta) -> str:
    """Two units at most: `3 d 4 h`, `12 min`."""
    seconds = max(int(passed.total_seconds()), 0)
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def _until(deadline: str | None, now: datetime) -> str:
    """In how long it does something by itself."""
    if deadline is None:
        return ""
    left = datetime.fromisoformat(deadline) - now
    return f"in {_ago(left)}" if left > timedelta(0) else "now"
