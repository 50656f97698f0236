"""What a rule is: it sees one fault in a document, and says what to read there instead."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from adapters.document import Document, Json, Path, place


@dataclass(frozen=True)
class Fault:
    """One place where a document differs from its version's tables.

    `kind` is the fault's stable name (`text_too_long`, `missing`, …), `family` the object that was expected.
    `removable` is the innermost place around the fault that the object can do without, if there is one.
    """

    kind: str
    message: str
    path: Path
    value: Json
    document: Document
    family: str
    removable: Path | None = None

    @property
    def field(self) -> str:
        """Name of the faulty field, without array positions."""
        names = [step for step in self.path if isinstance(step, str)]
        return names[-1] if names else ""

    @property
    def where(self) -> str:
        return place(self.path)


@dataclass(frozen=True)
class ReadInstead:
    """Read this value in place of the faulty one."""

    value: Json


@dataclass(frozen=True)
class SetAside:
    """Read the object without the part at `path`, and keep that part as it came."""

    path: Path


@dataclass(frozen=True)
class Omit:
    """Write the object without the part at `path`, and without what cannot be without that part."""

    path: Path


Repair: TypeAlias = ReadInstead | SetAside | Omit


class Rule(ABC):
    """One tolerance. Stateless: the same document always gives the same repairs."""

    code: ClassVar[str]
    faults: ClassVar[frozenset[str]]
    blocks: ClassVar[bool] = False
    """True when nothing may be paid on the strength of what it repaired until a person has looked."""

    @abstractmethod
    def repair(self, fault: Fault) -> Repair | None:
        """What to do about the fault, or None when this rule has no answer to it."""


class Tolerated(str):
    """A text that a rule lets pass although the exact type refuses it."""

    __slots__ = ()


class ToleratedEmpty(list[Json]):
    """An empty list that a rule lets pass where the version wants at least one element."""
