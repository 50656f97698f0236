"""Waking the durable processes after a commit, so that a deaf one never fails the request that woke it."""

import asyncio
import logging
from collections.abc import Awaitable

from api.services import CannotTell

_LOG = logging.getLogger("roamwork.api.signals")
_PATIENCE_S = 5.0


async def wake(signal: Awaitable[object], what: str) -> None:
    """Send a signal. A failure is logged and forgotten: the store holds the truth, and the sweep finds it there."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await signal
    except (CannotTell, TimeoutError):
        _LOG.exception("signal %s was not delivered", what)
