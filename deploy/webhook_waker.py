"""Wakes the webhooks' processes when this process has stored events: at once, and then once a second at most.

What is missed here, because the process died or Temporal could not be reached, the sweep finds.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from canonical.store import Store, StoreError
from workflows.contract import CannotTell
from workflows.signals import TemporalSignals

_LOG = logging.getLogger("roamwork.webhooks")
_PAUSE_S = 1.0
_PATIENCE_S = 5.0


@asynccontextmanager
async def webhooks_woken(store: Store, signals: TemporalSignals) -> AsyncIterator[None]:
    """While the block runs, events that this process commits wake the webhooks that they are for."""
    added = asyncio.Event()
    store.on_events = added.set
    task = asyncio.create_task(_wake(store, signals, added))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _wake(store: Store, signals: TemporalSignals, added: asyncio.Event) -> None:
    while True:
        await added.wait()
        added.clear()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                async with store.transaction() as unit:
                    behind = await unit.webhooks.behind()
                for webhook_id in behind:
                    await signals.deliver(webhook_id)
        except (CannotTell, StoreError, TimeoutError):
            _LOG.warning("webhooks were not woken; the sweep will", exc_info=True)
        await asyncio.sleep(_PAUSE_S)
