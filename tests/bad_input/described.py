"""The partners' edge as an OpenAPI document, made of the endpoint tables: what a generator of requests goes by."""

import re
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

from adapters.contract import Adapter, Endpoint
from adapters.registry import build_registry

_QUERIES = {
    "list_": ("date_from", "date_to", "offset", "limit"),
    "token": ("type",),
    "authorize": ("type",),
    "get_active_charging_profile": ("duration", "response_url"),
    "clear_charging_profile": ("response_url",),
}
_HEADERS = ("X-Request-ID", "X-Correlation-ID")
"""Not those of routing: what is generated for them is wrong, and the request would not get any farther."""
_KNOWN = {"country_code": "BE", "party_id": "BEC", "location_id": "L1", "evse_uid": "E1", "connector_id": "1"}
"""Ids that lead somewhere: behind them is more to be found than behind any other."""


def edge() -> dict[str, Any]:
    """All versions, all endpoints, both sides; and versions and their details."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "The edge", "version": "1"},
        "paths": {"/ocpi/versions": {"get": _operation([], None)}},
        "components": {"schemas": {}},
    }
    for adapter in build_registry(None).adapters():
        document["paths"][f"/ocpi/{adapter.version}"] = {"get": _operation([], None)}
        for endpoint in adapter.endpoints:
            place = document["paths"].setdefault(_path(adapter, endpoint), {})
            place[endpoint.method.lower()] = _described(endpoint, document["components"]["schemas"], adapter.version)
    return document


def _path(adapter: Adapter, endpoint: Endpoint) -> str:
    return f"/ocpi/{adapter.version}/{endpoint.interface.lower()}/{endpoint.module}{endpoint.path}"


def _described(endpoint: Endpoint, schemas: dict[str, Any], version: str) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _id(name)}
        for name in re.findall(r"\{([a-z_]+)\}", endpoint.path)
    ]
    for word, names in _QUERIES.items():
        if word in endpoint.operation.value:
            parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    parameters += [{"name": name, "in": "header", "schema": {"type": "string"}} for name in _HEADERS]
    body = None
    if endpoint.method in ("PUT", "POST", "PATCH"):
        body = _schema(endpoint, schemas, version)
    return _operation(parameters, body)


def _operation(parameters: list[dict[str, Any]], body: dict[str, Any] | None) -> dict[str, Any]:
    operation: dict[str, Any] = {"parameters": parameters, "responses": {"200": {"description": "An envelope"}}}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _id(name: str) -> dict[str, Any]:
    anything: dict[str, Any] = {"type": "string", "minLength": 1}
    return {"anyOf": [{"const": _KNOWN[name]}, anything]} if name in _KNOWN else anything


def _schema(endpoint: Endpoint, schemas: dict[str, Any], version: str) -> dict[str, Any]:
    """That of the wire model, where it can be written down; an object otherwise."""
    model = endpoint.wire_in
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {"type": "object"}
    prefix = f"{version.replace('.', '_')}_"
    try:
        schema = model.model_json_schema(ref_template=f"#/components/schemas/{prefix}{{model}}")
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, ValueError):
        return {"type": "object"}
    for name, part in schema.pop("$defs", {}).items():
        schemas[f"{prefix}{name}"] = part
    if endpoint.method == "PATCH":
        schema.pop("required", None)
    return schema
