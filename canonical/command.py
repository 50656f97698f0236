"""What a provider may ask a charger to do (OCPI 2.2.1 commands)."""

from enum import StrEnum

from canonical.model import CanonicalModel, DisplayText, Identifier, Instant
from canonical.token import Token


class CommandKind(StrEnum):
    CANCEL_RESERVATION = "CANCEL_RESERVATION"
    RESERVE_NOW = "RESERVE_NOW"
    START_SESSION = "START_SESSION"
    STOP_SESSION = "STOP_SESSION"
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR"


class CommandAnswer(StrEnum):
    """The receiver's first word: whether it passed the command on."""

    ACCEPTED = "ACCEPTED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
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
    UNKNOWN_RESERVATION = "UNKNOWN_RESERVATION"


class Command(CanonicalModel):
    """One order, with the fields that its kind needs. `expires` ends a reservation."""

    kind: CommandKind
    id: Identifier
    token: Token | None = None
    location_id: Identifier | None = None
    evse_uid: Identifier | None = None
    connector_id: Identifier | None = None
    session_id: Identifier | None = None
    reservation_id: Identifier | None = None
    authorization_reference: Identifier | None = None
    expires: Instant | None = None


class CommandResult(CanonicalModel):
    command_id: Identifier
    outcome: CommandOutcome
    messages: tuple[DisplayText, ...] = ()
