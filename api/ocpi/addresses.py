"""The addresses that partners see. One place spells them, for version details, links and Location headers."""

from urllib.parse import quote

from adapters.contract import Adapter, Endpoint, Interface, Module
from api.services import Services


def version_url(services: Services, version: str) -> str:
    return f"{services.public_url.rstrip('/')}/ocpi/{version}"


def endpoint_url(services: Services, adapter: Adapter, module: Module, interface: Interface) -> str:
    """A module's address as version details give it, with a slash at the end.

    Partners put three things behind it: `/DE/ABC/1` as OCPI writes it, `DE/ABC/1` bare, and a relative reference.
    With the slash all three lead to the object, for the edge takes `//` at this joint for one (routing.raw_segments).
    """
    return f"{_module_url(services, adapter, module, interface)}/"


def object_url(services: Services, adapter: Adapter, endpoint: Endpoint, *segments: str) -> str:
    """The address of one object under a module; the segments are percent-encoded."""
    base = _module_url(services, adapter, endpoint.module, endpoint.interface)
    return "/".join((base, *(quote(segment, safe="") for segment in segments)))


def _module_url(services: Services, adapter: Adapter, module: Module, interface: Interface) -> str:
    return f"{version_url(services, adapter.version)}/{interface.value.lower()}/{module.value}"
