"""How fields with enumerated values are read."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import ClassVar

from adapters.ocpi.wire.fault import WireType, fault
from adapters.rules.rule import Tolerated


@cache
def listed(words: type[StrEnum]) -> frozenset[str]:
    """The words of one enumeration."""
    return frozenset(word.value for word in words)


@dataclass(frozen=True)
class Closed(WireType):
    """One of a version's words, where an unknown one could cost money or confuse identities."""

    words: type[StrEnum]

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise fault("text_type", "must be a text")
        if value not in listed(self.words):
            raise fault("not_in_enumeration", f"is not a {self.words.__name__}")
        return value


@dataclass(frozen=True)
class Word(WireType):
    """One of a version's words, where an unknown one does no harm and a rule may let it pass.

    `closed_in_canon`: the canonical model has a closed enumeration here and says FALLBACK to an unknown word.
    """

    words: type[StrEnum]
    closed_in_canon: bool = False

    FALLBACK: ClassVar[str] = "UNKNOWN"

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise fault("text_type", "must be a text")
        if value not in listed(self.words) and not isinstance(value, Tolerated):
            raise fault("unlisted", f"is not a {self.words.__name__}")
        return str(value)
