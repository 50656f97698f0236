"""What a key may do: one scope to read and one to write for each area of calls, and one for everything."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Scope(StrEnum):
    """`admin` opens everything, and the keys themselves."""

    CATALOGUE_READ = "catalogue:read"
    CATALOGUE_WRITE = "catalogue:write"
    TOKENS_READ = "tokens:read"
    TOKENS_WRITE = "tokens:write"
    CHARGING_READ = "charging:read"
    CHARGING_WRITE = "charging:write"
    FINANCE_READ = "finance:read"
    FINANCE_WRITE = "finance:write"
    PARTNERS_READ = "partners:read"
    PARTNERS_WRITE = "partners:write"
    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"
    TEMPORAL_READ = "temporal:read"
    """What workflows carry, in clear: for the Temporal UI, not for a call of this API."""
    ADMIN = "admin"


_AREAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "locations": "catalogue",
        "tariffs": "catalogue",
        "tokens": "tokens",
        "authorizations": "charging",
        "sessions": "charging",
        "commands": "charging",
        "charging profiles": "charging",
        "cdrs": "finance",
        "deliveries": "finance",
        "cases": "finance",
        "agreements": "finance",
        "settlement": "finance",
        "invoices": "finance",
        "invoice records": "finance",
        "ledger": "finance",
        "connections": "partners",
        "partners": "partners",
        "work": "partners",
        "events": "events",
        "webhooks": "events",
    }
)
"""In which area a family of calls is, by its tag. The keys themselves are in none: they need `admin`."""


def needed(tags: Iterable[str], methods: Iterable[str]) -> Scope:
    """The scope of a call: to read where it only reads, else to write. Raises KeyError for a family without area."""
    family = next(iter(tags)).replace("-", " ")
    if family == "keys":
        return Scope.ADMIN
    reads = {method.upper() for method in methods} <= {"GET", "HEAD"}
    return Scope(f"{_AREAS[family]}:{'read' if reads else 'write'}")
