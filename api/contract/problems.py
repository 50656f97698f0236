"""Every error of the contract API as problem+json (RFC 9457), the framework's own included."""

import logging
import re

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from api.errors import (
    FOREIGN,
    ApiError,
    InvalidInput,
    MalformedBody,
    MethodNotAllowed,
    UnknownRoute,
    is_ours,
    to_problem,
)

_LOG = logging.getLogger("roamwork.api.contract")
KIND_BASE = "https://roamwork.example/problems/"
MEDIA_TYPE = "application/problem+json"
_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")
"""How Python shows a word of an enumeration."""


class FieldError(BaseModel):
    """One field, and what is wrong with it."""

    field: str
    message: str


class ProblemDetails(BaseModel):
    """The body of every error."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(examples=[f"{KIND_BASE}invalid-input"])
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem."""
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    app.add_exception_handler(Exception, _answer)
    for kind in (ApiError, *FOREIGN):
        app.add_exception_handler(kind, _answer)


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    if is_ours(error):
        _LOG.error("a request to the contract API failed", exc_info=error)
    return problem_document(error)


def problem_document(error: Exception) -> JSONResponse:
    """The answer to a failed request."""
    problem = to_problem(error)
    details = ProblemDetails(
        type=KIND_BASE + problem.kind,
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        errors=[FieldError(field=name, message=message) for name, message in problem.errors],
    )
    return JSONResponse(
        details.model_dump(exclude_defaults=True),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    """The framework's list of errors. The values are left out: they may be secrets."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 (registered for this type)
    if _is_no_json(request, error):
        return await _answer(request, MalformedBody("send the body with `Content-Type: application/json`"))
    fields: dict[str, str] = {}
    for found in error.errors():
        if found["type"] == "json_invalid":
            return await _answer(request, MalformedBody("the body is not JSON"))
        where = ".".join(str(part) for part in found["loc"][1:]) or str(found["loc"][0])
        name, message = _in_words(where, found["type"], found["msg"])
        fields[name] = message
    named = "; ".join(f"{name}: {message}" for name, message in fields.items())
    return await _answer(request, InvalidInput(named, fields=fields))


def _is_no_json(request: Request, error: RequestValidationError) -> bool:
    """The framework leaves a body of another type as it is, and then complains of its shape."""
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return not media_type.endswith(("/json", "+json")) and isinstance(error.body, bytes) and bool(error.body)


def _in_words(where: str, kind: str, message: str) -> tuple[str, str]:
    """Field and message; the word that says which kind of object a body is may be wrong like any other field."""
    if kind.startswith("union_tag_"):
        message = "Field required" if kind == "union_tag_not_found" else _MEMBER.sub(r"\1", message)
        return ("kind" if where == "body" else f"{where}.kind"), message
    return where, message


async def _refused_by_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this type)
    if error.status_code == 404:
        return await _answer(request, UnknownRoute("there is nothing here"))
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return await _answer(request, MethodNotAllowed(tuple(filter(None, allowed.split(", ")))))
    return await _answer(request, MalformedBody(f"the body could not be read: {error.detail}"))
