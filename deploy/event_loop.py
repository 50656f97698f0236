"""The event loop of processes that answer requests."""

import asyncio


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where there is one, otherwise the standard one (docs/performance.md has the difference)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
