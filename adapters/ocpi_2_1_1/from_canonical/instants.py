"""Instants as this version writes them."""

from datetime import datetime

from adapters.ocpi import fields


def instant(value: datetime | None) -> str | None:
    """In whole seconds: fractions came with 2.2 (2.1.1 types, DateTime). They are read nevertheless."""
    return None if value is None else fields.instant(value.replace(microsecond=0))
