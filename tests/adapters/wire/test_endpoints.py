"""The endpoint tables of all versions: sound in themselves, and together the operations that we have handlers for.

Row by row they are compared with the standard in `tests/conformance/test_table.py`.
"""

import re

import pytest

from adapters.contract import Module, Operation
from adapters.ocpi.version import Version
from adapters.registry import VERSIONS
from api.ocpi.handlers import HANDLERS

versions = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.number)
_PATH = re.compile(r"(?:/(?:\{[a-z_]+\}|[A-Za-z_]+))*")


@versions
def test_no_endpoint_twice(version: Version) -> None:
    keys = [(e.module, e.interface, e.method, e.path) for e in version.endpoints]
    assert len(keys) == len(set(keys))


@versions
def test_paths_can_be_told_apart(version: Version) -> None:
    """No two templates of one interface and method fit the same path, whatever the ids in it."""
    shapes = [(e.module, e.interface, e.method, re.sub(r"\{[a-z_]+\}", "{}", e.path)) for e in version.endpoints]
    assert len(shapes) == len(set(shapes))
    assert [e.path for e in version.endpoints if not _PATH.fullmatch(e.path)] == []


@versions
def test_every_version_has_what_a_handshake_needs(version: Version) -> None:
    credentials = {e.operation for e in version.endpoints if e.module is Module.CREDENTIALS}
    assert credentials == {
        Operation.GET_CREDENTIALS,
        Operation.REGISTER,
        Operation.UPDATE_CREDENTIALS,
        Operation.UNREGISTER,
    }


@versions
def test_every_endpoint_has_a_handler(version: Version) -> None:
    assert {e.operation for e in version.endpoints} - set(HANDLERS) == set()


def test_every_operation_is_in_some_table() -> None:
    assert {e.operation for version in VERSIONS for e in version.endpoints} == set(Operation)
