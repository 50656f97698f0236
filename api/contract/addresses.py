"""Ids in addresses. An id may hold a slash, written as `%2F`; servers decode it before anybody looks at the path."""

from urllib.parse import unquote

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

_SLASH = "\ufdd0"
"""A character that means nothing to anybody (Unicode noncharacter): stands for a slash while the path is matched."""


class WholeIds:
    """Middleware: a slash that is part of an id does not part the path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path") or b""
        if scope["type"] == "http" and b"%2f" in raw.lower():
            segments = raw.decode("ascii", "replace").split("/")
            path = "/".join(unquote(segment).replace("/", _SLASH) for segment in segments)
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)


def whole_ids(request: Request) -> None:
    """A dependency, before any parameter is read: the ids with their slashes."""
    parameters = request.scope.get("path_params", {})
    for name, value in parameters.items():
        if isinstance(value, str):
            parameters[name] = value.replace(_SLASH, "/")
