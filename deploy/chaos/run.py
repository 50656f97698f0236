"""One run from the empty folder to the verdict."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from deploy.chaos import sites
from deploy.chaos.checks import check, quiet
from deploy.chaos.desk import Desk, SilentError
from deploy.chaos.display import Display
from deploy.chaos.evidence import FaultLog, Journal, Told, Violation
from deploy.chaos.faults import Hand
from deploy.chaos.plan import CPO, EMSP, MONTHS, Drive, Plan, Weather
from deploy.chaos.proxy import FaultProxy
from deploy.chaos.recovery import Recoveries
from deploy.chaos.settling import Settling
from deploy.chaos.sites import Grounds
from deploy.chaos.traffic import Traffic
from deploy.embedded.ports import free_port

_AT_ONCE: Final = (3, 16)
"""Sessions that are open at the same time: in a small run, and in a large one."""
_PATIENCE_S: Final = 180.0
"""How long one request is repeated until the backend gives up: longer than anything is down."""
_QUIET_WITHIN_S: Final = (90.0, 300.0)
"""How long it may take until nothing is under way any more, after a small run and after a large one."""
_SEND_AGAIN_EVERY_S: Final = 30.0
_QUIET_LOOKS: Final = 2
"""Quiet is what is found so twice."""


@dataclass
class Outcome:
    """What a run has shown."""

    plan: Plan
    folder: Path
    journal: Journal
    faults: FaultLog
    recoveries: Recoveries = field(default_factory=Recoveries)
    violations: list[Violation] = field(default_factory=list)
    kills: int = 0
    ended_by_themselves: dict[str, int] = field(default_factory=dict)
    repeats: int = 0
    """Requests to the contract APIs that had to be made again."""
    passed: int = 0
    """Requests between the two sites."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By phase."""


