"""Whether the database is away, or gave a transaction up: the one place that reads it off an error.

The same fact comes in many shapes: from the socket, from the driver, from the query builder around the driver, and from
its pool. Whatever is none of them is a bug, and is told as one.
"""

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidRequestError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from canonical.store.errors import StoreUnavailable

_TRY_AGAIN: Final = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now: it starts, or stops
        "57P05",  # idle_session_timeout
    }
)
"""SQLSTATEs after which the same transaction may succeed, with all of class 08: the connection was lost."""

_CONNECTION_LOST: Final = "08"
OF_THE_DRIVER: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""All that a statement straight through the driver may raise."""
_AWAY: Final = (OSError, asyncpg.InternalClientError, PoolTimeout, DisconnectionError, PendingRollbackError)
"""Of the socket; of a driver that was told goodbye while it was about to ask; and of the pool."""
_CLOSED: Final = "This connection is closed"


def unavailable(error: BaseException) -> StoreUnavailable | None:
    """What to raise where repeating may help; None: the error is a bug. Never with details: they show the row."""
    told: BaseException | None = error
    while told is not None:
        if isinstance(told, StoreUnavailable):
            return told
        if _is_away(told):
            return StoreUnavailable("the database does not answer or gave the transaction up; it may succeed later")
        told = told.__cause__
    return None


def _is_away(error: BaseException) -> bool:
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError)  # a parameter that does not fit is a bug
    if isinstance(error, InvalidRequestError) and _CLOSED in str(error):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    sqlstate = getattr(error, "sqlstate", None) or ""
    return isinstance(error, _AWAY) or sqlstate in _TRY_AGAIN or sqlstate.startswith(_CONNECTION_LOST)
