"""What Temporal is told when a step fails: whether trying again can help, and when. One place decides."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.heartbeat import beating
from adapters.contract import CannotWrite, InvalidWire, PartnerError, PartnerProtocolError, PartnerUnauthorized
from canonical.store import NotFound
from settlement.invoice.compose import Uninvoiceable

_EARLY_ATTEMPTS: Final = 20
"""For an hour or so it is believed that what looks final may pass (`may_pass`). A partner that says it for longer means
it."""


@contextmanager
def told_to_temporal() -> Iterator[None]:
    """Turn the errors of adapters and store into failures that carry their own retry rule."""
    try:
        yield
    except PartnerError as error:
        later = timedelta(seconds=error.retry_after_s) if error.retry_after_s else None
        raise ApplicationError(
            str(error),
            type=type(error).__name__,
            non_retryable=not (error.retryable or may_pass(error)),
            next_retry_delay=later,
            category=ApplicationErrorCategory.BENIGN,
        ) from error
    except (InvalidWire, CannotWrite) as error:
        raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from error
    except Uninvoiceable as error:
        raise ApplicationError(str(error), type="Uninvoiceable", non_retryable=True) from error
    except NotFound as error:
        raise ApplicationError(str(error), type="NotFound", non_retryable=True) from error


@asynccontextmanager
async def partner_conversation() -> AsyncIterator[None]:
    """Around a step that talks to a partner: it heartbeats, and its errors carry their retry rule."""
    with told_to_temporal():
        async with beating():
            yield


def may_pass(error: PartnerError) -> bool:
    """Whether it looks final, and may be mended by trying again: while the activity has not been tried often yet.

    An answer that cannot be read may be that of something in between, or one cut short. A token that is not accepted
    may have been on its way while the two were exchanging new ones.
    """
    early = activity.in_activity() and activity.info().attempt < _EARLY_ATTEMPTS
    return early and isinstance(error, PartnerProtocolError | PartnerUnauthorized)
