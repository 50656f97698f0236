"""What of each kind of financial record is in the log, and how a row becomes a leaf.

A leaf is taken from the row as it stands in the database, with the rows that belong to it (the lines of a CDR, the
postings of a ledger entry), so that what is sealed in it stays sealed and provable. Format 1:

1. Columns are members of one JSON object: texts, whole numbers and truth values as they are, amounts as text, instants
   as text in UTC with microseconds, bytes as text in Base64, documents as the JSON that they are. The rows that belong
   to it are arrays of such objects.
2. The object is taken apart, three levels deep, into values with the path to each (RFC 6901): `/document/cdr/currency`.
   An array is also a value at its own path: how many elements it has. An object or array without members is a value.
3. The digest of a value is the SHA-256 of its canonical JSON (`canonical_json`), in hexadecimal.
4. The leaf is the canonical JSON of `{"digests": {path: digest}, "format": 1, "kind": table, "number": number}`.

So whoever holds the digests can say which value of a record is another one, and not only that one is.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Numeric
from sqlalchemy.dialects.postgresql import JSONB

from canonical.store.log.canonical_json import Json, read, write
from canonical.store.log.tree import leaf_hash
from canonical.store.tables import Row
from canonical.store.transaction import Transaction

FORMAT: Final = 1
LOWEST: Final = -(1 << 63)
"""Below every number of a record, also of one that somebody put into the database by hand."""

_DEPTH: Final = 3


@dataclass(frozen=True)
class Part:
    """Rows of another table that belong to a record: found by `owner`, in the order of `order`."""

    field: str
    table: str
    owner: str
    order: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """One kind of record: its table, and the columns that count. `called` are those by which a person names it."""

    table: str
    called: tuple[str, ...]
    columns: tuple[str, ...]
    parts: tuple[Part, ...] = ()


def _kind(table: str, called: str, columns: str, *parts: Part) -> Kind:
    return Kind(table, tuple(called.split()), ("number", *columns.split()), parts)


def _part(field: str, table: str, owner: str, order: str, columns: str) -> Part:
    return Part(field, table, owner, tuple(order.split()), (*order.split(), *columns.split()))


_CDR_LINES: Final = _part(
    "lines",
    "cdr_line",
    "cdr_number",
    "position",
    "component measured quantity unit unit_price currency net tax_name tax_percent tax gross"
    " tariff_key tariff_sha256 tariff_element tariff_component note",
)
_CDR_TAXES: Final = _part("taxes", "cdr_tax", "cdr_number", "line position", "name account_number percent amount")
_CDR_METER: Final = _part(
    "meter_links", "cdr_meter_link", "cdr_number", "line",
    "begin_sha256 end_sha256 begin_kwh end_kwh verdict verdict_reason",
)  # fmt: skip
_POSTINGS: Final = _part("postings", "ledger_posting", "entry_number", "position", "account currency amount_minor")

KINDS: Final = (
    _kind(
        "evidence",
        "direction module method",
        "direction connection_id partner module method url_or_path status headers body body_sha256"
        " answer answer_sha256 answer_headers adapter rule_set object_key at finished_at",
    ),
    _kind("agreement", "connection_id ref", "connection_id ref document agreed_by valid_from recorded_at"),
    _kind("tariff_version", "key", "source key sha256 took_effect current_from recorded_at document"),
    _kind("billing_context", "session_key", "session_key connection_id sha256 document"),
    _kind("signed_meter_data", "session_key", "session_key sha256 document"),
    _kind(
        "cdr",
        "key",
        "ours connection_id key session_key sha256 reference evidence_number start_at end_at last_updated"
        " energy_kwh currency net gross recorded_at document",
        _CDR_LINES,
        _CDR_TAXES,
        _CDR_METER,
    ),
    _kind("cdr_event", "cdr_number state", "cdr_number state text at"),
    _kind("cdr_emission", "cdr_number adapter", "cdr_number adapter version body_sha256 outcome findings losses at"),
    _kind(
        "cdr_receipt",
        "cdr_number outcome",
        "cdr_number http_status ocpi_status url version_accepted outcome findings proved at",
    ),
    _kind("ledger_entry", "key", "key event at text legs sha256 recorded_at", _POSTINGS),
    _kind("statement", "key", "key connection_id issuer recipient month currency sha256 document"),
    _kind(
        "invoice",
        "key",
        "key issuer recipient connection_id statement_key issued month issued_at currency net vat gross sha256"
        " document",
    ),
    _kind("invoice_file", "invoice_key name", "invoice_key name media_type content sha256"),
    _kind(
        "reconciliation_report",
        "statement_key checked_by",
        "statement_key checked_by checked_at currency agreed_net agreed_gross sha256 document",
    ),
)
"""In the order in which records of one extension stand in the log: what others are traced back to comes first."""

BY_TABLE: Final = MappingProxyType({kind.table: (place, kind) for place, kind in enumerate(KINDS)})


@dataclass(frozen=True)
class Record:
    """A row as it is hashed. `values` has its columns, and its parts as arrays."""

    kind: str
    number: int
    name: str
    values: Mapping[str, Json]

    def digests(self) -> dict[str, str]:
        return digests_of(self.values)

    def leaf(self) -> bytes:
        """The hash of its leaf."""
        return leaf_of(self.kind, self.number, self.digests())


def leaf_of(kind: str, number: int, digests: Mapping[str, str]) -> bytes:
    """The hash of the leaf of a record, from the digests of its values."""
    return leaf_hash(write({"digests": digests, "format": FORMAT, "kind": kind, "number": number}))


def digests_of(values: Mapping[str, Json]) -> dict[str, str]:
    """The digest of each value, by the path to it."""
    return {path: hashlib.sha256(write(value)).hexdigest() for path, value in _paths(values, "", _DEPTH)}


def name_of(kind: Kind, values: Mapping[str, Json]) -> str:
    return " ".join(str(values.get(column)) for column in kind.called)


async def records(connection: Transaction, kind: Kind, numbers: Sequence[int]) -> tuple[Record, ...]:
    """The records of these numbers that are there, by number."""
    rows = await connection.look(_select(kind.table, kind.columns, "number", ("number",)), list(numbers))
    found = [_values(kind.table, kind.columns, row) for row in rows]
    by_number = {row[0]: values for row, values in zip(rows, found, strict=True)}
    for part in kind.parts:
        for values in found:
            values[part.field] = []
        columns = (part.owner, *part.columns)
        statement = _select(part.table, columns, part.owner, (part.owner, *part.order))
        for row in await connection.look(statement, list(by_number)):
            belonging = by_number[row[0]][part.field]
            assert isinstance(belonging, list)  # noqa: S101  it was put there above
            belonging.append(_values(part.table, part.columns, row[1:]))
    return tuple(Record(kind.table, number, name_of(kind, values), values) for number, values in by_number.items())


def _paths(value: Json, path: str, depth: int) -> Iterator[tuple[str, Json]]:
    if not depth or not value or not isinstance(value, dict | list | Mapping):
        yield path, value
    elif isinstance(value, list):
        yield path, len(value)
        for place, each in enumerate(value):
            yield from _paths(each, f"{path}/{place}", depth - 1)
    else:
        for name, each in value.items():
            step = name.replace("~", "~0").replace("/", "~1")
            yield from _paths(each, f"{path}/{step}", depth - 1)


def _select(table: str, columns: Sequence[str], by: str, order: Sequence[str]) -> str:
    """Documents and amounts come as the text that the database has of them."""
    types = Row.metadata.tables[table].columns
    wanted = [f"{name}::text" if isinstance(types[name].type, JSONB | Numeric) else name for name in columns]
    return (
        f"SELECT {', '.join(wanted)} FROM {table}"  # noqa: S608  names of ours
        f" WHERE {by} = ANY($1::bigint[]) ORDER BY {', '.join(order)}"
    )


def _values(table: str, columns: Sequence[str], row: Sequence[object]) -> dict[str, Json]:
    types = Row.metadata.tables[table].columns
    return {name: _value(types[name].type, value) for name, value in zip(columns, row, strict=True)}


def _value(kind: object, value: object) -> Json:
    match value:
        case None:
            return None
        case str():
            return read(value) if isinstance(kind, JSONB) else value
        case bool() | int():
            return value
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case _:
            raise TypeError(f"a {type(value).__name__} has no form in a leaf")
