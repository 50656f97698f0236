"""What the faces may ask of the durable processes, as a protocol: `workflows.signals` keeps it on Temporal."""

from enum import StrEnum
from typing import Protocol

from canonical.identity import ObjectId
from canonical.partner import LinkState, Side
from canonical.session import SessionStatus
from workflows.work import Place, Wanted, WorkPage


class RegistrationFailed(Exception):
    """A registration came to nothing for a reason that the partner can act on.

    `ocpi_status` is the code of the answer: 3001 the caller's interface cannot be used, 3002 no version in
    common, 3003 an endpoint is missing (OCPI 2.2.1 status codes).
    """

    def __init__(self, ocpi_status: int, message: str) -> None:
        super().__init__(message)
        self.ocpi_status = ocpi_status
        self.message = message


class CannotTell(Exception):
    """The process did not take the message: it is not running, it is not the time, or Temporal cannot be reached."""


class NotRunning(CannotTell):
    """There is no such process now."""


class Intervention(StrEnum):
    """What a person can do about a handshake; each is an update of its workflow, which refuses what makes no sense."""

    RETRY = "retry"
    SKIP_CANARY = "skip_canary"
    GIVE_UP = "give_up_now"
    USE_TOKEN = "use_token"  # noqa: S105


class Signals(Protocol):
    """Wakes the durable processes. The store is written first; a signal carries ids and small values only.

    Every method may be repeated. A failure of one about a session, a CDR or the outbox does no harm: the store
    holds the truth, and the sweep finds what nobody was woken for. All may raise CannotTell.
    """

    async def register(self, connection_id: str) -> None:
        """A partner posted its credentials: call it back and connect. Raises RegistrationFailed."""

    async def update_credentials(self, connection_id: str) -> None:
        """A partner replaced its credentials: call it back. Raises RegistrationFailed."""

    async def connect(self, connection_id: str) -> None:
        """We begin the handshake."""

    async def renew(self, connection_id: str) -> None:
        """We exchange new tokens with a partner that we are connected to."""

    async def nudge(self, connection_id: str) -> None:
        """Do now what is waiting for its next attempt."""

    async def intervene(self, connection_id: str, how: Intervention) -> None:
        """A person acts on the handshake that is under way. Raises NotRunning; CannotTell with its refusal."""

    async def partner_called(self, connection_id: str) -> None:
        """A partner made a call with a token that it had not used before: who waits for that is told."""

    async def give_up(self, connection_id: str) -> None:
        """The relation has ended: stop a handshake that is under way."""

    async def unregister(self, connection_id: str) -> None:
        """We end the registration with a partner."""

    async def session_started(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None:
        """There is a new session. Where one is followed already nothing is told to it: an end is a change."""

    async def session_changed(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None:
        """The session has a new status. Meter values are not told: they stay in the store."""

    async def look(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None:
        """Nothing is heard of the session, or of its CDR: see to it. `status` is what the store knows."""

    async def cdr_issued(self, cdr: ObjectId, connection_id: str) -> None:
        """A CDR of ours that no session process delivers: a credit, or one that takes another's place."""

    async def delivery_due(self, cdr: ObjectId, connection_id: str) -> None:
        """What the delivery of a CDR of ours waits for may have come: it looks again."""

    async def deliveries_due(self) -> None:
        """Connections are open again, or their tokens are new: what was held is looked for now, and not in a while."""

    async def delivery_released(self, cdr: ObjectId, connection_id: str) -> None:
        """A person says that a CDR of ours is to be sent now, although it was put aside or waits."""

    async def delivery_abandoned(self, cdr: ObjectId, connection_id: str) -> None:
        """A person says that nobody is to try any more."""

    async def delivery_corrected(self, cdr: ObjectId, connection_id: str) -> None:
        """A person has put another CDR in the place of one of ours that its partner never took."""

    async def cdr_received(self, cdr: ObjectId, session_id: str | None, connection_id: str) -> None:
        """A partner's CDR is in the store."""

    async def feed(self, connection_id: str) -> None:
        """Something lies in the outbox of this connection."""

    async def command(self, command_id: str, connection_id: str, *, ours: bool, wait_s: float = 0.0) -> None:
        """An order is in the store: send ours, or wait so long for the word of the charging backend."""

    async def command_concluded(self, command_id: str, connection_id: str, *, ours: bool) -> None:
        """There is a result in the store, or another word after it."""

    async def pull(self, connection_id: str, module: str) -> None:
        """Fetch everything of one module from the partner."""

    async def arrange(self, connection_id: str, state: LinkState) -> None:
        """Have a partner's lists pulled by plan while it is connected, and no longer when it is not."""

    async def deliver(self, webhook_id: str) -> None:
        """Events may be waiting for this webhook, or it was resumed or removed."""

    async def settle(self, connection_id: str, month: str) -> str:
        """Start the settlement cycle of a month (`2026-03`), or find it; the answer is the id of the process."""

    async def cycle_state(self, connection_id: str, month: str) -> str | None:
        """Where the settlement of the month stands; None when it was never started."""

    async def counterparty_report(self, statement_id: str, connection_id: str, month: str) -> None:
        """The partner's verdict on our statement has arrived."""

    async def approve(self, connection_id: str, month: str, by: str) -> None: ...

    async def reconcile(self, connection_id: str, statement_id: str) -> None:
        """Check a statement that the partner sent."""

    async def invoice_received(self, connection_id: str, statement_id: str, number: str) -> None:
        """The invoice to a statement that we checked is in the store."""

    # Lists for people

    async def work(self, wanted: Wanted, *, after: Place | None = None, limit: int = 100) -> WorkPage:
        """What is under way, and what of it needs a person."""
