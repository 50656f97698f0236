"""What a provider may ask of an operator and its chargers (OCPI 2.2.1 commands, chargingprofiles).

Every order has a first answer, at once, and a result, later: both say whether it worked, in different words.
"""

from datetime import timedelta
from enum import StrEnum

from canonical.charging_profile import ActiveChargingProfile, ChargingProfile
from canonical.identity import PartyId
from canonical.model import CanonicalModel, DisplayText, Extension, Identifier, Instant
from canonical.token import Token

SENT_WITHIN = timedelta(seconds=60)
"""An order that could not be sent for so long is not sent any more: its driver has gone."""


class CommandKind(StrEnum):
    CANCEL_RESERVATION = "CANCEL_RESERVATION"
    RESERVE_NOW = "RESERVE_NOW"
    START_SESSION = "START_SESSION"
    STOP_SESSION = "STOP_SESSION"
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR"
    SET_CHARGING_PROFILE = "SET_CHARGING_PROFILE"
    CLEAR_CHARGING_PROFILE = "CLEAR_CHARGING_PROFILE"
    GET_ACTIVE_CHARGING_PROFILE = "GET_ACTIVE_CHARGING_PROFILE"

    @property
    def admits(self) -> bool:
        """True for the orders that bring a token, with which a session may then start."""
        return self in (CommandKind.START_SESSION, CommandKind.RESERVE_NOW)

    @property
    def about_profile(self) -> bool:
        """True for the three requests about a session's charging profile."""
        return self.name.endswith("PROFILE")


class CommandAnswer(StrEnum):
    """The receiver's first word: whether it passed the command on."""

    ACCEPTED = "ACCEPTED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    TIMEOUT = "TIMEOUT"
    TOO_OFTEN = "TOO_OFTEN"
    UNKNOWN_SESSION = "UNKNOWN_SESSION"


class CommandOutcome(StrEnum):
    """The charger's last word."""

    ACCEPTED = "ACCEPTED"
    CANCELED_RESERVATION = "CANCELED_RESERVATION"
    EVSE_OCCUPIED = "EVSE_OCCUPIED"
    EVSE_INOPERATIVE = "EVSE_INOPERATIVE"
    FAILED = "FAILED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    TIMEOUT = "TIMEOUT"
    UNKNOWN = "UNKNOWN"
    UNKNOWN_RESERVATION = "UNKNOWN_RESERVATION"
    UNKNOWN_SESSION = "UNKNOWN_SESSION"


class CommandState(StrEnum):
    """Where an order stands, on either side."""

    REQUESTED = "REQUESTED"
    """Given by us, and not answered yet."""
    ACCEPTED = "ACCEPTED"
    """Passed on; the result is awaited: from the partner, or from our charging backend."""
    REFUSED = "REFUSED"
    """Answered with a no, or never sent: there will be no result."""
    UNANSWERED = "UNANSWERED"
    """Sent without a usable answer. It may have been executed: the result may yet come."""
    CONCLUDED = "CONCLUDED"
    """There is a result, or the time for one has passed."""

    @property
    def is_open(self) -> bool:
        return self in (CommandState.REQUESTED, CommandState.ACCEPTED, CommandState.UNANSWERED)


class Command(CanonicalModel):
    """One order, with the fields that its kind needs. `expires` ends a reservation.

    `reply_to` is the address for the result, chosen by the provider. `duration_s` is how far an asked-for
    profile has to look ahead.
    """

    kind: CommandKind
    reply_to: str | None = None
    token: Token | None = None
    location_id: Identifier | None = None
    evse_uid: Identifier | None = None
    connector_id: Identifier | None = None
    session_id: Identifier | None = None
    reservation_id: Identifier | None = None
    authorization_reference: Identifier | None = None
    expires: Instant | None = None
    profile: ChargingProfile | None = None
    duration_s: int | None = None
    extensions: tuple[Extension, ...] = ()


class CommandResponse(CanonicalModel):
    """The first answer. `timeout_s` is how long the result may take; None where the version does not say."""

    answer: CommandAnswer
    timeout_s: int | None = None
    messages: tuple[DisplayText, ...] = ()


class CommandResult(CanonicalModel):
    """The result. `profile` comes with the answer to GET_ACTIVE_CHARGING_PROFILE."""

    outcome: CommandOutcome
    messages: tuple[DisplayText, ...] = ()
    profile: ActiveChargingProfile | None = None


class CommandRecord(CanonicalModel):
    """One order and what became of it. `ours`: we gave it, as a provider; else a partner gave it to us.

    `party` is the other one: behind a hub not the partner that we are connected to. `command` comes without its
    `reply_to`: that address is its receiver's alone. `due_at` is when the result has to be there. `afterword` is
    what was said after the result: a result that came late, or a reservation that the operator took back. `told_at`
    is when the partner had taken our result. `session_key` names the session that has begun by the order
    (`DE*ABC/S1`). `note` says why nothing came of it.
    """

    id: Identifier
    connection_id: Identifier
    party: PartyId | None = None
    ours: bool
    command: Command
    state: CommandState
    given_at: Instant
    due_at: Instant
    response: CommandResponse | None = None
    result: CommandResult | None = None
    concluded_at: Instant | None = None
    afterword: CommandResult | None = None
    told_at: Instant | None = None
    session_key: str | None = None
    note: str = ""
