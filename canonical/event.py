"""What the operator's own systems are told: something has happened, to one object, over one connection.

A feed and the webhooks carry the same events. An event never tells more than the change that it was stored with.
"""

from enum import StrEnum

from pydantic import JsonValue

from canonical.model import CanonicalModel, Instant


class EventKind(StrEnum):
    """What has happened. The word before the dot is the kind of the object."""

    LOCATION_CHANGED = "location.changed"
    LOCATION_EVSE_CHANGED = "location.evse_changed"
    LOCATION_REMOVED = "location.removed"
    TARIFF_CHANGED = "tariff.changed"
    TARIFF_REMOVED = "tariff.removed"
    TOKEN_CHANGED = "token.changed"  # noqa: S105  the name of a kind
    TOKEN_REMOVED = "token.removed"  # noqa: S105  the name of a kind
    SESSION_STARTED = "session.started"
    SESSION_CHANGED = "session.changed"
    SESSION_ENDED = "session.ended"
    SESSION_PREFERENCES_SET = "session.preferences_set"
    CDR_RECEIVED = "cdr.received"
    CDR_CHECKED = "cdr.checked"
    CDR_DELIVERED = "cdr.delivered"
    CDR_REFUSED = "cdr.refused"
    AUTHORIZATION_ASKED = "authorization.asked"
    COMMAND_REQUESTED = "command.requested"
    COMMAND_ANSWERED = "command.answered"
    COMMAND_RESULT = "command.result"
    CHARGING_PROFILE_REQUESTED = "charging_profile.requested"
    CHARGING_PROFILE_ANSWERED = "charging_profile.answered"
    CHARGING_PROFILE_RESULT = "charging_profile.result"
    CHARGING_PROFILE_ACTIVE = "charging_profile.active"
    CONNECTION_CHANGED = "connection.changed"
    CASE_OPENED = "case.opened"
    STATEMENT_RECEIVED = "statement.received"
    INVOICE_RECEIVED = "invoice.received"
    INVOICE_RECORD_RECEIVED = "invoice_record.received"

    @property
    def object_kind(self) -> str:
        return self.value.partition(".")[0]


class EventObject(CanonicalModel):
    """What the event is about. `key` is the folded name (`DE*ABC/LOC1`), or an id of ours."""

    kind: str
    key: str


class Event(CanonicalModel):
    """One event. `id` is the same however often it is told, and `connection` the partner that it came by.

    `data` is the object as it stood after the change, or a summary where the object is told elsewhere.
    """

    id: str
    type: EventKind
    timestamp: Instant
    object: EventObject
    connection: str | None
    data: JsonValue
