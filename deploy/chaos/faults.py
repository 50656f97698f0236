"""The hand that does what the plan says: kills, moves clocks, and asks for new credentials, when each is due."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import httpx

from deploy.chaos.evidence import FaultLog
from deploy.chaos.plan import ClockMove, Event, Kill, Part, Turn
from deploy.chaos.recovery import Recovered, Recoveries, business
from deploy.chaos.sites import Ground, Grounds, Member

Renew = Callable[[str], Awaitable[None]]
"""Ask for new credentials at a site."""


class Progress:
    """How many sessions have begun: what faults wait for."""

    def __init__(self) -> None:
        self.begun = -1
        self._moved = asyncio.Condition()

    async def reach(self, sessions: int) -> None:
        """So many have begun. 0: the registration has."""
        async with self._moved:
            self.begun = max(self.begun, sessions)
            self._moved.notify_all()

    async def reached(self, sessions: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self.begun >= sessions)


class Hand:
    """Each event is a task of its own, so that kills of different processes overlap; those of one come in turn."""

    def __init__(self, grounds: Grounds, faults: FaultLog, http: httpx.AsyncClient, renew: Renew) -> None:
        self._grounds = grounds
        self._faults = faults
        self._http = http
        self._renew = renew
        self.progress = Progress()
        self.recoveries = Recoveries()
        self.kills = 0

    async def play(self, events: tuple[Event, ...]) -> None:
        """All events; returns when each process runs again and works."""
        async with asyncio.TaskGroup() as tasks:
            for event in events:
                await self.progress.reached(event.due.sessions)
                tasks.create_task(self._do(event))

    async def _do(self, event: Event) -> None:
        await asyncio.sleep(event.due.later_s)
        match event:
            case Kill():
                await self._kill(event)
            case ClockMove():
                await self._move_clock(event)
            case Turn():
                self._faults.add("new credentials", event.site)
                await self._renew(event.site)

    async def _kill(self, kill: Kill) -> None:
        member = self._grounds[kill.site].members[kill.part]
        async with member.busy:
            self._faults.add("kill -9", member.name, f"kill {kill.number}, down for {kill.pause_s:.1f} s")
            self.kills += 1
            await member.kill()
            await asyncio.sleep(kill.pause_s)
            began = time.monotonic()
            await _up(member)
            ready_s = time.monotonic() - began
        rest = await business(self._grounds[kill.site], kill.part, self._http)
        self.recoveries.found.append(
            Recovered(
                number=kill.number,
                target=member.name,
                down_s=round(kill.pause_s, 2),
                ready_s=round(ready_s, 2),
                business_s=None if rest is None else round(ready_s + rest, 2),
            )
        )

    async def _move_clock(self, move: ClockMove) -> None:
        self._faults.add("clock moved", move.site, f"{move.offset_s:+d} s")
        await self._restart(self._grounds[move.site], move.offset_s)

    async def set_clocks_right(self) -> None:
        """At the end of all faults."""
        await asyncio.gather(*(self._restart(ground, 0) for ground in self._grounds.both if ground.clock_offset_s))

    @staticmethod
    async def _restart(ground: Ground, clock_offset_s: int) -> None:
        """A planned one of both processes, one after the other, as in an update."""
        ground.move_clock(clock_offset_s)
        for part in (Part.WORKER, Part.API):
            member = ground.members[part]
            async with member.busy:
                await member.stop()
                await _up(member)


async def _up(member: Member) -> None:
    """Start it, again if it ends over something else that is down, until it is ready."""
    while True:
        with contextlib.suppress(Exception):  # a server that does not start is started again
            if member.server.pid is None:
                await member.start()
        if await member.is_ready():
            return
        await asyncio.sleep(0.05)
