"""What holds for every call of the contract API, whoever wrote it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis

from api.contract.scopes import Scope
from deploy.commands.openapi import document
from tests.api.partner import Deployment
from tests.api.test_contract import problem

DOCUMENT: dict[str, Any] = document()
CALLS = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
EACH = pytest.mark.parametrize(
    ("method", "path", "operation"), CALLS, ids=[f"{method} {path}" for method, path, _ in CALLS]
)
_PARTNERS_OWN = re.compile(r"ocpi|party_id|country_code|versions?_url|uid_token", re.IGNORECASE)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["schemas"][name] if name else schema


def answer(operation: dict[str, Any]) -> dict[str, Any]:
    good = next(value for status, value in operation["responses"].items() if status.startswith("2"))
    if "application/json" not in good.get("content", {}):
        return {"properties": {"bytes": {}}}
    return resolved(good.get("content", {}).get("application/json", {}).get("schema", {}))


def parameters(operation: dict[str, Any], place: str) -> set[str]:
    return {p["name"] for p in operation.get("parameters", ()) if p["in"] == place}


async def ask(roam: Deployment, method: str, path: str, key: str | None) -> httpx.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return await roam.http.request(method, "/contract/v1" + re.sub(r"{\w+}", "x", path), headers=headers)


@EACH
def test_it_is_described(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert len(operation["description"]) > len(f"Needs the scope `{operation['x-scope']}`.")
    errors = set(operation["responses"])
    assert {"401", "403"} <= errors, errors
    assert any(status.startswith("5") for status in errors)
    if "{" in path:
        assert "404" in errors
    if operation.get("requestBody"):
        assert "422" in errors
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description") or parameter["in"] == "path", parameter


@EACH
def test_it_needs_a_scope_of_its_kind(method: str, path: str, operation: dict[str, Any]) -> None:
    (needed,) = operation["security"]
    (scope,) = needed["key"]
    assert Scope(scope) is Scope.ADMIN or scope.endswith(":read" if method == "GET" else ":write")


async def test_each_is_shut_to_every_key_but_those_with_its_scope(roam: Deployment) -> None:
    async with roam.store.transaction() as unit:
        right = {scope: (await unit.api_keys.create(scope, [scope]))[1].get_secret_value() for scope in Scope}
        wrong = {}
        for scope in Scope:
            others = [other for other in Scope if other not in (Scope.ADMIN, scope)]
            wrong[scope] = (await unit.api_keys.create(f"all but {scope}", others))[1].get_secret_value()
    for method, path, operation in CALLS:
        scope = Scope(operation["x-scope"])
        problem(await ask(roam, method, path, None), 401, "unauthenticated")
        refused = problem(await ask(roam, method, path, wrong[scope]), 403, "not-allowed")
        assert scope in refused["detail"]
        assert (await ask(roam, method, path, right[scope])).status_code not in (401, 403), path
    assert len(CALLS) > 60


@EACH
def test_a_write_takes_an_idempotency_key(method: str, path: str, operation: dict[str, Any]) -> None:
    assert ("Idempotency-Key" in parameters(operation, "header")) is (method != "GET")


@EACH
def test_a_list_is_read_by_cursor(method: str, path: str, operation: dict[str, Any]) -> None:
    schema = answer(operation)
    assert schema.get("type") != "array"
    if method == "GET" and set(schema.get("properties", {})) <= {"items", "next", "total"}:
        assert {"after", "limit"} <= parameters(operation, "query")
        assert {"items", "next"} == set(schema["properties"])
    assert "offset" not in parameters(operation, "query")


@EACH
def test_partners_are_metadata(method: str, path: str, operation: dict[str, Any]) -> None:
    """No call is addressed to a party, and no request has to name one: a connection is enough."""
    for parameter in operation.get("parameters", ()):
        assert not _PARTNERS_OWN.search(parameter["name"]), parameter["name"]
        assert not (parameter["name"] in ("owner", "issuer") and parameter["required"])
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    assert not {"country_code", "party_id"} & set(resolved(content.get("schema", {})).get("properties", {}))


def test_no_version_of_a_protocol_shows() -> None:
    text = json.dumps(DOCUMENT["paths"])
    assert not re.search(r"\b2\.(1\.1|2(\.1)?|3\.0)\b", text)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_the_document_is_whole() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    for reference in set(references(DOCUMENT)):
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    names = [operation["operationId"] for _, _, operation in CALLS]
    assert len(set(names)) == len(names)


@EACH
def test_its_examples_are_what_they_are_examples_of(method: str, path: str, operation: dict[str, Any]) -> None:
    media = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (part for each in media for part in each.get("content", {}).values()):
        if "schema" not in content or content["schema"].get("format") == "binary":
            continue
        shown = [content["example"]] if "example" in content else content.get("examples", {}).values()
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        for example in shown:
            value = example["value"] if isinstance(example, dict) and set(example) <= {"value", "summary"} else example
            errors = [str(e) for e in jsonschema_rs.validator_for(schema).iter_errors(value)]
            assert not errors, (errors, value)
    good = next(value for status, value in operation["responses"].items() if status.startswith("2"))
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json")
    for content in filter(None, (good.get("content", {}).get("application/json"), sent)):
        assert content.get("example") or content.get("examples"), content