class Run:
    def __init__(self, plan: Plan, folder: Path, display: Display) -> None:
        self._plan = plan
        self._show = display
        self._journal = Journal(folder / "journal.jsonl")
        self._faults = FaultLog(folder / "faults.jsonl")
        self.outcome = Outcome(plan, folder, self._journal, self._faults)

    async def play(self) -> Outcome:
        """Everything in order; the sites are stopped at the end, whatever happens."""
        async with AsyncExitStack() as stack:
            ports = sites.ports()
            weather, roads = Weather(self._plan.seed), {CPO: free_port(), EMSP: free_port()}
            to_cpo = FaultProxy("emsp→cpo", roads[CPO], ports[CPO], weather, self._faults)
            to_emsp = FaultProxy("cpo→emsp", roads[EMSP], ports[EMSP], weather, self._faults)
            for road in (to_cpo, to_emsp):
                await stack.enter_async_context(road)
            grounds = Grounds(self.outcome.folder, to_cpo.url, to_emsp.url, ports)
            for ground in grounds.both:
                stack.push_async_callback(ground.close)
            await self._timed("start", self._open(grounds))
            cpo, emsp = (Desk(ground.site, self._journal, _PATIENCE_S) for ground in grounds.both)
            for desk in (cpo, emsp):
                stack.push_async_callback(desk.close)
            traffic = Traffic(cpo, emsp, self._journal)
            http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
            hand = Hand(grounds, self._faults, http, traffic.renew)
            self._show.follow(self._journal, self._faults, hand)
            async with background(
                *(ground.keep_alive(self._faults) for ground in grounds.both),
                traffic.look_at_orders(),
                self._show.refresh(),
            ):
                try:
                    await self._under_faults(traffic, hand, grounds, (to_cpo, to_emsp))
                except SilentError as silent:
                    self._violation("the generator", "setting up", str(silent))
                await self._judge(traffic, grounds)
            self.outcome.recoveries, self.outcome.kills = hand.recoveries, hand.kills
            self.outcome.repeats = cpo.repeats + emsp.repeats
            self.outcome.passed = to_cpo.passed + to_emsp.passed
            self.outcome.ended_by_themselves = {
                member.name: member.ended_by_itself
                for ground in grounds.both
                for member in ground.members.values()
                if member.ended_by_itself
            }
        return self.outcome

    async def _open(self, grounds: Grounds) -> None:
        self._show.phase("two sites: PostgreSQL, Temporal, api and worker each")
        await asyncio.gather(*(ground.open() for ground in grounds.both))

    async def _under_faults(
        self, traffic: Traffic, hand: Hand, grounds: Grounds, roads: tuple[FaultProxy, FaultProxy]
    ) -> None:
        """All that the plan says; afterwards nothing is done to anybody any more."""
        playing = asyncio.create_task(hand.play(self._plan.events))
        try:
            await self._timed("registration", self._meet(traffic, hand))
            await self._timed("sessions", self._drive(traffic, hand))
            self._show.phase("the last faults")
            await playing
        finally:
            playing.cancel()
            for road in roads:
                road.calm()
        for ground in grounds.both:
            for member in ground.members.values():
                await member.wait_ready()
        await hand.set_clocks_right()

    async def _meet(self, traffic: Traffic, hand: Hand) -> None:
        self._show.phase("registration, under faults")
        await traffic.hand_in()
        await hand.progress.reach(0)
        await traffic.register()
        await traffic.share()

    async def _drive(self, traffic: Traffic, hand: Hand) -> None:
        """Sessions, so many at once; the first month is settled while those of the second run."""
        self._show.phase("sessions, under faults")
        fewest, most = _AT_ONCE
        room = asyncio.Semaphore(max(fewest, min(most, self._plan.sessions // 5)))

        async def one(drive: Drive) -> None:
            try:
                await traffic.drive(drive)
            finally:
                room.release()

        running, settled = [], None
        for drive in self._plan.drives:
            await asyncio.sleep(drive.after_s)
            await room.acquire()
            if settled is None and drive.month != MONTHS[0] and self._plan.sessions > 1:
                settled = asyncio.create_task(self._settle(traffic, MONTHS[0]))
            running.append(asyncio.create_task(one(drive)))
            await hand.progress.reach(drive.number)
        await asyncio.gather(*running)
        if settled is not None:
            await settled

    async def _settle(self, traffic: Traffic, month: str) -> None:
        await Settling(traffic.cpo, traffic.emsp, self._journal, month).settle()

    async def _judge(self, traffic: Traffic, grounds: Grounds) -> None:
        self._show.phase("it settles: nothing is broken any more")
        await self._timed("settling", self._quiet(grounds, traffic))
        try:
            await traffic.credit_the_rest()
        except SilentError as silent:
            self._violation("the generator", "credits", str(silent))
        if self._journal.billed:
            self._show.phase("the last month is settled between the two")
            await self._timed("settlement", self._settle(traffic, MONTHS[1]))
        await traffic.hear_of_orders()
        await self._timed("settling again", self._quiet(grounds, traffic))
        self._show.phase("the checks")
        for session in self._journal.sessions.values():
            if session.told is not Told.STOPPED:
                self._violation("the generator", session.id, f"{session.told}: {session.note}")
        for settlement in self._journal.settlements:
            if settlement.note:
                self._violation("the generator", f"settlement of {settlement.month}", settlement.note)
        found = await check(grounds.cpo.site, grounds.emsp.site, self._journal, self._faults)
        self.outcome.violations += found

    async def _quiet(self, grounds: Grounds, traffic: Traffic) -> None:
        """Wait until nothing is under way on either side.

        The signed logs, made every minute, are made now; a CDR that waits long for its next attempt is released.
        """
        shortest, longest = _QUIET_WITHIN_S
        patience_s = min(longest, shortest + self._plan.sessions)
        deadline, send_again_at = time.monotonic() + patience_s, time.monotonic() + _SEND_AGAIN_EVERY_S
        quiet_looks = 0
        while quiet_looks < _QUIET_LOOKS:
            still = [each for ground in grounds.both for each in await quiet(ground.site)]
            quiet_looks = 0 if still else quiet_looks + 1
            self._show.waits_for(still)
            if any("CdrDelivery" in each for each in still) and time.monotonic() > send_again_at:
                send_again_at += _SEND_AGAIN_EVERY_S
                await traffic.send_again()
            if any("evidence log" in each for each in still):
                await asyncio.gather(*(ground.extend_log() for ground in grounds.both))
            if time.monotonic() > deadline:
                for each in still:
                    self._violation("it comes to rest", each, f"still under way after {patience_s:.0f} s")
                return
            await asyncio.sleep(1.0)

    async def _timed(self, phase: str, work: Awaitable[None]) -> None:
        began = time.monotonic()
        try:
            await work
        finally:
            self.outcome.seconds[phase] = round(time.monotonic() - began, 1)

    def _violation(self, rule: str, about: str, what: str) -> None:
        self.outcome.violations.append(Violation(rule, about, what))


class background:  # noqa: N801  it reads as a word of a `with` statement
    """Have these run until the block ends. One that fails ends it."""

    def __init__(self, *work: Awaitable[None]) -> None:
        self._work = work
        self._tasks: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> None:
        block = asyncio.current_task()

        def look(task: "asyncio.Future[None]") -> None:
            if not task.cancelled() and task.exception() is not None and block is not None:
                block.cancel()

        self._tasks = [asyncio.ensure_future(each) for each in self._work]
        for task in self._tasks:
            task.add_done_callback(look)

    async def __aexit__(self, *raised: object) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
