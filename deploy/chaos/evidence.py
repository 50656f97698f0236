"""What a run leaves to be judged: where both sites are, what the generator was told, and every fault.

The checkers read nothing else. The generator plays the operator's and the provider's own systems: what it knows, it
knows from answers of the two contract APIs, and nothing of what is behind them.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Site:
    """One deployment of the two, and everything by which it can be looked into. No secret is in its repr."""

    name: str
    """`cpo` or `emsp`."""
    party: str
    """`DE*ABC`."""
    database_url: str = field(repr=False)
    temporal_address: str
    temporal_namespace: str
    secret_key: str = field(repr=False)
    evidence_key: str = field(repr=False)
    """Signs its log of financial records."""
    contract_url: str
    """Up to and with `/contract/v1`."""
    api_key: str = field(repr=False)
    connection_id: str
    """Its connection towards the other site."""


class Script(StrEnum):
    """What a session is made to go through."""

    WHITELIST = "WHITELIST"
    """A card that the operator holds, and lets charge by itself."""
    ASKED = "ASKED"
    """A card of which the operator has to ask the provider in real time."""
    ORDERED = "ORDERED"
    """The provider orders START_SESSION and STOP_SESSION."""
    RESERVED = "RESERVED"
    """The provider orders RESERVE_NOW; the reservation becomes a session."""
    EXPIRED = "EXPIRED"
    """A reservation that nobody uses: ended as COMPLETED without energy."""
    MISTAKEN = "MISTAKEN"
    """Declared INVALID by the operator: there is nothing to bill."""
    CREDITED = "CREDITED"
    """Billed, and taken back later: a CDR and its credit."""

    @property
    def bills(self) -> bool:
        """Whether it has to end with a CDR (EXPIRED: a reservation without energy ends without one)."""
        return self not in (Script.EXPIRED, Script.MISTAKEN)


class Told(StrEnum):
    """How far the generator has got with a session, by the answers that it has."""

    PLANNED = "PLANNED"
    ASKED = "ASKED"
    """Its start was asked for, and not answered yet: it may exist, or not."""
    STARTED = "STARTED"
    STOPPED = "STOPPED"
    """Its end was answered."""
    ABANDONED = "ABANDONED"
    """Refused, or not answered in all the time that there was: `note` says why."""


@dataclass
class ToldSession:
    """One session of the operator, as the generator tells it. Amounts in kWh, instants in UTC."""

    id: str
    script: Script
    token_uid: str
    location_id: str
    start: datetime
    end: datetime
    energy_kwh: Decimal
    """At its end."""
    readings: int = 0
    """How many readings were answered, the last one (of the stop) not counted."""
    told: Told = Told.PLANNED
    authorization_reference: str | None = None
    note: str = ""
    asked_at: datetime | None = None
    """When its start was first asked for, by the clock of this machine."""
    stopped_at: datetime | None = None
    """When the answer to its stop came."""
    credited_by: str | None = None
    """Id of the credit CDR that the contract API answered with."""


@dataclass
class ToldCommand:
    """One order of the provider to the operator."""

    key: str
    """Idempotency key of the request."""
    kind: str
    session_id: str
    id: str | None = None
    """As the provider's contract API names it; None until it was answered."""
    reservation_id: str | None = None
    state: str = ""
    """The last state that the provider's contract API told: REQUESTED, ACCEPTED, REFUSED, UNANSWERED, CONCLUDED."""
    outcome: str | None = None
    """Result that the operator's backend gave and that was answered; None: it has never seen the order."""


@dataclass
class Asked:
    """One real-time question of the operator's backend, and the answer."""

    key: str
    token_uid: str
    session_id: str
    allowed: str | None = None
    reference: str | None = None


@dataclass
class Rotation:
    """New credentials, asked for by one of the two."""

    key: str
    site: str
    at: datetime
    answered: bool = False


@dataclass
class ToldSettlement:
    """The cycle of one month, at the operator."""

    month: str
    state: str | None = None
    statement_id: str | None = None
    invoices: tuple[str, ...] = ()
    note: str = ""
    """Why it did not get to its end."""


@dataclass(frozen=True)
class Acknowledged:
    """A write of which the contract API has said that it is done. It must not be lost."""

    site: str
    method: str
    path: str
    key: str
    status: int
    attempts: int
    at: datetime


@dataclass
class Journal:
    """What the generator knows. Each change is appended to a file, so that a killed run can be looked at."""

    file: Path | None = None
    sessions: dict[str, ToldSession] = field(default_factory=dict)
    commands: list[ToldCommand] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    rotations: list[Rotation] = field(default_factory=list)
    settlements: list[ToldSettlement] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Requests that a contract API has refused with a 4xx where the generator has expected success."""

    def note(self, entry: object) -> None:
        """Write down how an entry stands now."""
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(_line({"is": type(entry).__name__, **_fields(entry)}))

    def acknowledge(self, write: Acknowledged) -> None:
        self.acknowledged.append(write)
        self.note(write)

    @property
    def billed(self) -> list[ToldSession]:
        """Sessions that were stopped, and have to have a CDR."""
        return [each for each in self.sessions.values() if each.told is Told.STOPPED and each.script.bills]


@dataclass(frozen=True)
class Fault:
    """One thing done to the two sites on purpose."""

    number: int
    at: datetime
    kind: str
    """`kill`, `cut before request`, `clock` …: the same words for the same kind."""
    target: str
    """`cpo postgres`, `cpo→emsp`, …"""
    detail: str = ""


@dataclass
class FaultLog:
    """Every fault, numbered in the order in which they happened, also in a file: one JSON object a line."""

    file: Path | None = None
    faults: list[Fault] = field(default_factory=list)

    def add(self, kind: str, target: str, detail: str = "") -> Fault:
        fault = Fault(len(self.faults) + 1, datetime.now(UTC), kind, target, detail)
        self.faults.append(fault)
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(_line(asdict(fault)))
        return fault

    def counts(self) -> Counter[str]:
        """How many of each kind."""
        return Counter(fault.kind for fault in self.faults)

    def between(self, begin: datetime, end: datetime) -> list[Fault]:
        return [fault for fault in self.faults if begin <= fault.at <= end]

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    def __len__(self) -> int:
        return len(self.faults)

    @classmethod
    def read(cls, file: Path) -> Self:
        """A log of an earlier run."""
        log = cls()
        for line in file.read_text(encoding="utf-8").splitlines():
            with suppress(json.JSONDecodeError):  # the last line of a run that was killed
                found = json.loads(line)
                log.faults.append(Fault(**found | {"at": datetime.fromisoformat(found["at"])}))
        return log


@dataclass(frozen=True)
class Violation:
    """Something that must not be."""

    check: str
    """Which rule: `one CDR a session`, `same bytes`, …"""
    about: str
    """What it was found at: a session, a CDR, a workflow."""
    what: str
    """In words, with the values that do not fit."""

    def __str__(self) -> str:
        return f"{self.check}: {self.about}: {self.what}"


def _fields(entry: object) -> dict[str, object]:
    if not is_dataclass(entry) or isinstance(entry, type):
        raise TypeError(f"a journal holds dataclasses, and no {type(entry).__name__}")
    return asdict(entry)


def _line(entry: dict[str, object]) -> str:
    return json.dumps(entry, default=str) + "\n"
