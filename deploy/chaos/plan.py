"""Everything that a run does, out of its seed: sessions with their script, kills, moved clocks, rotations, the network.

Nothing of it hangs on the clock of the machine. A fault is due when so many sessions have begun, a little later: on a
slow machine a run takes longer, and remains the same run.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Final

from canonical.session import VehicleState
from deploy.chaos.evidence import Script

CPO, EMSP = "cpo", "emsp"
MONTHS: Final = ("2026-03", "2026-04")
"""Sessions of the first half are of the first month, which is settled while the others run."""
LOCATIONS: Final = tuple(f"L{number}" for number in range(1, 7))
EVSES: Final = ("E1", "E2")
CARDS: Final = tuple(f"04C0FFEE{number:04X}" for number in range(20))
"""Cards that the operator holds. Who is asked for, or orders, has a token of his own."""

_SCRIPTS: Final = {
    Script.WHITELIST: 50,
    Script.ASKED: 12,
    Script.ORDERED: 18,
    Script.RESERVED: 8,
    Script.EXPIRED: 4,
    Script.MISTAKEN: 4,
    Script.CREDITED: 4,
}
"""Of a hundred sessions."""
_SESSIONS_APART_S: Final = 0.6
_SESSIONS_A_ROTATION: Final = 60
_SESSIONS_A_CLOCK: Final = 80
_FURTHEST_CLOCK_S: Final = 90
_LONGEST_PAUSE_S: Final = 2.0
_AT_REGISTRATION: Final = 0.03
"""Share of the kills that fall into the first handshake."""


class Part(StrEnum):
    """What can be killed, on either site."""

    API = "api"
    WORKER = "worker"
    POSTGRES = "postgres"
    TEMPORAL = "temporal"


@dataclass(frozen=True)
class Reading:
    """The meter at an instant, what the vehicle does from then on, and how long the backend waits before it tells."""

    at: datetime
    energy_kwh: Decimal
    state: VehicleState
    pause_s: float
    told_twice: bool = False


@dataclass(frozen=True)
class Drive:
    """One session as it shall be. The last reading is its end."""

    number: int
    id: str
    script: Script
    token_uid: str
    location_id: str
    evse_uid: str
    start: datetime
    readings: tuple[Reading, ...]
    after_s: float
    """How long after the one before it begins."""
    shows_status: bool
    """Whether the state of its EVSE is told as well."""

    @property
    def end(self) -> Reading:
        return self.readings[-1]

    @property
    def month(self) -> str:
        return f"{self.start:%Y-%m}"

    @property
    def own_token(self) -> bool:
        """Whether its token is made for it."""
        return self.script in (Script.ASKED, Script.ORDERED, Script.RESERVED)


@dataclass(frozen=True)
class Due:
    """When a fault is due: when so many sessions have begun (0: the registration has), and a little later."""

    sessions: int
    later_s: float


@dataclass(frozen=True)
class Kill:
    """SIGKILL; the restart comes after a pause."""

    number: int
    due: Due
    site: str
    part: Part
    pause_s: float


@dataclass(frozen=True)
class ClockMove:
    """A site's processes are restarted in order, and believe from then on that it is earlier or later."""

    due: Due
    site: str
    offset_s: int


@dataclass(frozen=True)
class Turn:
    """A site asks for new credentials."""

    due: Due
    site: str


Event = Kill | ClockMove | Turn


