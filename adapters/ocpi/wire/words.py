"""How fields with enumerated values are read."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import ClassVar, cast

from adapters.ocpi.wire.fault import WireType, fault
from adapters.rules.rule import Tolerated


@cache
def listed(words: type[StrEnum]) -> frozenset[str]:
    """The words of one enumeration."""
    return frozenset(word.value for word in words)


def with_more(words: type[StrEnum], *more: str, module: str) -> type[StrEnum]:
    """An enumeration of an earlier version, and what a later one adds to it."""
    # To a type checker, a call of an enumeration looks up a word: it does not see that this one makes a new type.
    return cast("type[StrEnum]", StrEnum(words.__name__, [(word, word) for word in (*words, *more)], module=module))


@dataclass(frozen=True)
class Closed(WireType):
    """One of a version's words, where an unknown one could cost money or confuse identities."""

    words: type[StrEnum]

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise fault("text_type", "must be a text")
        if value not in listed(self.words) and not isinstance(value, Tolerated):
            raise fault("not_in_enumeration", f"is not a {self.words.__name__}")
        return str(value)


@dataclass(frozen=True)
class Open(WireType):
    """One of a version's words or one of somebody's own: every word is good (OCPI 2.3.0, OpenEnum).

    `canon_says`: what the canonical model, closed here, says to an unknown word. The word itself is kept beside it, for
    the way back into `of_version`.
    """

    words: type[StrEnum]
    canon_says: str | None = None
    of_version: str | None = None

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise fault("text_type", "must be a text")
        if not value:
            raise fault("text_empty", "must not be empty")
        return str(value)


@dataclass(frozen=True)
class Word(WireType):
    """One of a version's words, where an unknown one does no harm and a rule may let it pass.

    `closed_in_canon`: the canonical model has a closed enumeration here and says FALLBACK to an unknown word.
    """

    words: type[StrEnum]
    closed_in_canon: bool = False

    FALLBACK: ClassVar[str] = "UNKNOWN"
    of_version: ClassVar[str | None] = None

    @property
    def canon_says(self) -> str | None:
        return self.FALLBACK if self.closed_in_canon else None

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise fault("text_type", "must be a text")
        if value not in listed(self.words) and not isinstance(value, Tolerated):
            raise fault("unlisted", f"is not a {self.words.__name__}")
        return str(value)
