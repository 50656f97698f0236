"""The table of coverage: generated from what the tests of this folder used, and compared with it.

`ROAM_COVERAGE=write pytest -n 0 tests/conformance` writes `coverage.csv` beside this file, and `docs/coverage.md`.
"""

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from io import StringIO
from pathlib import Path

from deploy.commands.coverage import TABLE, Line, Row, counted, joined, read, rows_of_release
from tests.conformance.observed import Seen

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
WRITING = os.environ.get("ROAM_COVERAGE") == "write"
COMMAND = "ROAM_COVERAGE=write .venv/bin/pytest -q -n 0 tests/conformance"
NOTED: list[tuple[str, Seen]] = []
"""What each test that passed has used, in the order of the run."""


def note(test: str, seen: Seen) -> None:
    NOTED.append((test, seen))


def name_of(nodeid: str) -> str:
    """A test without its parameters: the version is in the row."""
    return nodeid.partition("[")[0]


def faults(test: str, version: str, seen: Seen) -> list[str]:
    """Where the table and what a test used disagree: rows it is named for and did not use, and rows without a test."""
    lines = [line for line in joined(rows_of_release(), read()) if line.row.version == version]
    found = [
        f"{_words(line.row)}: not served" for line in lines if line.served_by == test and line.row not in seen.served
    ]
    found += [
        f"{_words(line.row)}: not called" for line in lines if line.called_by == test and line.row not in seen.called
    ]
    new = {line.row for line in lines if not line.served_by} & seen.served
    new |= {line.row for line in lines if not line.called_by and line.ours_to_call} & seen.called
    found += [f"{_words(row)}: has a test now" for row in sorted(new)]
    return [f"{fault} (the table is out of date: {COMMAND})" for fault in found]


def lines_of_run() -> tuple[Line, ...]:
    """For each row of this release, the test that used it and little else."""
    return tuple(
        Line(row, _closest(row, ((t, s) for t, s in NOTED if row in s.served)),
             _closest(row, ((t, s) for t, s in NOTED if row in s.called)))
        for row in rows_of_release()
    )  # fmt: skip


def _closest(row: Row, used: Iterable[tuple[str, Seen]]) -> str:
    """Of the tests that used a row, the one that used the fewest others; the first one of several."""
    return min(((len(seen), at, test) for at, (test, seen) in enumerate(used)), default=(0, 0, ""))[2]


def write() -> None:
    lines = lines_of_run()
    TABLE.write_text(as_csv(lines), encoding="utf-8")
    PAGE.write_text(as_page(lines), encoding="utf-8")


def as_csv(lines: Sequence[Line]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(field.name for field in fields(Row)), "served_by", "called_by"])
    writer.writerows((*astuple(line.row), line.served_by, line.called_by) for line in lines)
    return text.getvalue()


def as_page(lines: Sequence[Line]) -> str:
    versions = dict.fromkeys(line.row.version for line in lines)
    sections = (_section(version, [line for line in lines if line.row.version == version]) for version in versions)
    return "\n".join([_INTRODUCTION, *sections])


def _section(version: str, lines: Sequence[Line]) -> str:
    head = [
        f"## OCPI {version}",
        "",
        f"{len(lines)} rows: {counted(lines)}.",
        "",
        "| module | interface | method | path | served by test | called by test |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *map(_line, lines), ""])


def _line(line: Line) -> str:
    row = line.row
    path = f"`{row.path}`" if row.path else "-"
    served = _test(line.served_by) if line.ours_to_serve else "a hub's"
    called = _test(line.called_by) if line.ours_to_call else "a hub's"
    cells = (row.module, row.interface.lower() or "-", row.method, path, served, called)
    return f"| {' | '.join(cells)} |"


def _test(name: str) -> str:
    """A link to the file, under the name of the test."""
    if not name:
        return "**missing**"
    file, _, test = name.partition("::")
    return f"[{test.replace('::', ' ').removeprefix('test_').replace('_', ' ')}](../{file})"


def _words(row: Row) -> str:
    return " ".join(filter(None, astuple(row)))


_INTRODUCTION = f"""# Coverage of the protocol

Every endpoint of every version that this release speaks, with the test that exercises it over HTTP: two deployments of
ours, one as operator and one as provider, each behind the web server of production. *Served* means that our edge
answered with success and the test saw what a user would notice; *called* that our own client asked for it.

`roam coverage` prints the same table, and ends with an error when a row has no test.

This page is written by the tests, from what they saw on the wire. Where it is out of date, they fail; to write it anew:

    {COMMAND}

Where a path is `-`, it is the address of the interface itself, as version details give it. The path of a result of a
command, and of a CDR that was delivered, is the receiver's choice: here it stands as we choose it.
"""
