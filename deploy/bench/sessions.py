"""What a charging session costs, from its start over its meter readings to a CDR that both sides hold.

Sessions are paced as in life, one reading after a pause: a burst would flatter, for what comes together is done
together. What the deployments do anyway is measured first and taken off. Beside it stands the least that a durable
workflow can be, paced alike on the same server.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
from temporalio.client import Client

from deploy.bench.sites import AT_CPO, CARD, Backend, Site, meet, two_sites, until
from deploy.bench.trivial import READY, TASK_QUEUE, Trivial
from deploy.processes import ChildProcess, says

LEAST: Final = 5
"""Trivial workflows that a session may cost at most, by the CPU time of Temporal and worker."""

_FIRST_DAY: Final = datetime(2026, 4, 1, tzinfo=UTC)
_EVSES: Final = tuple((f"L{n}", f"E{n}1") for n in range(1, 6))


@dataclass(frozen=True)
class Plan:
    """How much: `sessions` of `updates` readings, one each `every_s`; `burst` further ones without a pause."""

    sessions: int
    updates: int
    every_s: float
    idle_s: float
    trivial: int
    burst: int
    at_once: int
    restarts: int

    @classmethod
    def full(cls) -> "Plan":
        return cls(sessions=60, updates=60, every_s=1.0, idle_s=30.0, trivial=200, burst=100, at_once=20, restarts=3)

    @classmethod
    def quick(cls) -> "Plan":
        """Only whether it runs: the numbers mean nothing."""
        return cls(sessions=2, updates=2, every_s=0.05, idle_s=0.5, trivial=4, burst=2, at_once=2, restarts=0)


@dataclass(frozen=True)
class Work:
    """CPU milliseconds each took, by process, and how many there were in how long."""

    count: int
    seconds: float
    cpu_ms: dict[str, float]

    @property
    def durable_ms(self) -> float:
        """What Temporal's server and the worker took for one."""
        return self.cpu_ms["temporal"] + self.cpu_ms["worker"]

    def told(self) -> dict[str, object]:
        each = {name: round(value, 2) for name, value in self.cpu_ms.items()}
        return {"count": self.count, "seconds": round(self.seconds, 1), "cpu_ms": each}


def measure(plan: Plan, say: Callable[[str], None]) -> dict[str, object]:
    """Run it all. Needs the dependency group `embedded`."""
    with tempfile.TemporaryDirectory(prefix="roam-bench-") as folder:
        say("starting two deployments")
        with two_sites(Path(folder)) as (cpo, emsp):
            return asyncio.run(_measured(plan, cpo, emsp, Path(folder), say))


async def _measured(plan: Plan, cpo: Site, emsp: Site, folder: Path, say: Callable[[str], None]) -> dict[str, object]:
    async with Backend(cpo) as backend, Backend(emsp) as provider:
        await meet(backend, provider)
        fleet = _Fleet(backend, plan.updates)
        say("one session, to fill what is kept")
        await fleet.charge(1, plan.updates * [0.0], at_once=1)
        say("what they do when nothing happens")
        idle = [await _idle(site, plan.idle_s) for site in (cpo, emsp)]
        say(f"{plan.sessions} sessions, a reading every {plan.every_s:g} s")
        begun = time.monotonic(), [site.cpu_s() for site in (cpo, emsp)]
        await fleet.charge(plan.sessions, plan.updates * [plan.every_s], at_once=plan.sessions)
        sides = {
            site.name: _work(plan.sessions, begun[0], before, site.cpu_s(), rate)
            for site, before, rate in zip((cpo, emsp), begun[1], idle, strict=True)
        }
        say(f"{plan.trivial} trivial workflows")
        trivial = await _trivial(plan, cpo, folder, idle[0])
        say(f"{plan.burst} sessions as fast as they go")
        started = time.monotonic()
        await fleet.charge(plan.burst, plan.updates * [0.0], at_once=plan.at_once)
        per_second = plan.burst / (time.monotonic() - started)
        say("workers that are restarted, and killed")
        planned, killed = await _restarts(plan, cpo, fleet)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": psutil.cpu_count(),
        "updates": plan.updates,
        "every_s": plan.every_s,
        "sides": {name: work.told() for name, work in sides.items()},
        "trivial": trivial.told(),
        "ratio": {name: round(work.durable_ms / trivial.durable_ms, 2) for name, work in sides.items()},
        "target": LEAST,
        "sessions_per_second": round(per_second, 2),
        "answered_s": {"planned restart": planned, "kill -9": killed},
    }


