"""What is under way, as a person asks for it: words for the lists that `workflows.visibility` reads from Temporal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WorkKind(StrEnum):
    """What a process looks after."""

    HANDSHAKE = "handshake"
    UNREGISTRATION = "unregistration"
    SESSION = "session"
    DELIVERY = "delivery"
    COMMAND = "command"
    FEED = "feed"
    PULL = "pull"
    SYNCHRONISATION = "synchronisation"
    SETTLEMENT = "settlement"
    RECONCILIATION = "reconciliation"
    WEBHOOK = "webhook"
    UPKEEP = "upkeep"


KINDS: Mapping[str, WorkKind] = {
    "CdrDelivery": WorkKind.DELIVERY,
    "ChargingSession": WorkKind.SESSION,
    "Command": WorkKind.COMMAND,
    "FinancialLog": WorkKind.UPKEEP,
    "Handshake": WorkKind.HANDSHAKE,
    "PartnerFeed": WorkKind.FEED,
    "Reconciliation": WorkKind.RECONCILIATION,
    "Resync": WorkKind.PULL,
    "Retention": WorkKind.UPKEEP,
    "SettlementCycle": WorkKind.SETTLEMENT,
    "Sweep": WorkKind.UPKEEP,
    "Synchronisation": WorkKind.SYNCHRONISATION,
    "TokenRotation": WorkKind.UPKEEP,
    "Unregistration": WorkKind.UNREGISTRATION,
    "WebhookDelivery": WorkKind.WEBHOOK,
}
"""The kind of each type of workflow. One that is not here is upkeep: it is listed only when it is in trouble."""


@dataclass(frozen=True)
class Place:
    """Where a list goes on: behind the work that has been in its state since then, and has this id."""

    since: datetime
    workflow_id: str


@dataclass(frozen=True)
class Wanted:
    """Which work is asked for. Nothing said about something: all of it, upkeep excepted.

    `attention`: only what cannot go on without a person, or whose own code fails. `ended`: also what is over, for as
    long as Temporal remembers it.
    """

    kind: WorkKind | None = None
    connection_id: str | None = None
    state: str | None = None
    attention: bool = False
    ended: bool = False


@dataclass(frozen=True)
class Work:
    """One process and where it stands. Times are UTC.

    `waiting_for` and `next_action` are its own words of now; None when no worker answered in time. `broken`: its own
    code fails, and it cannot go on before that is mended. `outcome` is None while it runs.
    """

    kind: WorkKind
    workflow_id: str
    connection_id: str | None
    about: str | None
    state: str | None
    attention: bool
    since: datetime
    deadline: datetime | None
    broken: bool = False
    outcome: str | None = None
    waiting_for: str | None = None
    next_action: str | None = None

    @property
    def place(self) -> Place:
        return Place(self.since, self.workflow_id)


@dataclass(frozen=True)
class WorkPage:
    """A part of a list, what has waited longest first. `total` is how many there are in the whole list."""

    items: tuple[Work, ...]
    total: int
    more: bool
