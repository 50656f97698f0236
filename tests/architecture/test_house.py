"""What import contracts cannot see: literals of versions and partners, floats for money, I/O in workflows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
VERSION = re.compile(r"\bocpi[-_ /]?\d|(?<![\d.])2\.(1\.1|2|2\.1|3|3\.0)(?!\.?\d)", re.IGNORECASE)
"""An OCPI version, as number or in the key of an adapter."""
PARTNERS = ("hubject", "gireve", "shell", "ionity", "fastned", "allego", "plugsurfing", "chargepoint", "tesla", "evbox")
PARTY = re.compile(r"\b[A-Z]{2}\*[A-Z0-9]{3}\b")
EXAMPLE_PARTIES = {"DE*ABC", "DE*MOB", "DE*RMW", "XX*XXX"}
"""In examples of settings and requests, and the default name of a deployment for development."""
IO_LIBRARIES = {
    "aiohttp", "asyncpg", "fastapi", "httpx", "os", "pathlib", "random", "requests", "secrets", "socket", "sqlalchemy",
    "sqlmodel", "subprocess", "time", "urllib", "uuid", "uvicorn",
}  # fmt: skip
NOT_WORKFLOWS = {"signals.py"}
"""How the faces reach workflows: outside of Temporal's sandbox."""


LEFT_OUT = {"demo", "chaos", "migrations"}
"""Made-up companies that roam, and records of how tables came about."""


def sources(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        for path in sorted((PROJECT / room).rglob("*.py")):
            if not LEFT_OUT & set(path.parts):
                yield path


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of the code, in f-strings too; what is a statement of its own is documentation."""
    module = tree(path)
    documentation = {id(n.value) for n in ast.walk(module) if isinstance(n, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def found(path: Path, line: int, what: str) -> str:
    return f"{path.relative_to(PROJECT)}:{line}: {what}"


def test_only_adapters_know_versions() -> None:
    rooms = ("api", "workflows", "activities", "settlement", "canonical", "deploy")
    hits = [found(p, line, text) for p in sources(*rooms) for line, text in literals(p) if VERSION.search(text)]
    assert hits == []


def test_only_adapters_know_partners() -> None:
    hits = []
    for path in sources("api", "workflows", "activities", "settlement", "canonical", "deploy"):
        for line, text in literals(path):
            named = [partner for partner in PARTNERS if re.search(rf"\b{partner}\b", text.lower())]
            parties = set(PARTY.findall(text)) - EXAMPLE_PARTIES
            hits += [found(path, line, name) for name in (*named, *parties)]
    assert hits == []


@pytest.mark.parametrize("text", ["/ocpi/2.2.1/sender", "ocpi-2.1.1/standard", "2.2", "version 2.3.0", "ocpi_2_2_1"])
def test_a_version_would_be_found(text: str) -> None:
    assert VERSION.search(text)


@pytest.mark.parametrize("text", ["12.2.1", "2.25", "0.2.2.10", "application/json", "2.2.17"])
def test_other_numbers_are_no_versions(text: str) -> None:
    assert not VERSION.search(text)


def test_money_is_never_a_float() -> None:
    versions = ("adapters/ocpi", "adapters/ocpi_2_1_1", "adapters/ocpi_2_2_1", "adapters/ocpi_2_3_0")
    rooms = ("canonical", "settlement", *versions, "adapters/rules", "adapters/partners")
    hits = [
        found(path, node.lineno, "float")
        for path in sources(*rooms)
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]
    allowed = {hit for hit in hits if any(hit.startswith(start) for start in FLOATS_ALLOWED)}
    assert sorted(set(hits) - allowed) == []


FLOATS_ALLOWED: tuple[str, ...] = ()


def test_workflows_do_no_io_and_read_no_clock() -> None:
    hits = []
    for path in sources("workflows"):
        if path.name in NOT_WORKFLOWS:
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            else:
                names = []
            hits += [found(path, 0, name) for name in names if name.split(".")[0] in IO_LIBRARIES]
            if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"):
                base = ast.unparse(node.value)
                hits += [found(path, node.lineno, f"{base}.{node.attr}")] if base != "workflow" else []
    assert hits == []


def test_activities_are_reached_by_workflows_only() -> None:
    """The faces tell a workflow what to do; they share with activities only how a partner is called."""
    shared = {"activities.partner_link"}
    hits = []
    for path in sources("api"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("activities"):
                hits += [found(path, node.lineno, str(node.module))] if node.module not in shared else []
    assert hits == []
