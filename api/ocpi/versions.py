"""Versions and their details (OCPI versions): what we speak, and where, on this connection."""

import json

from adapters.contract import Adapter
from api.errors import MethodNotAllowed
from api.ocpi.addresses import endpoint_url, version_url
from api.ocpi.call import Answer
from api.ocpi.routing import modules, served
from api.services import Services
from canonical.partner import Connection, Endpoint


def check_method(method: str) -> None:
    if method != "GET":
        raise MethodNotAllowed(("GET",))


def listed(services: Services) -> Answer:
    """Every version that an adapter speaks, once."""
    spoken = dict.fromkeys(adapter.version for adapter in services.registry.adapters())
    return Answer(data=_json([{"version": v, "url": version_url(services, v)} for v in spoken]))


def details(services: Services, adapter: Adapter, connection: Connection) -> Answer:
    """The endpoints of one version that our sides of this connection serve."""
    offered = [
        Endpoint(module=module.value, interface=interface.value, url=endpoint_url(services, adapter, module, interface))
        for module, interface in modules(served(adapter, connection.sides))
    ]
    return Answer(data=adapter.write_version_details(offered))


def _json(document: object) -> bytes:
    return json.dumps(document).encode()
