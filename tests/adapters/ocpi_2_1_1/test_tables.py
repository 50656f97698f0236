"""Every wire model against the tables of OCPI 2.1.1: fields, types, lengths, cardinalities, words."""

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from adapters.ocpi.wire.words import Closed, Word
from adapters.ocpi_2_1_1 import wire
from adapters.ocpi_2_1_1.wire.identifiers import Id
from tests.adapters.wire.shared import needed, rows
from tests.adapters.wire.test_tables import _cardinality, _type_of

RENAMED = {"Data": "VersionDetails"}
ENVELOPE = {"Responseformat": "the envelope belongs to the transport and to the edge"}

DIFFERENT = {
    ("Image", "width"): "int(5) is a number of at most five digits",
    ("Image", "height"): "int(5) is a number of at most five digits",
    ("RegularHours", "weekday"): "int(1) is a day from 1 to 7",
    ("Credentials", "party_id"): "letters and digits, compared without regard to case, as in all versions",
    ("Credentials", "country_code"): "two letters, compared without regard to case, as in all versions",
    ("Version", "version"): "a version that is not ours must not make a versions list unreadable",
    ("VersionDetails", "version"): "as above",
    ("Endpoint", "identifier"): "custom modules are met",
}


def _modules() -> list[object]:
    names = [module.name for module in pkgutil.iter_modules(wire.__path__)]
    return [wire, *(importlib.import_module(f"{wire.__name__}.{name}") for name in names)]


def _classes(base: type) -> dict[str, type]:
    """Those that the version has of its own, and those that it takes from 2.2.1."""
    found: dict[str, type] = {}
    for module in _modules():
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, base):
                own = each.__module__.startswith(wire.__name__)
                found[each.__name__] = each if own else found.get(each.__name__, each)
    return found


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and everything in it."""
    yield model
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _models(part)


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    for part in (*get_args(annotation), *getattr(annotation, "__metadata__", ())):
        yield from _parts(part)


def _used() -> dict[str, type[BaseModel]]:
    """By name, every model that a message of this version is made of."""
    roots = [each for each in _classes(BaseModel).values() if each.__module__.startswith(wire.__name__)]
    found: dict[str, type[BaseModel]] = {}
    for root in [*roots, wire.Version]:
        for model in _models(root):  # type: ignore[arg-type]
            other = found.setdefault(model.__name__, model)
            assert other is model, f"two models are called {model.__name__}"
    return found


def _objects() -> dict[str, dict[str, dict[str, str]]]:
    objects: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in rows("reference", "ocpi-fields.csv", version="2.1.1"):
        if row["object"] not in ENVELOPE:
            objects[RENAMED.get(row["object"], row["object"])][row["field"]] = row
    return objects


def _stated_type(field: FieldInfo) -> tuple[str, str]:
    ids = [part for part in (*field.metadata, *_parts(field.annotation)) if isinstance(part, Id)]
    return ("string", str(ids[0].max_length)) if ids else _type_of(field)


def test_every_object_of_the_tables_has_a_model_and_no_model_is_of_another_version() -> None:
    needed(rows("reference", "ocpi-fields.csv", version="2.1.1"))
    own = {"Extension"}
    assert set(_used()) - own == set(_objects())


@pytest.mark.parametrize("name", sorted(_objects()))
def test_model_equals_its_table(name: str) -> None:
    table, model = _objects()[name], _used()[name]
    fields = {field: info for field, info in model.model_fields.items() if field != "kept"}
    assert set(fields) == set(table)
    for field, row in table.items():
        assert _cardinality(fields[field]) == row["card"], field
        if (name, field) not in DIFFERENT:
            assert _stated_type(fields[field]) == (row["type"], row["max_len"]), field


def test_enumerations_equal_their_tables() -> None:
    table: dict[str, set[str]] = defaultdict(set)
    for row in needed(rows("reference", "ocpi-enums.csv", version="2.1.1")):
        assert row["open"] == "closed"
        table[row["enum"]].add(row["value"])
    words: list[type[StrEnum]] = [each for each in _classes(StrEnum).values() if "2_1_1" in each.__module__]
    for model in _used().values():
        for info in model.model_fields.values():
            parts = (*info.metadata, *_parts(info.annotation))
            words += [part.words for part in parts if isinstance(part, Word | Closed)]
    assert {each.__name__: {str(word) for word in each} for each in words} == table


def test_every_named_difference_exists() -> None:
    needed(rows("reference", "ocpi-fields.csv", version="2.1.1"))
    assert {key for key in DIFFERENT if key[1] not in _objects()[key[0]]} == set()
