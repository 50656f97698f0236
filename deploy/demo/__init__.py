"""`roam demo`: two companies roam, end to end, with everything real and everything on this machine.

`cast` says who and what, `stage` builds the two deployments, `story` plays it over their APIs, `auditor` looks with
files and commands only, `books` judges the outcome, and `recalculation` knows what it has to be.
"""

import asyncio
import json as json_format
import secrets
import signal
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from types import FrameType

from rich.console import Console

from deploy.commands import PROJECT
from deploy.demo import books, cast
from deploy.demo.books import Check
from deploy.demo.cast import Json
from deploy.demo.display import Display
from deploy.demo.office import StoryFailed
from deploy.demo.stage import Stage
from deploy.demo.story import TO_CPO, TO_EMSP, Story, Told
from deploy.embedded import EmbeddedError
from deploy.processes import ProcessError
from workflows import ids

_INTERRUPTED = 130


def demo(*, keep: bool, json: bool) -> int:
    """Play the story. 0: both sides agree with each other and with the recalculation; 1: not; 130: interrupted.

    `keep` leaves it running until Ctrl-C. With `json` the outcome is on standard output and all else on the other.
    """
    console = Console(stderr=json, highlight=False)
    display = Display(console)
    stage = Stage(PROJECT / ".roam" / "demo" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}")
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell that starts it in the background has SIGINT ignored
        signal.signal(number, _as_interrupt)
    try:
        with display.step("two deployments: PostgreSQL each, a Temporal namespace each, api and worker each"):
            stage.set_up()
        outcome = asyncio.run(_play(stage, display))
        _print(outcome, stage, display, console)
        if json:
            sys.stdout.write(json_format.dumps(outcome, indent=2) + "\n")
            sys.stdout.flush()
        if keep:
            _stay(stage, console)
    except KeyboardInterrupt:
        console.print("\ninterrupted; everything is being stopped")
        return _INTERRUPTED
    except (StoryFailed, ProcessError, EmbeddedError) as error:
        console.print(f"[red]{error}[/]\nlogs: {stage.folder}")
        return 1
    finally:
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stage.clear()
    return 0 if outcome["agree"] else 1


async def _play(stage: Stage, display: Display) -> Json:
    story = Story(stage, display)
    try:
        told = await story.tell()
        display.chapter("The books")
        held = await books.fetch(story.cpo, story.emsp)
        checks = books.audit(held, told)
        return _outcome(stage, told, checks, held, display.elapsed_s)
    finally:
        await story.close()


def _outcome(stage: Stage, told: Told, checks: list[Check], held: books.Books, seconds: float) -> Json:
    links = {
        "handshake (operator)": stage.workflow_link(stage.cpo, ids.handshake(TO_EMSP)),
        "handshake (provider)": stage.workflow_link(stage.emsp, ids.handshake(TO_CPO)),
        "settlement": stage.workflow_link(stage.cpo, ids.settlement_cycle(TO_EMSP, cast.MONTH)),
    }
    for drive in (cast.INTERRUPTED, cast.HELD_UP, cast.TAMPERED):
        key = f"{cast.CPO_PARTY}/{drive.id}"
        links[f"session {drive.id}"] = stage.workflow_link(stage.cpo, ids.charging_session(TO_EMSP, key))
    return {
        "agree": all(check.holds for check in checks),
        "seconds": round(seconds, 1),
        "checks": [asdict(check) for check in checks],
        "operator": {"party": cast.CPO_PARTY, "cdrs": len(held.ours), "open_cases": len(held.cpo_cases)},
        "provider": {"party": cast.EMSP_PARTY, "cdrs": len(held.theirs), "open_cases": len(held.emsp_cases)},
        "invoice": {name: told.invoice[name] for name in ("number", "currency", "net", "vat", "gross")},
        "left_out": [item["cdr"]["id"] for item in told.invoice["left_out"]],
        "killed": [asdict(killed) for killed in told.killed],
        "recovery_s": told.recovery_s,
        "files": told.files,
        "try": told.papers.suggestions(),
        "logs": str(stage.folder),
        "temporal_ui": stage.temporal.ui_url,
        "links": links,
    }


def _print(outcome: Json, stage: Stage, display: Display, console: Console) -> None:
    for check in outcome["checks"]:
        mark = "[green]✓[/]" if check["holds"] else "[red]✗[/]"
        detail = f" [dim]{check['detail']}[/]" if check["detail"] and not check["holds"] else ""
        console.print(f"  {mark} {check['what']}{detail}")
    display.chapter("Try it: these files are about one of the CDRs, and nothing has to run")
    for command in outcome["try"]:
        console.print(f"  {command}", soft_wrap=True)
    display.chapter("Where it is")
    for file in outcome["files"]:
        console.print(f"  {file}", soft_wrap=True)
    console.print(f"  logs: {stage.folder}", soft_wrap=True)
    console.print(f"  Temporal UI: {outcome['temporal_ui']} (while it runs: `roam demo --keep`)", soft_wrap=True)
    for name, link in outcome["links"].items():
        console.print(f"    {name}: {link}", soft_wrap=True)
    verdict = "[bold green]Both sides agree" if outcome["agree"] else "[bold red]The sides do not agree"
    console.print(f"\n{verdict}[/] ({outcome['seconds']:.0f} s)")


def _stay(stage: Stage, console: Console) -> None:
    for company in (stage.cpo, stage.emsp):
        deployment = company.deployment
        console.print(
            f"{deployment.business_name}: {deployment.url}/contract/v1/docs, API key in "
            f"{deployment.folder / 'secrets' / 'roam_contract_api_keys'}",
            soft_wrap=True,
        )
    console.print("It is left running: Ctrl-C ends it.")
    while True:
        time.sleep(3600)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
