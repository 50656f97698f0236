"""JSON bodies, exactly or not at all: a number in a request is a Decimal from its text on, and never a float.

Whatever two readers could understand differently is refused, as it is at the partners' edge: keys that occur twice,
NaN, numbers out of range, half characters, another charset than UTF-8.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from adapters.contract import InvalidWire
from adapters.json_reader import read_json

_Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]
_BAD_REQUEST = 400


class _ExactRequest(Request):
    async def json(self) -> Any:  # noqa: ANN401 (the framework's own signature)
        if not hasattr(self, "_json"):
            try:
                self._json = read_json(await self.body())
            except InvalidWire as malformed:
                # The one exception that the framework lets pass here with its words.
                raise HTTPException(_BAD_REQUEST, f"not JSON: {malformed.findings[0].message}") from malformed
        return self._json


class ExactRoute(APIRoute):
    """A route whose JSON numbers never pass through binary floating point."""

    def get_route_handler(self) -> _Endpoint:
        handle = super().get_route_handler()

        async def exact(request: Request) -> Response:
            return await handle(_ExactRequest(request.scope, request.receive))

        return exact
