"""Every code that a check can give is in docs/cdr-findings.md, and nothing else is."""

import re
from pathlib import Path

from settlement.calibration.signature import SignatureVerdict
from settlement.validation import COMPONENT_CODES

ROOT = Path(__file__).parents[2]
PLACES = (
    "settlement/validation",
    "settlement/pricing",
    "settlement/calibration",
    "activities/cdr_check.py",
    "adapters/partners",
)
CODE = re.compile(r'"((?:cdr|pricing|tariff|meter)\.[a-z0-9_]+)"')
ROW = re.compile(r"^\| `((?:cdr|pricing|tariff|meter)\.[a-z0-9_]+)` \|", re.MULTILINE)
MADE_UP = frozenset(
    (
        *(f"meter.signature_{verdict.name.lower()}" for verdict in SignatureVerdict if verdict.value != "valid"),
        *(f"meter.several_{which}s" for which in ("begin", "end")),
        *(f"pricing.{lacking}_unknown" for lacking in ("power", "current")),
    )
)
"""Codes that the source puts together."""


def in_the_source() -> set[str]:
    files = [path for place in PLACES for path in (*(ROOT / place).rglob("*.py"), ROOT / place) if path.suffix == ".py"]
    literal = {code for path in files for code in CODE.findall(path.read_text())}
    return literal | COMPONENT_CODES | MADE_UP


def test_the_table_and_the_source_name_the_same_codes():
    listed = ROW.findall((ROOT / "docs/cdr-findings.md").read_text())
    assert len(listed) == len(set(listed))
    assert set(listed) == in_the_source()
