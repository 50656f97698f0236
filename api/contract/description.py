"""The OpenAPI document beyond what the code says by itself: which scope opens which call, and what may go wrong."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI

from api.contract.examples import Examples
from api.contract.keys import SCHEME
from api.contract.problems import KIND_BASE, MEDIA_TYPE
from api.contract.scopes import needed
from api.errors import (
    ApiError,
    BodyTooLarge,
    Conflict,
    InvalidInput,
    MalformedBody,
    NotAllowed,
    NotReady,
    Unauthenticated,
    UnknownObject,
    to_problem,
)

_METHODS: Final = frozenset({"get", "put", "post", "patch", "delete"})
_PROBLEM: Final = {"$ref": "#/components/schemas/ProblemDetails"}


def describe(app: FastAPI) -> None:
    """Have the document of `app` say it. Built once, when it is first asked for."""
    build = app.openapi

    def described() -> dict[str, Any]:
        known = app.openapi_schema is not None
        document = build()
        if not known:
            examples = Examples(document["components"]["schemas"])
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    if method in _METHODS:
                        _complete(path, method, operation)
                        _show(operation, examples)
        return document

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way of extending the document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    scope = needed(operation["tags"], (method,))
    operation["security"] = [{SCHEME: [scope.value]}]
    operation["x-scope"] = scope.value
    operation["description"] = f"{operation['description'].rstrip()}\n\nNeeds the scope `{scope}`."
    responses = operation["responses"]
    for status in ("4XX", "5XX"):
        responses[status]["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
    for error in _errors(path, method, operation):
        problem = to_problem(error)
        responses.setdefault(
            str(problem.status),
            {
                "description": problem.title,
                "content": {MEDIA_TYPE: {"schema": _PROBLEM, "example": _example(error)}},
                **_headers(problem.headers),
            },
        )
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter.setdefault("description", _PARTS.get(parameter["name"], "The object's id; a slash is `%2F`."))
        elif parameter["in"] == "query":
            parameter.setdefault("description", _PARTS.get(parameter["name"], "What is wanted."))


def _show(operation: dict[str, Any], examples: Examples) -> None:
    """An example of what is sent, and of what comes back when all is well."""
    media = [operation.get("requestBody", {}).get("content", {}).get("application/json")]
    media += [
        response.get("content", {}).get("application/json")
        for status, response in operation["responses"].items()
        if status.startswith("2")
    ]
    for content in filter(None, media):
        if "examples" not in content:
            content.setdefault("example", examples.of(content["schema"]))


_PARTS: Final = {
    "connection": "Id of the connection with the partner.",
    "connection_id": "Id of the connection with the partner.",
    "month": "The month, as `2026-03`.",
    "number": "The number of the invoice; a slash is `%2F`.",
    "name": "The name of the file.",
    "uid": "The token's uid; a slash is `%2F`.",
    "state": "Only those in this state.",
    "module": "The module of the protocol.",
    "issuer": "The party (`DE*ABC`) that issued it; ours without it.",
}


def _errors(path: str, method: str, operation: dict[str, Any]) -> Iterator[ApiError]:
    """What a call may be refused with; what is special to one stands in its own description."""
    yield Unauthenticated("send `Authorization: Bearer` with an API key")
    yield NotAllowed(f"this key needs the scope {operation['x-scope']}")
    if "{" in path:
        yield UnknownObject("there is no object of this name")
    if "requestBody" in operation:
        yield MalformedBody("the body is not JSON")
        yield BodyTooLarge("the body is larger than 4194304 bytes")
    if "requestBody" in operation or operation.get("parameters"):
        yield InvalidInput.of("energy_kwh", "Input should be greater than or equal to 0")
    if method != "get":
        yield Conflict("the present state forbids it")
    yield NotReady("the database does not answer now")


def _example(error: ApiError) -> dict[str, object]:
    problem = to_problem(error)
    shown: dict[str, object] = {
        "type": KIND_BASE + problem.kind,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        shown["errors"] = [{"field": name, "message": message} for name, message in problem.errors]
    return shown


def _headers(headers: dict[str, str]) -> dict[str, Any]:
    if not headers:
        return {}
    return {"headers": {name: {"schema": {"type": "string"}, "example": value} for name, value in headers.items()}}
