"""The shared reference data and example payloads, where the machine has them."""

import csv
import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.document import Json

ROOT = Path(os.environ.get("ROAM_SHARED", Path(__file__).parents[4] / "shared"))
EXAMPLES = ROOT / "examples" / "ocpi"


def rows(*path: str, version: str = "2.2.1") -> list[dict[str, str]]:
    """The rows of one shared table for a version of OCPI, or none when it is not there."""
    table = ROOT.joinpath(*path)
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines) if row["version"] == version]


def needed(found: list[dict[str, str]]) -> list[dict[str, str]]:
    if not found:
        pytest.skip(f"the shared OCPI data is not at {ROOT}")
    return found


def payload(file: str, version: str = "2.2.1") -> bytes:
    return (EXAMPLES / version / file).read_bytes()


def numbers(body: bytes) -> Json:
    """JSON in which 2, 2.0 and 2.00 are the same number."""
    value: Json = json.loads(body, parse_float=Decimal, parse_int=Decimal)
    return value
