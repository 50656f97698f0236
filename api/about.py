"""What the request that is being answered is about: ids that stand in every line of the log about it."""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


def begins(**ids: str) -> None:
    """A request has come; nothing is known of it but these ids."""
    _ABOUT.set(ids)


def known(**ids: str) -> None:
    """More is known of the request that is being answered."""
    _ABOUT.set({**_ABOUT.get(), **ids})


def ids() -> Mapping[str, str]:
    """What is known of it now; nothing where none is being answered."""
    return _ABOUT.get()
