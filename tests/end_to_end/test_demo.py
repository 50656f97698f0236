"""`roam demo`, as somebody who has just got the project runs it: the whole story, and Ctrl-C in the midst of it."""

import csv
import json
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
from pypdf import PdfReader

from deploy.commands import PROJECT
from deploy.processes import roam_command
from tests.end_to_end.left_behind import assert_nothing_runs

pytestmark = pytest.mark.timeout(240)

STOPPED_WITHIN_S = 30
DATA = ("cpo/postgres", "emsp/postgres", "temporal")
SHOWN = (
    "each of 12 sessions has exactly one CDR",
    "the same CDRs, but for the one that was changed",
    "every amount equals the independent recalculation",
    "for idle time",
    "what was agreed is in force",
    "is credited, and the provider has accepted the credit",
    "it sums to zero with its credit",
    "the planted fault is found",
    "the two books agree",
    "operator: the signed log vouches for all",
    "provider: the signed log vouches for all",
    "an export of one CDR holds without a database",
    "one changed byte in it is found, and located",
    "check-cdr accepts",
    "signed meter data verifies",
    "six SIGKILLs, six recoveries",
)
"""Parts of what the checks say."""


@dataclass(frozen=True)
class Papers:
    """The three faces of one invoice."""

    document: dict[str, Any]
    rows: list[dict[str, str]]
    print: str


def test_both_sides_agree_and_nothing_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    finished = subprocess.run(roam_command("demo", "--json"), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-4000:]
    outcome = json.loads(finished.stdout)
    folder = Path(outcome["logs"])

    assert outcome["agree"]
    assert [check["what"] for check in outcome["checks"] if not check["holds"]] == []
    checked = "\n".join(check["what"] for check in outcome["checks"])
    assert [what for what in SHOWN if what not in checked] == []
    assert outcome["operator"]["cdrs"] == outcome["provider"]["cdrs"] > 0
    assert len(outcome["killed"]) == 6
    with capsys.disabled():
        recovered = ", ".join(f"{where} {seconds:.1f} s" for where, seconds in outcome["recovery_s"].items())
        print(f"\nroam demo: {outcome['seconds']} s (budget 60 s); recovery: {recovered}")  # noqa: T201

    assert_papers_agree(papers(outcome["files"]), outcome["invoice"])
    assert_suggestions_work(outcome["try"])
    assert_nothing_runs(folder)
    assert [name for name in DATA if (folder / name).exists()] == []
    shutil.rmtree(folder)


def assert_suggestions_work(commands: list[str]) -> None:
    """When everything has ended, somebody who has nothing but the files comes to the same verdicts."""
    judged = [
        subprocess.run(
            roam_command(*shlex.split(command.removeprefix("./roam "))),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        for command in commands
    ]
    assert [each.returncode for each in judged] == [0, 0, 0, 0, 0, 1], [each.stderr for each in judged]
    assert "/document/cdr/total_energy_kwh: it is not what was signed" in judged[-1].stdout


def papers(files: list[str]) -> Papers:
    by_ending = {Path(file).suffix: Path(file) for file in files}
    pages = PdfReader(by_ending[".pdf"]).pages
    with by_ending[".csv"].open(newline="", encoding="utf-8") as annex:
        rows = list(csv.DictReader(annex))
    return Papers(
        document=json.loads(by_ending[".json"].read_text(encoding="utf-8"), parse_float=Decimal),
        rows=rows,
        print="\n".join(page.extract_text() for page in pages),
    )


def assert_papers_agree(invoice: Papers, told: dict[str, str]) -> None:
    """Number and amounts are the same on all three, and the rows of the annex add up to the net that is asked."""
    document = invoice.document
    for field in ("number", "currency", "net", "vat", "gross"):
        assert str(document[field]) == told[field]
    for field in ("number", "net", "gross"):
        assert told[field] in invoice.print
    assert {(row["invoice"], row["currency"]) for row in invoice.rows} == {(told["number"], told["currency"])}
    assert len(invoice.rows) == len(document["items"]) > 0
    assert sum(Decimal(row["net"]) for row in invoice.rows) == Decimal(told["net"])
    assert Decimal(told["net"]) + Decimal(told["vat"]) == Decimal(told["gross"])
    for row, item in zip(invoice.rows, document["items"], strict=True):
        assert (row["session_id"], row["net"], row["gross"]) == (item["session_id"], item["net"], item["gross"])
        assert row["cdr_sha256"] == item["cdr_sha256"]


def test_ctrl_c_while_everything_is_being_killed() -> None:
    with demo_running() as demo:
        folder = run_folder(demo)
        read_up_to(demo, "Crash:")
        assert_ends_on_ctrl_c(demo, folder)


def test_ctrl_c_while_servers_are_starting() -> None:
    with demo_running() as demo:
        assert_ends_on_ctrl_c(demo, run_folder(demo))


def assert_ends_on_ctrl_c(demo: subprocess.Popen[str], folder: Path) -> None:
    demo.send_signal(signal.SIGINT)
    assert demo.wait(STOPPED_WITHIN_S) == 130
    assert_nothing_runs(folder)
    assert [name for name in DATA if (folder / name).exists()] == []
    shutil.rmtree(folder)


@contextmanager
def demo_running() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        roam_command("demo", "--json"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as demo:
        try:
            yield demo
        finally:
            demo.kill()


def read_up_to(demo: subprocess.Popen[str], words: str) -> None:
    """Return when the demo has said the words."""
    assert demo.stderr is not None
    said = ""
    for line in demo.stderr:
        said += line
        if words in line:
            return
    pytest.fail(f"the demo ended before it said {words!r}:\n{said}")


def run_folder(demo: subprocess.Popen[str]) -> Path:
    """As soon as there is a process in it. Other demos may run on this machine: ours is where our children work."""
    runs = PROJECT / ".roam" / "demo"
    while demo.poll() is None:
        for part in (part for child in children_of(demo.pid) for part in child):
            if Path(part).is_relative_to(runs):
                return runs / Path(part).relative_to(runs).parts[0]
        time.sleep(0.02)
    pytest.fail("the demo ended at once")


def children_of(pid: int) -> list[list[str]]:
    """Command lines."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):
            found.append(child.cmdline())
    return found
