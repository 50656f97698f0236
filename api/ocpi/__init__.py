"""The partners' edge: OCPI in the versions that the registry's adapters speak."""

from api.ocpi.edge import Edge
from api.services import Services


def build(services: Services) -> Edge:
    """The ASGI application to mount under `/ocpi`. Raises ValueError when an adapter's endpoint has no handler."""
    return Edge(services)
