"""One kind of object on both sides, and the functions between them: what a version folder is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from adapters.contract import InvalidWire, Parties, Read
from adapters.document import Document
from adapters.ocpi.wire.model import WireModel
from adapters.reading import exact
from adapters.rules.rule import Rule
from canonical.model import CanonicalModel, Finding

T = TypeVar("T", bound=CanonicalModel)
W = TypeVar("W", bound=WireModel)


@dataclass(frozen=True)
class Family(Generic[T]):
    """`identity` are the wire fields that no update may change; `patched`: the version has a PATCH for it."""

    name: str
    wire: type[WireModel]
    read: Callable[[Document, Sequence[Rule], Parties | None], Read[T]]
    document: Callable[[T], Document]
    identity: tuple[str, ...] = ()
    patched: bool = False


def family(
    kind: type[T],
    wire_model: type[W],
    to_canonical: Callable[[W], T],
    from_canonical: Callable[[T], Document],
    identity: tuple[str, ...] = (),
    *,
    patched: bool = False,
) -> Family[T]:
    """A family whose wire objects say themselves whose they are."""

    def read(document: Document, rules: Sequence[Rule], parties: Parties | None) -> Read[T]:
        del parties
        found = exact(wire_model, document, rules, kind.__name__)
        return Read(_mapped(kind, lambda: to_canonical(found.value)), found.findings)

    return Family(kind.__name__, wire_model, read, from_canonical, identity, patched)


def family_between(
    kind: type[T],
    wire_model: type[W],
    to_canonical: Callable[[W, Parties], T],
    from_canonical: Callable[[T], Document],
    identity: tuple[str, ...] = (),
    *,
    patched: bool = False,
) -> Family[T]:
    """A family whose wire objects do not say whose they are: the connection does (OCPI 2.1.1)."""

    def read(document: Document, rules: Sequence[Rule], parties: Parties | None) -> Read[T]:
        found = exact(wire_model, document, rules, kind.__name__)
        if parties is None:
            raise TypeError(f"{kind.__name__} cannot be read without knowing the two parties")
        return Read(_mapped(kind, lambda: to_canonical(found.value, parties)), found.findings)

    return Family(kind.__name__, wire_model, read, from_canonical, identity, patched)


def _mapped(kind: type[T], mapping: Callable[[], T]) -> T:
    try:
        return mapping()
    except ValidationError as error:
        raise InvalidWire([_contradiction(kind, error)]) from error


def _contradiction(kind: type[CanonicalModel], error: ValidationError) -> Finding:
    """What the tables of the version allow and the domain does not."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return Finding(code="wire.contradiction", message=first["msg"], where=where or kind.__name__, blocks=True)
