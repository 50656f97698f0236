"""`roam coverage`: which row of the protocol is exercised by which test.

The table is written by the tests in `tests/conformance`, from what they saw on the wire. This reads it, and compares
it with the endpoint tables of the release that runs.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from adapters.contract import Adapter, Endpoint, Interface, Module, Operation
from adapters.registry import build_registry
from canonical.command import CommandKind
from deploy.commands import PROJECT

TABLE = PROJECT / "tests" / "conformance" / "coverage.csv"
LIST, DETAILS = "/versions", "/{version}"
"""Paths of the versions module, below the address of the edge: they stand in no adapter's table."""
_WIDE = 200
_KIND = "command"
"""The segment that says what a result is about."""


@dataclass(frozen=True, order=True)
class Row:
    """One endpoint of one version. `interface` is empty where it means nothing: versions and credentials.

    `path` is relative to the module's URL.
    """

    version: str
    module: str
    interface: str
    method: str
    path: str


@dataclass(frozen=True)
class Line:
    """A row with the tests that exercised it over HTTP: as the one that serves, and as the one that calls."""

    row: Row
    served_by: str = ""
    called_by: str = ""

    @property
    def ours_to_serve(self) -> bool:
        """False for what only a partner serves: the list of a hub's clients is the hub's."""
        return (self.row.module, self.row.interface) != (Module.HUB_CLIENT_INFO, Interface.SENDER)

    @property
    def ours_to_call(self) -> bool:
        """False for what only a hub calls: it tells of its clients, we do not."""
        return (self.row.module, self.row.interface) != (Module.HUB_CLIENT_INFO, Interface.RECEIVER)

    @property
    def missing(self) -> bool:
        return (self.ours_to_serve and not self.served_by) or (self.ours_to_call and not self.called_by)


def rows_of(adapter: Adapter) -> tuple[Row, ...]:
    """What a partner of this version may use, and what we use of it, in the order of the adapter's table."""
    version = adapter.version
    served = [row for endpoint in adapter.endpoints for row in _rows_of_endpoint(version, endpoint)]
    found = [
        Row(version, Module.VERSIONS.value, "", "GET", LIST),
        Row(version, Module.VERSIONS.value, "", "GET", DETAILS),
        *served,
    ]
    if any(row.module == Module.HUB_CLIENT_INFO for row in served):
        found.append(Row(version, Module.HUB_CLIENT_INFO.value, Interface.SENDER.value, "GET", ""))
    return tuple(dict.fromkeys(found))


def row_of(version: str, endpoint: Endpoint, segments: Mapping[str, str]) -> Row:
    """The row that a request belongs to. Results about charging profiles are three rows, told apart by a segment."""
    interface = "" if endpoint.module is Module.CREDENTIALS else endpoint.interface.value
    path = endpoint.path
    if endpoint.operation is Operation.CHARGING_PROFILE_RESULT:
        path = path.replace(f"{{{_KIND}}}", segments[_KIND])
    return Row(version, endpoint.module.value, interface, endpoint.method, path)


def _rows_of_endpoint(version: str, endpoint: Endpoint) -> Iterable[Row]:
    if endpoint.operation is Operation.CHARGING_PROFILE_RESULT:
        return [row_of(version, endpoint, {_KIND: kind.value}) for kind in CommandKind if kind.about_profile]
    return [row_of(version, endpoint, {})]


def rows_of_release() -> tuple[Row, ...]:
    """Every row of every version that this release speaks, lowest version first."""
    adapters = reversed(build_registry(None).adapters())
    return tuple(row for adapter in adapters for row in rows_of(adapter))


def read(table: Path = TABLE) -> tuple[Line, ...]:
    """The checked-in table. Raises OSError when it is not there: an installed release does not carry it."""
    names = [field.name for field in fields(Row)]
    with table.open(newline="", encoding="utf-8") as lines:
        return tuple(
            Line(Row(*(line[name] for name in names)), line["served_by"], line["called_by"])
            for line in csv.DictReader(lines)
        )


def joined(rows: Iterable[Row], lines: Iterable[Line]) -> tuple[Line, ...]:
    """A line for each row: what the table says of it, or nothing."""
    known = {line.row: line for line in lines}
    return tuple(known.get(row, Line(row)) for row in rows)


def counted(lines: Sequence[Line]) -> str:
    """How many rows of those that are ours to serve, and ours to call, have a test that does."""
    served = [bool(line.served_by) for line in lines if line.ours_to_serve]
    called = [bool(line.called_by) for line in lines if line.ours_to_call]
    return f"{sum(served)} of {len(served)} served, {sum(called)} of {len(called)} called"


def run(*, version: str | None, as_json: bool) -> None:
    """Print the matrix; ends with 1 when a row has no test, with 2 when there is no table."""
    try:
        lines = joined(rows_of_release(), read())
    except OSError:
        typer.echo("The table of coverage is part of the project's source, and is not here.", err=True)
        raise typer.Exit(2) from None
    chosen = [line for line in lines if version in (None, line.row.version)]
    if not chosen:
        typer.echo(f"There is no version {version}: {', '.join(_versions(lines))}.", err=True)
        raise typer.Exit(2)
    if as_json:
        typer.echo(json.dumps([_document(line) for line in chosen], indent=2))
    else:
        _show(chosen)
    raise typer.Exit(1 if any(line.missing for line in chosen) else 0)


def _document(line: Line) -> dict[str, object]:
    return {**asdict(line.row), "served_by": line.served_by, "called_by": line.called_by, "missing": line.missing}


def _show(lines: Sequence[Line]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:  # into a file or through a pipe: a row is a line
        console.width = _WIDE
    for version in _versions(lines):
        those = [line for line in lines if line.row.version == version]
        table = Table(
            title=f"{version}: {len(those)} rows, {counted(those)}", title_justify="left", box=box.SIMPLE_HEAD
        )
        table.add_column("endpoint", overflow="fold")
        table.add_column("exercised by", overflow="fold")
        for line in those:
            row = line.row
            words = (row.module, row.interface.lower(), row.method, row.path)
            table.add_row(" ".join(filter(None, words)), _tests(line))
        console.print(table)
    missing = [line for line in lines if line.missing]
    console.print(f"{len(lines)} rows, {len(missing)} without a test")


def _tests(line: Line) -> str:
    """The test that serves and calls, or what there is of the two."""
    served = _mark(line.served_by) if line.ours_to_serve else "a hub"
    called = _mark(line.called_by) if line.ours_to_call else "a hub"
    return served if served == called else f"{called} (served: {served})"


def _mark(test: str) -> str:
    """The test's place, without what is the same in all."""
    return test.removeprefix("tests/conformance/") or "[red]missing[/]"


def _versions(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.row.version for line in lines))