class _Fleet:
    """Drivers of the provider at the operator's chargers, each with a time of its own."""

    def __init__(self, backend: Backend, updates: int) -> None:
        self._backend = backend
        self._updates = updates
        self._numbers: Iterator[int] = iter(range(1_000_000))

    async def charge(self, count: int, pauses: list[float], *, at_once: int) -> None:
        """So many sessions, begun one after the other over the first pause; returns when all CDRs are delivered."""
        places = asyncio.Semaphore(at_once)

        async def one(turn: int) -> str:
            async with places:
                await asyncio.sleep(pauses[0] * turn / count)
                name = await self.begin()
                for number, pause in enumerate(pauses, 1):
                    await self.read(name, number)
                    await asyncio.sleep(pause)
                await self.end(name)
                return name

        names = set(await asyncio.gather(*(one(turn) for turn in range(count))))

        async def delivered() -> bool:
            return names <= await self._delivered()

        await until("the delivery of all CDRs", delivered, patience_s=120)

    async def begin(self) -> str:
        number = next(self._numbers)
        location, evse = _EVSES[number % len(_EVSES)]
        name = f"B{number:06d}"
        order = {
            "id": name,
            "token": {"uid": CARD, "type": "RFID"},
            "auth_method": "WHITELIST",
            "location_id": location,
            "evse_uid": evse,
            "connector_id": "1",
            "start": _text(self._start(name)),
            "status": "ACTIVE",
        }
        await self._backend.write("POST", "/sessions", order)
        return name

    async def read(self, name: str, number: int) -> None:
        await self._backend.write("POST", f"/sessions/{name}/readings", self._reading(name, number, state="CHARGING"))

    async def end(self, name: str) -> None:
        await self._backend.write("POST", f"/sessions/{name}/stop", self._reading(name, self._updates + 1))

    async def has_cdr(self, name: str) -> bool:
        return name in await self._delivered(states=("ISSUED", "DELIVERED"))

    def _reading(self, name: str, number: int, **more: str) -> dict[str, Any]:
        at = self._start(name) + number * timedelta(minutes=1)
        return {"at": _text(at), "energy_kwh": str(Decimal("0.25") * number), **more}

    @staticmethod
    def _start(name: str) -> datetime:
        """No two of them at one charger at one time."""
        return _FIRST_DAY + timedelta(hours=2) * (int(name[1:]) // len(_EVSES))

    async def _delivered(self, states: tuple[str, ...] = ("DELIVERED",)) -> set[str]:
        found: set[str] = set()
        after: str | None = None
        while True:
            query: dict[str, str] = {} if after is None else {"after": after}
            page = await self._backend.get("/cdrs", connection=AT_CPO, limit=100, **query)
            found |= {view["cdr"]["session_id"] for view in page["items"] if view["state"] in states}
            after = page["next"]
            if after is None:
                return found


async def _idle(site: Site, seconds: float) -> dict[str, float]:
    """CPU seconds a second, by process."""
    before, began = site.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    return {name: (now - before[name]) / took for name, now in site.cpu_s().items()}


def _work(count: int, began: float, before: dict[str, float], after: dict[str, float], idle: dict[str, float]) -> Work:
    seconds = time.monotonic() - began
    each = {name: (after[name] - before[name] - idle.get(name, 0.0) * seconds) * 1000 / count for name in before}
    return Work(count, seconds, each)


async def _trivial(plan: Plan, site: Site, folder: Path, idle: dict[str, float]) -> Work:
    address, namespace = site.temporal.address, site.deployment.temporal_namespace
    process = ChildProcess(
        name="trivial worker",
        command=[sys.executable, "-m", "deploy.bench.trivial", address, namespace],
        log=folder / "trivial.log",
        ready=says(READY),
    )
    process.start()
    try:
        await asyncio.to_thread(process.wait_ready)
        client = await Client.connect(address, namespace=namespace)
        await client.execute_workflow(Trivial.run, 0, id="trivial-0", task_queue=TASK_QUEUE)
        worker = psutil.Process(process.pid)

        def taken() -> dict[str, float]:
            times = worker.cpu_times()
            return {"temporal": site.cpu_s()["temporal"], "worker": times.user + times.system}

        async def one(number: int, due: float) -> None:
            await asyncio.sleep(due)
            await client.execute_workflow(Trivial.run, number, id=f"trivial-{number}", task_queue=TASK_QUEUE)

        every = plan.updates * plan.every_s / plan.sessions / 5  # as many tasks a second, about, as of the sessions
        began, before = time.monotonic(), taken()
        await asyncio.gather(*(one(n, n * every) for n in range(1, plan.trivial + 1)))
        return _work(plan.trivial, began, before, taken(), {"temporal": idle["temporal"]})
    finally:
        process.stop()


async def _restarts(plan: Plan, site: Site, fleet: _Fleet) -> tuple[list[float], list[float]]:
    """Seconds until a session that one worker keeps in memory is ended and billed, when that worker has gone.

    As a rollout does it: the next worker runs before the last one is asked to end, or is killed.
    """
    planned: list[float] = []
    killed: list[float] = []
    for go in (planned, killed):
        for _ in range(plan.restarts):
            name = await fleet.begin()
            await asyncio.sleep(0.5)  # its first task is done, and it is kept where it was done
            last, site.worker = site.worker, site.deployment.worker()
            site.worker.start()
            await asyncio.to_thread(site.worker.wait_ready)
            await asyncio.to_thread(last.stop if go is planned else last.kill)
            began = time.monotonic()
            await fleet.end(name)
            await until("the CDR", partial(fleet.has_cdr, name))
            go.append(round(time.monotonic() - began, 2))
    site.worker.stop()
    return planned, killed


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