@dataclass(frozen=True)
class Plan:
    """A run. The same seed and numbers give the same run."""

    seed: int
    sessions: int
    kills: int

    @cached_property
    def drives(self) -> tuple[Drive, ...]:
        dice = self._dice("sessions")
        scripts = self._scripts(dice)
        return tuple(self._drive(dice, number, script) for number, script in enumerate(scripts, 1))

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Kills, moved clocks and rotations, in the order in which they are due."""
        found: list[Event] = [*self._kills(), *self._clocks(), *self._turns()]
        return tuple(sorted(found, key=lambda event: (event.due.sessions, event.due.later_s)))

    def _dice(self, about: str) -> random.Random:
        return random.Random(f"{self.seed}/{about}")  # noqa: S311  a plan that can be repeated is the point

    def _scripts(self, dice: random.Random) -> list[Script]:
        """Each kind in its share, and at least once where there are sessions enough; in any order."""
        kinds = list(_SCRIPTS)
        scripts = kinds[: self.sessions]
        scripts += dice.choices(kinds, list(_SCRIPTS.values()), k=self.sessions - len(scripts))
        dice.shuffle(scripts)
        return scripts

    def _drive(self, dice: random.Random, number: int, script: Script) -> Drive:
        half = self.sessions // 2
        month, place = (MONTHS[0], number) if number <= half else (MONTHS[1], number - half)
        first = datetime.fromisoformat(f"{month}-02T00:00:00+00:00").astimezone(UTC)
        # One after the other in time, and an EVSE has its turn again late: two that overlap would be one billed twice.
        slot_s = 26 * 24 * 3600 // (self.sessions - half)
        start = first + timedelta(seconds=place * slot_s - dice.randrange(slot_s))
        session_id = f"S-{self.seed}-{number:05}"
        own = script in (Script.ASKED, Script.ORDERED, Script.RESERVED)
        return Drive(
            number=number,
            id=session_id,
            script=script,
            token_uid=f"T-{self.seed}-{number:05}" if own else dice.choice(CARDS),
            location_id=LOCATIONS[number % len(LOCATIONS)],
            evse_uid=EVSES[number // len(LOCATIONS) % len(EVSES)],
            start=start,
            readings=tuple(_readings(dice, start)),
            after_s=min(dice.expovariate(1 / _SESSIONS_APART_S), 5 * _SESSIONS_APART_S),
            shows_status=dice.random() < 0.15,
        )

    def _kills(self) -> list[Kill]:
        """Spread over the sessions, every part of both sites in turn, some at the same moment as the one before."""
        dice = self._dice("kills")
        targets = [(site, part) for site in (CPO, EMSP) for part in Part]
        order: list[tuple[str, Part]] = []
        while len(order) < self.kills:
            dice.shuffle(targets)
            order += targets
        early = max(1, round(self.kills * _AT_REGISTRATION)) if self.kills else 0
        kills: list[Kill] = []
        for number, (site, part) in enumerate(order[: self.kills], 1):
            place = 0 if number <= early else 1 + (number - early - 1) * self.sessions // max(self.kills - early, 1)
            due = Due(min(place, self.sessions), dice.uniform(0.0, 3.0))
            if kills and dice.random() < 0.15:
                due = kills[-1].due
            kills.append(Kill(number, due, site, part, dice.uniform(0.0, _LONGEST_PAUSE_S)))
        return kills

    def _clocks(self) -> list[ClockMove]:
        dice = self._dice("clocks")
        count = max(1, self.sessions // _SESSIONS_A_CLOCK)
        return [
            ClockMove(
                self._somewhere(dice, number, count),
                dice.choice((CPO, EMSP)),
                dice.randint(-_FURTHEST_CLOCK_S, _FURTHEST_CLOCK_S),
            )
            for number in range(count)
        ]

    def _turns(self) -> list[Turn]:
        dice = self._dice("turns")
        count = max(1, self.sessions // _SESSIONS_A_ROTATION)
        return [Turn(self._somewhere(dice, number, count), dice.choice((CPO, EMSP))) for number in range(count)]

    def _somewhere(self, dice: random.Random, number: int, count: int) -> Due:
        """In the `number`-th of `count` equal parts of the run."""
        part = self.sessions / count
        return Due(max(1, min(self.sessions, int(part * (number + dice.random())))), dice.uniform(0.0, 2.0))


def _readings(dice: random.Random, start: datetime) -> list[Reading]:
    """An hour or so in three to eight steps, charging first, parked at the end; told within seconds."""
    count, at, energy = dice.randint(3, 8), start, Decimal(0)
    found = []
    for step in range(1, count + 1):
        at += timedelta(seconds=dice.randint(240, 900))
        energy += Decimal(dice.randint(400, 6_000)) / 1000
        state = VehicleState.PARKED if step == count else VehicleState.CHARGING
        found.append(Reading(at, energy, state, dice.uniform(0.1, 0.9), told_twice=dice.random() < 0.1))
    return found


class Trouble(StrEnum):
    """What can happen to one request between the sites. The words stand in the log of faults."""

    CUT_BEFORE_REQUEST = "cut before the request"
    CUT_IN_REQUEST = "cut in the middle of the request"
    CUT_AFTER_REQUEST = "cut after the request"
    CUT_IN_ANSWER = "cut in the middle of the answer"
    CUT_AFTER_ANSWER = "cut after the answer"
    SLOW_REQUEST = "request delayed"
    SLOW_ANSWER = "answer delayed"
    TWICE = "request doubled at once"
    AGAIN_LATER = "request repeated later"
    OVERTAKEN = "request overtaken"
    TOO_MANY = "429"
    TOO_MANY_WAIT = "429 with Retry-After"
    FAILED = "500 instead of the request"
    UNAVAILABLE = "503 instead of the request"
    FAILED_AFTER = "500 instead of the answer"
    BAD_GATEWAY_AFTER = "502 instead of the answer"
    GARBAGE = "garbage instead of the answer"
    TRUNCATED = "answer with half of its JSON"


@dataclass(frozen=True)
class Mishap:
    """One trouble, and how long it takes where it takes time: seconds."""

    trouble: Trouble
    seconds: float


@dataclass(frozen=True)
class Weather:
    """Which requests fare badly: by seed, direction and the number of the request in its direction."""

    seed: int
    share: float = 0.12

    def at(self, direction: str, number: int) -> Mishap | None:
        dice = random.Random(f"{self.seed}/{direction}/{number}")  # noqa: S311
        if dice.random() >= self.share:
            return None
        return Mishap(dice.choice(list(Trouble)), dice.uniform(0.1, 2.5))
