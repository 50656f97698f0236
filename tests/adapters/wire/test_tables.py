"""Every wire model against the tables of its version: fields, types, lengths, cardinalities, words, openness."""

import importlib
import pkgutil
import types
from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from adapters.ocpi.wire import scalars, texts
from adapters.ocpi.wire.words import Closed, Open, Word
from tests.adapters.wire.shared import needed, rows

FOLDERS = {"2.2.1": ("ocpi_2_2_1",), "2.3.0": ("ocpi_2_2_1", "ocpi_2_3_0")}
"""Where the wire objects of a version are; what a later folder has stands in place of what an earlier one has."""

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
    ("TaxAmount", "name"): "the table has no length: that of every longer text",
    ("TaxAmount", "account_number"): "as above",
    ("Parking", "apds_reference"): "as above",
}


@cache
def _classes(version: str, base: type) -> Mapping[str, type]:
    found: dict[str, type] = {}
    for folder in FOLDERS[version]:
        package = importlib.import_module(f"adapters.{folder}.wire")
        for name in sorted(each.name for each in pkgutil.iter_modules(package.__path__)):
            module = importlib.import_module(f"{package.__name__}.{name}")
            for each in vars(module).values():
                if isinstance(each, type) and issubclass(each, base) and each.__module__ == module.__name__:
                    found[each.__name__] = each
    return found


@cache
def _objects(version: str) -> Mapping[str, Mapping[str, dict[str, str]]]:
    objects: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in rows("reference", "ocpi-fields.csv", version=version):
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
            case Word() | Closed() | Open():
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


@pytest.mark.parametrize("version", FOLDERS)
def test_every_object_of_the_tables_has_a_model(version: str) -> None:
    needed(rows("reference", "ocpi-fields.csv", version=version))
    assert set(_objects(version)) - set(_classes(version, BaseModel)) == set()


@pytest.mark.parametrize(("version", "name"), [(v, name) for v in FOLDERS for name in sorted(_objects(v))])
def test_model_equals_its_table(version: str, name: str) -> None:
    table, model = _objects(version)[name], _classes(version, BaseModel)[name]
    assert issubclass(model, BaseModel)
    fields = {field: info for field, info in model.model_fields.items() if field != "kept"}
    assert set(fields) == set(table)
    for field, row in table.items():
        assert _cardinality(fields[field]) == row["card"], field
        if (name, field) in DIFFERENT:
            continue
        stated = ("string", row["max_len"]) if row["type"] == "String" else (row["type"], row["max_len"])
        assert _type_of(fields[field]) == stated, field


@pytest.mark.parametrize(("version", "name"), [(v, name) for v in FOLDERS for name in sorted(_objects(v))])
def test_what_is_in_an_object_is_of_its_version(version: str, name: str) -> None:
    models, words = _classes(version, BaseModel), _classes(version, StrEnum)
    for field, info in _classes(version, BaseModel)[name].model_fields.items():  # type: ignore[attr-defined]
        for part in _parts(info):
            if isinstance(part, type) and issubclass(part, BaseModel) and field != "kept":
                assert part is models[part.__name__], field
            if isinstance(part, Word | Closed | Open):
                assert set(part.words) == set(words[part.words.__name__]), field  # type: ignore[call-overload]


@pytest.mark.parametrize("version", FOLDERS)
def test_enumerations_equal_their_tables(version: str) -> None:
    table: dict[str, set[str]] = defaultdict(set)
    for row in needed(rows("reference", "ocpi-enums.csv", version=version)):
        table[row["enum"]].add(row["value"])
    ours = {name: {str(word) for word in words} for name, words in _classes(version, StrEnum).items()}  # type: ignore[attr-defined]
    assert ours == table


@pytest.mark.parametrize("version", FOLDERS)
def test_open_enumerations_are_open_and_closed_ones_are_not(version: str) -> None:
    open_ones = {row["enum"] for row in rows("reference", "ocpi-enums.csv", version=version) if row["open"] == "open"}
    used = {
        (part.words.__name__, isinstance(part, Open))
        for name in _objects(version)
        for info in _classes(version, BaseModel)[name].model_fields.values()  # type: ignore[attr-defined]
        for part in _parts(info)
        if isinstance(part, Word | Closed | Open)
    }
    assert {name for name, is_open in used if is_open} == open_ones - NOT_IN_A_FIELD
    assert {name for name, is_open in used if not is_open} & open_ones == set()


NOT_IN_A_FIELD = {"CommandType", "VersionNumber"}
"""Words of a path, and of a field in which any text is good (see DIFFERENT)."""


@pytest.mark.parametrize("version", FOLDERS)
def test_every_named_difference_exists(version: str) -> None:
    needed(rows("reference", "ocpi-fields.csv", version=version))
    known = {(name, field) for v in FOLDERS for name, fields in _objects(v).items() for field in fields}
    assert set(DIFFERENT) - known == set()


def _parts(of: object) -> Iterator[object]:
    """A field's types and annotations, however deep."""
    if isinstance(of, FieldInfo):
        yield from of.metadata
        yield from _parts(of.annotation)
    else:
        yield of
        yield from getattr(of, "__metadata__", ())
        for inner in get_args(of):
            yield from _parts(inner)
