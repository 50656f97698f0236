"""Every wire model against the tables of OCPI 2.2.1: fields, types, lengths, cardinalities, words."""

import importlib
import types
from collections import defaultdict
from enum import StrEnum
from typing import Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from adapters.ocpi.wire import scalars, texts
from adapters.ocpi.wire.words import Closed, Word
from tests.adapters.wire.shared import needed, rows

MODULES = (
    "cdr", "charging_profiles", "commands", "credentials", "energy", "evse", "hours", "location", "places", "session",
    "tariff", "token", "versions",
    "cdr_words", "charging_profile_words", "command_words", "location_words", "party_words", "session_words",
    "tariff_words", "token_words", "version_words",
)  # fmt: skip

RENAMED = {"Data": "VersionDetails"}
ENVELOPE = {"Responseformat": "the envelope belongs to the transport and to the edge"}

DIFFERENT = {
    ("Image", "width"): "int(5) is a number of at most five digits",
    ("Image", "height"): "int(5) is a number of at most five digits",
    ("RegularHours", "weekday"): "int(1) is a day from 1 to 7",
    ("Version", "version"): "a version that is not ours must not make a versions list unreadable",
    ("VersionDetails", "version"): "as above",
    ("Endpoint", "identifier"): "custom modules are allowed",
    ("SignedData", "public_key"): "opaque: evidence is not checked for printable characters",
    ("SignedValue", "plain_data"): "as above",
    ("SignedValue", "signed_data"): "as above",
}


def _classes(base: type) -> dict[str, type]:
    found: dict[str, type] = {}
    for name in MODULES:
        module = importlib.import_module(f"adapters.ocpi_2_2_1.wire.{name}")
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, base) and each.__module__ == module.__name__:
                found[each.__name__] = each
    return found


def _objects() -> dict[str, dict[str, dict[str, str]]]:
    objects: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in rows("reference", "ocpi-fields.csv"):
        if row["object"] not in ENVELOPE:
            objects[RENAMED.get(row["object"], row["object"])][row["field"]] = row
    return objects


def _type_of(field: FieldInfo) -> tuple[str, str]:
    """Type name and maximal length of a field, in the words of the table."""
    annotation, metadata = field.annotation, list(field.metadata)
    while (not metadata and get_origin(annotation) in (Union, types.UnionType, tuple)) or _is_list(annotation):
        annotation = next(part for part in get_args(annotation) if part not in (type(None), Ellipsis))
        metadata = list(getattr(annotation, "__metadata__", ()))
    if hasattr(annotation, "__metadata__"):
        metadata, annotation = list(annotation.__metadata__), get_args(annotation)[0]
    for kind in metadata:
        match kind:
            case Word() | Closed():
                return kind.words.__name__, ""
            case texts.CiString():
                return "CiString", str(kind.max_length)
            case texts.Url(max_length=255):
                return "URL", ""
            case texts.String() | texts.Opaque() | texts.Pattern():
                return "string", str(kind.max_length)
            case scalars.Number():
                return "number", ""
            case scalars.Whole():
                return "int", ""
            case scalars.Boolean():
                return "boolean", ""
            case scalars.DateTime():
                return "DateTime", ""
    assert isinstance(annotation, type), annotation
    return annotation.__name__, ""


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is tuple


def _cardinality(field: FieldInfo) -> str:
    if _is_list(field.annotation):
        return "+" if field.is_required() else "*"
    return "1" if field.is_required() else "?"


def test_every_object_of_the_tables_has_a_model() -> None:
    needed(rows("reference", "ocpi-fields.csv"))
    assert set(_objects()) - set(_classes(BaseModel)) == set()


@pytest.mark.parametrize("name", sorted(_objects()))
def test_model_equals_its_table(name: str) -> None:
    table, model = _objects()[name], _classes(BaseModel)[name]
    assert issubclass(model, BaseModel)
    fields = {field: info for field, info in model.model_fields.items() if field != "kept"}
    assert set(fields) == set(table)
    for field, row in table.items():
        assert _cardinality(fields[field]) == row["card"], field
        if (name, field) in DIFFERENT:
            continue
        stated = ("string", row["max_len"]) if row["type"] == "String" else (row["type"], row["max_len"])
        assert _type_of(fields[field]) == stated, field


def test_enumerations_equal_their_tables() -> None:
    table: dict[str, set[str]] = defaultdict(set)
    for row in needed(rows("reference", "ocpi-enums.csv")):
        table[row["enum"]].add(row["value"])
    ours = {name: {str(word) for word in words} for name, words in _classes(StrEnum).items()}  # type: ignore[attr-defined]
    assert ours == table


def test_every_named_difference_exists() -> None:
    needed(rows("reference", "ocpi-fields.csv"))
    assert {key for key in DIFFERENT if key[1] not in _objects()[key[0]]} == set()
