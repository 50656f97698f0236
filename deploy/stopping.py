"""SIGTERM and SIGINT as an event: the process that is asked to end finishes what it has begun."""

import asyncio
import os
import signal
import threading
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_requested() -> asyncio.Event:
    """An event of the running loop, set by the first signal. A second one ends the process as usual."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def stop(number: int) -> None:
        event.set()
        loop.remove_signal_handler(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    return event


def end_within(seconds: float) -> None:
    """End this process then, whatever it still waits for: a server that has gone answers no farewell."""
    asyncio.get_running_loop().call_later(seconds, os._exit, 1)


def interrupted() -> threading.Event:
    """The same for a main thread without a loop."""
    event = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        event.set()
        signal.signal(number, signal.SIG_DFL)

    for number in _SIGNALS:
        signal.signal(number, stop)
    return event
