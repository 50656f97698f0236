"""A document to an exact wire object: what differs is repaired by a rule that is on, or refused by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adapters.contract import InvalidWire
from adapters.document import (
    KEPT,
    Document,
    Json,
    Path,
    is_list,
    is_object,
    pointer,
    replace_at,
    value_at,
)
from adapters.json_writer import json_text
from adapters.omitting import omit
from adapters.rules.counting import count
from adapters.rules.rule import Fault, Omit, ReadInstead, Repair, Rule, SetAside
from adapters.shape import owner, removable
from canonical.model import Finding

M = TypeVar("M", bound=BaseModel)
_PASSES = 16
_SECRETS = frozenset({"token"})
_SHOWN = 120
_MOST_REFUSALS = 50
_MOST_PARTS = 200
_MOST_FAULTS = 10_000


@dataclass(frozen=True)
class Exact(Generic[M]):
    """A wire object that its model accepts, and what had to be tolerated for it."""

    value: M
    findings: tuple[Finding, ...]


def exact(model: type[M], document: Document, rules: Sequence[Rule], family: str) -> Exact[M]:
    """Validate a document, which is changed in place where rules repair it. Raises InvalidWire."""
    findings: list[Finding] = []
    for _ in range(_PASSES):
        try:
            value = model.model_validate(document)
        except ValidationError as error:
            _check_worth_repairing(error, findings)
            faults = [_fault(details, model, document, family) for details in error.errors()]
            findings += _repaired(faults, rules, model)
        else:
            count(findings, family)
            return Exact(value, tuple(findings))
    raise _refused(faults)


def _check_worth_repairing(error: ValidationError, found: Sequence[Finding]) -> None:
    """Raises InvalidWire for what has more faults than any dialect: each is looked at, and nobody else is served."""
    count = error.error_count() + len(found)
    if count > _MOST_FAULTS:
        raise InvalidWire([Finding(code="wire.too_many_faults", message=f"has more than {_MOST_FAULTS} faults")])


def _fault(details: ErrorDetails, model: type[BaseModel], document: Document, family: str) -> Fault:
    path = details["loc"]
    kind = details["type"]
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        kind, message = "object_type", "must be an object"
    elif kind == "missing":
        message = "is required"
    else:
        message = details["msg"]
    return Fault(
        kind=kind,
        message=message,
        path=path,
        value=value_at(document, path),
        document=document,
        family=family,
        removable=removable(model, path),
    )


def _repaired(faults: Sequence[Fault], rules: Sequence[Rule], model: type[BaseModel]) -> list[Finding]:
    found = [(fault, *_first_repair(fault, rules)) for fault in faults]
    refused = [fault for fault, rule, _ in found if rule is None]
    if refused:
        raise _refused(refused)
    parts = [(fault, rule, repair) for fault, rule, repair in found if isinstance(repair, SetAside | Omit)]
    if len(parts) > _MOST_PARTS:
        raise _refused(faults)
    # Parts first, and the rest when they are gone: a part is kept as it came, without repairs.
    if parts:
        return _put_aside(parts, model)
    findings = []
    for fault, rule, repair in found:
        if isinstance(repair, ReadInstead):
            replace_at(fault.document, fault.path, repair.value)
            findings.append(_finding(fault, rule))
    return findings


def _put_aside(parts: Sequence[tuple[Fault, Rule | None, SetAside | Omit]], model: type[BaseModel]) -> list[Finding]:
    repairs = {repair.path: repair for _, _, repair in parts}
    outermost = [path for path in repairs if not any(_inside(path, other) for other in repairs)]
    document = parts[0][0].document
    # From the back, so that earlier positions stay what the faults say.
    for path in sorted(outermost, reverse=True):
        if isinstance(repairs[path], SetAside):
            _keep(document, path, owner(model, path))
        elif not omit(document, path, model):
            raise _refused([fault for fault, _, repair in parts if repair.path == path])
    return [_finding(fault, rule) for fault, rule, _ in parts]


def _inside(path: Path, other: Path) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _first_repair(fault: Fault, rules: Sequence[Rule]) -> tuple[Rule | None, Repair | None]:
    for rule in rules:
        if fault.kind in rule.faults or not rule.faults:
            repair = rule.repair(fault)
            if repair is not None:
                return rule, repair
    return None, None


def _keep(document: Document, path: Path, owner_path: Path) -> None:
    keeper = value_at(document, owner_path)
    parent, step = value_at(document, path[:-1]), path[-1]
    if not is_object(keeper):
        raise TypeError(f"{owner_path} is no object")
    kept = keeper.setdefault(KEPT, [])
    if not is_list(kept):
        raise TypeError("a document carries its kept parts in a list")
    relative = path[len(owner_path) :]
    if is_list(parent) and isinstance(step, int):
        value = parent.pop(step)
        relative = (*relative[:-1], _position_sent(kept, relative))
    elif is_object(parent):
        value = parent.pop(str(step), None)
    kept.append({"pointer": pointer(relative), "json_text": json_text(value)})


def _position_sent(kept: list[Json], path: Path) -> int:
    """Where the element stood before others of its list were put aside."""
    list_pointer = pointer(path[:-1]) + "/"
    position = int(path[-1])
    for gone in sorted(_positions(kept, list_pointer)):
        position += gone <= position
    return position


def _positions(kept: list[Json], list_pointer: str) -> list[int]:
    pointers = [str(entry["pointer"]) for entry in kept if is_object(entry)]
    last = [p.removeprefix(list_pointer) for p in pointers if p.startswith(list_pointer)]
    return [int(position) for position in last if position.isdigit()]


def _finding(fault: Fault, rule: Rule | None) -> Finding:
    code = rule.code if rule else "wire.unknown"
    return Finding(
        code=code,
        message=fault.message,
        where=fault.where,
        stated=_stated(fault),
        blocks=rule is not None and rule.blocks,
    )


def _refused(faults: Sequence[Fault]) -> InvalidWire:
    return InvalidWire([_refusal(fault) for fault in faults[:_MOST_REFUSALS]])


def _refusal(fault: Fault) -> Finding:
    return Finding(
        code=f"wire.{fault.kind}",
        message=fault.message,
        where=fault.where,
        stated=_stated(fault),
        blocks=True,
    )


def _stated(fault: Fault) -> str | None:
    if fault.kind == "missing" or (fault.family == "Credentials" and fault.field in _SECRETS):
        return None
    text = json_text(fault.value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
