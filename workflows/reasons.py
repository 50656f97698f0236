"""Why a step failed, in words for a person, who knows partners and answers and none of our classes."""

from typing import Final

from temporalio.exceptions import ActivityError, ApplicationError

_SAYS_IT_ALL: Final = frozenset(
    {
        "CannotWrite",
        "InvalidWire",
        "MissingEndpoint",
        "NoCommonVersion",
        "NotFound",
        "NotNow",
        "PartnerNotFound",
        "PartnerProtocolError",
        "PartnerRejected",
        "PartnerUnauthorized",
        "PartnerUnavailable",
        "Uninvoiceable",
        "UnsafeUrl",
    }
)
"""Failures whose message was written to be read. Of any other one the kind is told as well: it is a fault of ours."""


def reason_of(failure: BaseException) -> str:
    cause = _cause(failure)
    if isinstance(cause, ApplicationError) and cause.type in _SAYS_IT_ALL:
        return cause.message
    return str(cause)


def kind_of(failure: BaseException) -> str | None:
    """The name of the class of what went wrong; None when it was no word of an activity's, but a timeout."""
    cause = _cause(failure)
    return cause.type if isinstance(cause, ApplicationError) else None


def _cause(failure: BaseException) -> BaseException:
    return (failure.cause or failure) if isinstance(failure, ActivityError) else failure
