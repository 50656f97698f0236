"""`roam chaos`: two deployments roam while everything around them, and of them, is broken; then they are judged.

`plan` is everything that will happen, out of the seed. `sites` are the two deployments, `proxy` the bad road between
them, `traffic` the backends of both companies, `faults` the hand that kills. `run` puts them together, and `checks`
judge by what the run leaves: `evidence`.
"""

import asyncio
import json as json_format
import shutil
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from temporalio.runtime import Runtime, TelemetryConfig

from deploy.chaos.display import Display
from deploy.chaos.plan import Plan
from deploy.chaos.run import Outcome, Run
from deploy.commands import PROJECT
from deploy.embedded import EmbeddedError
from deploy.processes import ProcessError

_INTERRUPTED = 130
_STOPPED_BY = (signal.SIGINT, signal.SIGTERM)


def chaos(plan: Plan, *, folder: Path | None, keep: bool, json: bool) -> int:
    """Play a run. 0: nothing is lost; 1: something is, or it could not be played; 130: interrupted.

    The folder is kept when something is lost, or with `keep`. With `json` the outcome is on standard output, and all
    else on the other.
    """
    console = Console(stderr=json, highlight=False)
    display = Display(console)
    place = (folder or PROJECT / ".roam" / "chaos" / f"seed-{plan.seed}").absolute()
    if place.exists() and any(place.iterdir()):
        console.print(f"[red]{place} is not empty[/]: give another --folder, or remove it", soft_wrap=True)
        return 1
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    again = f"roam chaos --seed {plan.seed} --sessions {plan.sessions} --kills {plan.kills}"
    display.say(f"seed {plan.seed}; to repeat: {again}")
    # The SDK would print a line for each call to a Temporal server that was killed, and on standard output.
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)
    try:
        outcome = asyncio.run(_interruptible(Run(plan, place, display)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print(f"\ninterrupted; what there was is in {place}", soft_wrap=True)
        return _INTERRUPTED
    except (ProcessError, EmbeddedError, TimeoutError) as error:
        console.print(f"[red]it could not be played: {error!r}[/]\nlogs: {place}", soft_wrap=True)
        return 1
    document = _document(outcome, again)
    (place / "verdict.json").write_text(json_format.dumps(document, indent=2, default=str), encoding="utf-8")
    display.outcome(outcome)
    if json:
        sys.stdout.write(json_format.dumps(document, indent=2, default=str) + "\n")
        sys.stdout.flush()
    if outcome.violations or keep:
        display.say(f"everything is in {place}")
    else:
        shutil.rmtree(place)
    display.say(f"seed {plan.seed}; to repeat: {again}")
    return 1 if outcome.violations else 0


async def _interruptible(run: Run) -> Outcome:
    """Ctrl-C ends a run in order: what was started is stopped, also when it comes a second time."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(run.play())

    def stop() -> None:
        for number in _STOPPED_BY:
            loop.add_signal_handler(number, lambda: None)
        task.cancel()

    for number in _STOPPED_BY:
        loop.add_signal_handler(number, stop)
    return await task


def _document(outcome: Outcome, again: str) -> dict[str, Any]:
    """The outcome for machines."""
    return {
        "lost_nothing": not outcome.violations,
        "seed": outcome.plan.seed,
        "again": again,
        "sessions": len(outcome.journal.sessions),
        "kills": outcome.kills,
        "requests_between_sites": outcome.passed,
        "requests_made_again": outcome.repeats,
        "ended_by_themselves": outcome.ended_by_themselves,
        "seconds": outcome.seconds,
        "violations": [asdict(violation) for violation in outcome.violations],
        "recovery_s": outcome.recoveries.figures(),
        "recoveries": [asdict(each) for each in outcome.recoveries.found],
        "faults_by_kind": dict(outcome.faults.counts()),
        "faults": [asdict(fault) for fault in outcome.faults],
        "settlements": [asdict(each) for each in outcome.journal.settlements],
        "refused": outcome.journal.refused,
    }
