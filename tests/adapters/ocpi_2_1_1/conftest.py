"""The server on which deployments play together: each pair in namespaces of its own, so that none finds another's."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.temporal import EmbeddedTemporal
from tests.conftest import _quick_place
from workflows.search_attributes import REGISTERED

PAIRS = [(f"operator-{number}", f"provider-{number}") for number in range(1, 5)]


@pytest.fixture(scope="module")
def temporal() -> Iterator[EmbeddedTemporal]:
    with tempfile.TemporaryDirectory(prefix="roam-temporal-", dir=_quick_place()) as folder:
        names = [name for pair in PAIRS for name in pair]
        server = EmbeddedTemporal(Path(folder), names, search_attributes=REGISTERED)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def namespaces(temporal: EmbeddedTemporal) -> Iterator[tuple[str, str]]:
    """Pairs of namespaces that nobody has used."""
    return iter(PAIRS)
