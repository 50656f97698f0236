"""JSON bodies without floats: a number in a request is a Decimal from its text on."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

_Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class _ExactRequest(Request):
    async def json(self) -> Any:  # noqa: ANN401 (the framework's own signature)
        if not hasattr(self, "_json"):
            body = await self.body()
            self._json = json.loads(body, parse_float=Decimal, parse_constant=_not_a_number)
        return self._json


class ExactRoute(APIRoute):
    """A route whose JSON numbers never pass through binary floating point."""

    def get_route_handler(self) -> _Endpoint:
        handle = super().get_route_handler()

        async def exact(request: Request) -> Response:
            return await handle(_ExactRequest(request.scope, request.receive))

        return exact


def _not_a_number(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not a JSON number", name, 0)
