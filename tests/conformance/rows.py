"""Which versions a test of the matrix is about: those whose tables have what it exercises."""

import pytest

from adapters.registry import build_registry
from tests.conformance.site import speaking

REGISTRY = build_registry(None)
ALL = tuple(reversed([adapter.version for adapter in REGISTRY.adapters()]))


def over(*wanted: object) -> pytest.MarkDecorator:
    """A test for every version that has an endpoint of this operation, interface and module."""
    return pytest.mark.parametrize("world", sorted(speaking(REGISTRY, *wanted)), indirect=True, scope="session")


everywhere = pytest.mark.parametrize("world", ALL, indirect=True, scope="session")
