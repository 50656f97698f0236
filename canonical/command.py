"""What a provider may ask of an operator and its chargers (OCPI 2.2.1 commands, chargingprofiles).

Every order has a first answer, at once, and a result, later: both say whether it worked, in different words.
"""

from enum import StrEnum

from canonical.charging_profile import ActiveChargingProfile, ChargingProfile
from canonical.model import CanonicalModel, DisplayText, Extension, Identifier, Instant
from canonical.token import Token


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
