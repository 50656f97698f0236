"""What can go wrong at a face, in one tree, and its one mapping to OCPI and one to problem+json (RFC 9457).

Bad input is never our fault in the answer, and a fault of ours never looks like the caller's: whatever is not in
this tree is answered as a server error that tells nothing about our inside.
"""

from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from adapters.contract import InvalidWire, PartnerError, PartnerUnavailable
from api.services import CannotTell, RegistrationFailed
from canonical.identity import ObjectId
from canonical.store import AlreadyExists, IdempotencyConflict, NotFound, StoreError, StoreUnavailable, Unstorable


class ApiError(Exception):
    """Base of all refusals. `fields` maps the name of a field to what is wrong with it."""

    def __init__(self, message: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields or {}


class MalformedBody(ApiError):
    """Not JSON at all."""


class InvalidInput(ApiError):
    """A field is missing or wrong."""

    @classmethod
    def of(cls, name: str, message: str) -> "InvalidInput":
        return cls(f"{name}: {message}", fields={name: message})


class TooLittleInformation(ApiError):
    """Well formed, but not enough to decide on."""


class BodyTooLarge(ApiError):
    pass


class Unauthenticated(ApiError):
    """No token or key, an unknown one, or one that does not open this door."""


class NotAllowed(ApiError):
    """The key is good, and does not open this call."""


class UnknownRoute(ApiError):
    pass


class UnknownObject(ApiError):
    pass


class UnknownLocation(UnknownObject):
    pass


class UnknownToken(UnknownObject):
    pass


class ForeignParty(ApiError):
    """A party that the caller does not speak for."""


class MethodNotAllowed(ApiError):
    def __init__(self, allowed: tuple[str, ...], message: str = "this method is not allowed here") -> None:
        super().__init__(message)
        self.allowed = allowed


class NotConnected(ApiError):
    """The registration is not finished: the same request will work once it is."""


class Conflict(ApiError):
    """The state of things forbids it."""


class TokenNotAllowed(ApiError):
    """A session may not start with this token."""


class NotReady(ApiError):
    """We cannot work now; the same request may succeed later."""


class ProcessDeaf(ApiError):
    """A durable process did not take a message: it is not running, it is not the time, or it cannot be reached."""


class PartnerFault(ApiError):
    """A partner that we had to ask did not give a usable answer."""


class PartnerSilent(ApiError):
    """A partner that we had to ask did not answer in time."""


@dataclass(frozen=True)
class _Rule:
    """How one kind of error is told: OCPI as (HTTP status, status code), problem+json as (status, type, title)."""

    ocpi: tuple[int, int]
    problem: tuple[int, str, str]


_RULES: Final[dict[type[ApiError], _Rule]] = {
    MalformedBody: _Rule((400, 2001), (400, "malformed-body", "The body is not JSON")),
    InvalidInput: _Rule((200, 2001), (422, "invalid-input", "A field is missing or wrong")),
    TooLittleInformation: _Rule((200, 2002), (422, "too-little-information", "Not enough to decide on")),
    BodyTooLarge: _Rule((200, 2001), (413, "body-too-large", "The body is too large")),
    Unauthenticated: _Rule((401, 2000), (401, "unauthenticated", "The key is missing or unknown")),
    NotAllowed: _Rule((403, 2000), (403, "not-allowed", "The key lacks a scope")),
    UnknownRoute: _Rule((404, 2000), (404, "unknown-route", "There is nothing here")),
    UnknownLocation: _Rule((404, 2003), (404, "unknown-location", "This location is not known")),
    UnknownToken: _Rule((404, 2004), (404, "unknown-token", "This token is not known")),
    UnknownObject: _Rule((404, 2001), (404, "unknown-object", "This object is not known")),
    ForeignParty: _Rule((404, 2001), (404, "foreign-party", "This party is not one of yours")),
    MethodNotAllowed: _Rule((405, 2000), (405, "method-not-allowed", "This method is not allowed here")),
    NotConnected: _Rule((503, 3000), (409, "not-connected", "The connection is not established")),
    Conflict: _Rule((200, 2001), (409, "conflict", "The present state forbids it")),
    TokenNotAllowed: _Rule((200, 2001), (409, "token-not-allowed", "This token may not charge")),
    NotReady: _Rule((503, 3000), (503, "not-ready", "We cannot work now")),
    ProcessDeaf: _Rule((500, 3000), (409, "not-now", "The process does not take this now")),
    PartnerFault: _Rule((200, 3000), (502, "partner-fault", "The partner gave no usable answer")),
    PartnerSilent: _Rule((200, 3000), (504, "partner-silent", "The partner did not answer in time")),
}


_OURS: Final = "internal error"

FOREIGN: Final = (InvalidWire, PartnerError, StoreError, CannotTell, ValidationError)
"""Errors of the rooms below that have a place in the mapping: of those of validation, an id that is none."""


@dataclass(frozen=True)
class OcpiFault:
    """An error as a partner sees it."""

    http_status: int
    status_code: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """An error as a client of the contract API sees it; `kind` is the last part of its type URI."""

    status: int
    kind: str
    title: str
    detail: str
    errors: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


def to_ocpi(error: Exception) -> OcpiFault:
    """The one mapping to OCPI. What it does not know becomes 3000 with HTTP 500 and no detail."""
    if isinstance(error, RegistrationFailed):
        return OcpiFault(200, error.ocpi_status, error.message)
    known = _known(error)
    if known is None:
        return OcpiFault(500, 3000, _OURS)
    http_status, status_code = _rule(known).ocpi
    message = known.message if http_status != 500 else _OURS
    return OcpiFault(http_status, status_code, message, _headers(known, scheme="Token"))


def to_problem(error: Exception) -> Problem:
    """The one mapping to problem+json. What it does not know becomes 500 and no detail."""
    known = _known(error)
    if known is None:
        return Problem(500, "internal-error", "Something went wrong on our side", "internal error")
    status, kind, title = _rule(known).problem
    if isinstance(error, IdempotencyConflict):
        kind, title = "idempotency-key-reused", "This Idempotency-Key was used for another request"
    return Problem(status, kind, title, known.message, tuple(known.fields.items()), _headers(known, scheme="Bearer"))


def is_ours(error: Exception) -> bool:
    """True when nobody but us can mend it."""
    return _known(error) is None and not isinstance(error, RegistrationFailed)


def _rule(error: ApiError) -> _Rule:
    return next(_RULES[kind] for kind in type(error).__mro__ if kind in _RULES)


def _known(error: Exception) -> ApiError | None:
    """The error in the words of this tree; None when it is not the caller's doing."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, InvalidWire):
        if error.malformed:
            return MalformedBody(str(error))
        return InvalidInput(str(error), fields={f.where or "body": f.message for f in error.findings})
    if isinstance(error, ValidationError) and error.title == ObjectId.__name__:
        return InvalidInput("an id is empty or too long")
    if isinstance(error, CannotTell):
        return ProcessDeaf(str(error))
    if isinstance(error, StoreUnavailable):
        return NotReady("the database does not answer now")
    if isinstance(error, PartnerUnavailable):
        return PartnerSilent("the partner cannot be reached now")
    if isinstance(error, PartnerError):
        return PartnerFault("the partner refused or gave no usable answer")
    if isinstance(error, NotFound):
        return UnknownObject(str(error))
    if isinstance(error, Unstorable):
        return InvalidInput(str(error))
    if isinstance(error, AlreadyExists | IdempotencyConflict):
        return Conflict(str(error))
    return None


def _headers(error: ApiError, *, scheme: str) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": scheme}
    if isinstance(error, NotReady):
        return {"Retry-After": "5"}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}
    return {}
