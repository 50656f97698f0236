"""Limits on what a request may carry, before anything is read into memory."""

from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.contract.problems import problem_document
from api.errors import BodyTooLarge, InvalidInput, UnknownRoute

MAX_BODY_BYTES: Final = 4 * 1024 * 1024


class BodyLimit:
    """Middleware: a body that announces itself as too large is refused; one that lies is cut off.

    So is NUL in an address: no text of ours can hold it, and nothing has such a name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\0" in scope["path"]:
            await problem_document(UnknownRoute("there is nothing here"))(scope, receive, send)
            return
        if b"\0" in unquote_to_bytes(scope["query_string"]):
            await problem_document(InvalidInput("the query holds a NUL character"))(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
            await _too_large()(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY_BYTES:
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, counted, send)


def _too_large() -> JSONResponse:
    return problem_document(BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes"))
