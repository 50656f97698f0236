"""Which endpoint a path means. The routes are the adapters' own tables; nothing here knows a version.

The path is matched on its raw bytes: each segment is percent-decoded exactly once, after the split, so that an id
may hold a slash. A slash at the end, or none, is the same place: a redirect would lose bodies. So is `//` where a
partner joined our endpoint and its own path.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import dropwhile
from operator import not_
from typing import Final
from urllib.parse import unquote

from starlette.types import Scope

from adapters.contract import Adapter, Endpoint, Interface, Module
from api.errors import MethodNotAllowed, UnknownRoute
from canonical.partner import Side

CONFIGURATION_MODULES: Final = frozenset({Module.VERSIONS, Module.CREDENTIALS, Module.HUB_CLIENT_INFO})
"""Modules between two platforms rather than two parties: no routing headers (OCPI 2.2.1 transport)."""

_ENDPOINT_SEGMENTS: Final = 3
"""Version, interface, module: what version details give as one URL."""

_SENT_BY_PROVIDER: Final = frozenset({Module.TOKENS, Module.COMMANDS, Module.CHARGING_PROFILES})


@dataclass(frozen=True)
class Match:
    endpoint: Endpoint
    segments: Mapping[str, str]


def raw_segments(scope: Scope) -> tuple[str, ...]:
    """The path below the mount point, split and decoded once. Raises UnknownRoute for NUL: no name of ours holds it."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1").split("?", 1)[0]
    below = path.removeprefix(scope.get("root_path", "")).strip("/")
    if not below:
        return ()
    segments = below.split("/")
    # Only at the joint: an empty segment farther on is an id that somebody forgot, and must not let others move up.
    own = dropwhile(not_, segments[_ENDPOINT_SEGMENTS:])
    decoded = tuple(unquote(segment) for segment in (*segments[:_ENDPOINT_SEGMENTS], *own))
    if any("\0" in segment for segment in decoded):
        raise UnknownRoute("nothing has a name with NUL in it")
    return decoded


def module_named(segments: tuple[str, ...]) -> str:
    """The module in a path, whether or not there is such a one."""
    return segments[_ENDPOINT_SEGMENTS - 1] if len(segments) >= _ENDPOINT_SEGMENTS else ""


def match(adapter: Adapter, sides: Collection[Side], segments: tuple[str, ...], method: str) -> Match:
    """The endpoint below a version's root (`sender/locations/…`) that serves this method.

    Raises UnknownRoute, or MethodNotAllowed with the methods that the path has.
    """
    found = [
        Match(endpoint, names)
        for endpoint, template in _table(adapter, frozenset(sides)).get(segments[:2], ())  # type: ignore[arg-type]  # found by identity
        if (names := _names(template, segments)) is not None
    ]
    if not found:
        raise UnknownRoute("there is no such endpoint on this connection")
    for candidate in found:
        if candidate.endpoint.method == method:
            return candidate
    raise MethodNotAllowed(tuple(sorted({candidate.endpoint.method for candidate in found})))


def served(adapter: Adapter, sides: Collection[Side]) -> tuple[Endpoint, ...]:
    """What an adapter serves to a partner towards whom we play `sides`."""
    return tuple(e for e in adapter.endpoints if e.module in CONFIGURATION_MODULES or side_of(e) in sides)


def modules(endpoints: Iterable[Endpoint]) -> tuple[tuple[Module, Interface], ...]:
    """Each module interface once, in the order of the table: what version details list."""
    return tuple(dict.fromkeys((e.module, e.interface) for e in endpoints))


def side_of(endpoint: Endpoint) -> Side:
    """The side that serves an endpoint."""
    sender = Side.EMSP if endpoint.module in _SENT_BY_PROVIDER else Side.CPO
    return sender if endpoint.interface is Interface.SENDER else sender.other


@lru_cache(maxsize=128)
def _table(
    adapter: Adapter, sides: frozenset[Side]
) -> Mapping[tuple[str, ...], tuple[tuple[Endpoint, tuple[str, ...]], ...]]:
    """What is served, by interface and module, each with the template of its path. Adapters live as long as we do."""
    table: dict[tuple[str, ...], tuple[tuple[Endpoint, tuple[str, ...]], ...]] = {}
    for endpoint in served(adapter, sides):
        template = (
            endpoint.interface.value.lower(),
            endpoint.module.value,
            *filter(None, endpoint.path.split("/")),
        )
        table[template[:2]] = (*table.get(template[:2], ()), (endpoint, template))
    return table


def _names(template: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    """The named segments when the path fits the template, else None."""
    if len(template) != len(segments):
        return None
    names: dict[str, str] = {}
    for pattern, segment in zip(template, segments, strict=True):
        if pattern.startswith("{"):
            if not segment:
                return None
            names[pattern.strip("{}")] = segment
        elif pattern != segment:
            return None
    return names
