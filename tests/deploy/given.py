"""Files for commands that work without a platform, and how these are run."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from deploy.cli import app
from tests.adapters.wire import objects as wire

Document = dict[str, Any]

MINIMAL: Mapping[str, Any] = {
    "start_date_time": "2024-01-15T10:00:00Z",
    "end_date_time": "2024-01-15T11:00:00Z",
    "currency": "EUR",
    "tariffs": [
        {
            "id": "X",
            "currency": "EUR",
            "elements": [{"price_components": [{"type": "ENERGY", "price": 0.25, "vat": 10, "step_size": 1}]}],
        }
    ],
    "charging_periods": [{"start_date_time": "2024-01-15T10:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 20}]}],
}
"""A CDR as people cut it down when they ask what it costs."""


def minimal(**changes: Any) -> Document:
    return json.loads(json.dumps({**MINIMAL, **changes}))  # type: ignore[no-any-return]


def at_night() -> Document:
    """A tariff that reads a clock: another price from 22:00 on."""
    day = {"type": "ENERGY", "price": 0.40, "vat": 19, "step_size": 1}
    night = {"price_components": [{**day, "price": 0.30}], "restrictions": {"start_time": "22:00", "end_time": "06:00"}}
    return wire.tariff(elements=[night, {"price_components": [day]}])


def file_of(folder: Path, document: Any, name: str = "given.json") -> str:
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def run(*arguments: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=given)


def answer(result: Result) -> Document:
    return json.loads(result.stdout, parse_float=Decimal)  # type: ignore[no-any-return]


def codes(findings: list[Document]) -> set[str]:
    return {finding["code"] for finding in findings}


def is_refused_in_one_line(result: Result) -> bool:
    """As a person has to be told: exit code 2, one line on the error stream, nothing on the other, no traceback."""
    lines = result.stderr.splitlines()
    return result.exit_code == 2 and result.stdout == "" and len(lines) == 1 and "Traceback" not in result.stderr


def ended_well(result: Result) -> bool:
    """0, 1 or 2, and never by an exception that nobody caught."""
    caught = result.exception is None or isinstance(result.exception, SystemExit)
    return caught and result.exit_code in {0, 1, 2} and "Traceback" not in result.output


def unusable(folder: Path) -> dict[str, Path]:
    """Files that are no object of OCPI, by what is wrong with them."""
    contents: dict[str, bytes] = {
        "not_json": b"{",
        "words": b"hello there",
        "not_utf8": b'{"a": "\xff\xfe"}',
        "empty": b"",
        "blank": b" \n\t ",
        "nested": b"[" * 200_000,
        "twice": b'{"id": 1, "id": 2}',
        "nan": b'{"id": NaN}',
        "infinite": b'{"id": -Infinity}',
        "huge_number": b'{"id": 1e999999999}',
        "half_a_character": b'{"id": "\\ud800"}',
        "array": b"[1, 2]",
        "text": b'"hello"',
        "nothing_known": b'{"a": 1}',
        "null": b"null",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    long = folder / "hundred_megabytes"
    with long.open("wb") as opened:
        opened.truncate(100 * 1024 * 1024)
    return {name: folder / name for name in (*contents, "hundred_megabytes")} | {
        "folder": folder,
        "not_there": folder / "none.json",
    }


_JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, [], {}, "", "x", "#NA", -1, 0, 1.5, 10**25, True, "2024-01-15T10:00:00Z", "9999-12-31T23:59:59Z", [[]], [{}],
     "0001-01-01T00:00:00+14:00", "1,5", "-0.1", "N/A", "é" * 400, 4294967296, "24:00", "RESERVATION", -10**9]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, make: Callable[[], Document]) -> bytes:
    """A good document with some of its values replaced, removed or renamed."""
    document = deepcopy(make())
    for _ in range(draw(st.integers(1, 4))):
        holder, step = draw(st.sampled_from(list(_places(document))))
        deed = draw(st.sampled_from(["replace", "remove", "rename", "repeat"]))
        if deed == "replace":
            holder[step] = deepcopy(draw(_JUNK))
        elif deed == "remove":
            del holder[step]
        elif deed == "rename" and isinstance(holder, dict):
            holder[f"{step}x"] = holder.pop(step)
        elif isinstance(holder, list):
            holder.append(deepcopy(holder[step]))
        if not document:
            break
    return json.dumps(document).encode()


def _places(value: Any) -> Any:
    if isinstance(value, dict | list):
        for step in value if isinstance(value, dict) else range(len(value)):
            yield value, step
            yield from _places(value[step])
