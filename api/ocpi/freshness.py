"""Messages overtake each other: an older state of an object never replaces a newer one.

`last_updated` is the owner's clock, so that the order is the owner's. An equal instant applies: a repeat is
harmless, and partners keep whole seconds only.
"""

from datetime import datetime
from typing import Protocol


class Dated(Protocol):
    @property
    def last_updated(self) -> datetime: ...


def is_stale(stored: Dated, incoming: Dated) -> bool:
    """True when the message is older than what we hold: it is answered with success, and ignored."""
    return incoming.last_updated < stored.last_updated
