"""Lets people read payloads in clear in the Temporal UI and on its command line, which send here what they fetched.

`for_everybody` is for development on one machine: it asks for no login, so bind it to the loopback address only.
`for_readers` is for production: it is part of the api, decodes and never encodes, and asks for an API key with the
scope `temporal:read`. A command line sends the key; a browser trades it for a cookie once, at the page of this
address, for the UI can send no key of ours but can send its cookies.
"""

import base64
import binascii
import html
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qs

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse
from fastapi.security.utils import get_authorization_scheme_param
from google.protobuf import json_format
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from api.contract.keys import Caller, Callers
from api.contract.scopes import Scope
from api.errors import Unauthenticated
from canonical.store import StoreError
from canonical.vault import Vault, VaultError
from deploy.codec import UnreadablePayload

PATH: Final = "/temporal/codec"
"""Where the api has it."""

_BODY_LIMIT_BYTES: Final = 8 * 1024 * 1024
_LOGIN_LIMIT_BYTES: Final = 4096
_COOKIE: Final = "roam_temporal_reader"
_LOGGED_IN_FOR: Final = timedelta(hours=8)
_log = logging.getLogger(__name__)
_security = logging.getLogger("roamwork.security")


def for_everybody(codecs: Mapping[str, PayloadCodec], *, ui_origin: str) -> FastAPI:
    """`POST /decode` and `/encode`, for pages of the UI only: it names the namespace in `X-Namespace`."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[ui_origin],
        allow_methods=["POST"],
        allow_headers=["content-type", "x-namespace"],
    )

    @app.post("/{direction}")
    async def convert(direction: str, request: Request) -> Response:
        codec = codecs.get(request.headers.get("x-namespace", ""))
        if codec is None or direction not in {"decode", "encode"}:
            raise HTTPException(404)
        if request.headers.get("origin") != ui_origin:
            raise HTTPException(403)
        return await _converted(request, codec.decode if direction == "decode" else codec.encode)

    return app


def for_readers(
    codec: PayloadCodec,
    namespace: str,
    *,
    callers: Callers,
    vault: Vault,
    ui_origin: str,
    clock: Callable[[], datetime],
) -> FastAPI:
    """`POST /decode` for whoever has a key, or has shown one at `/`. Other pages than the UI's are refused."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[ui_origin],
        allow_credentials=True,
        allow_methods=["POST"],
        allow_headers=["authorization", "content-type", "x-namespace"],
    )

    @app.post("/decode")
    async def decode(request: Request) -> Response:
        if request.headers.get("origin", ui_origin) != ui_origin:
            raise HTTPException(403)
        kind, given = get_authorization_scheme_param(request.headers.get("authorization"))
        if not given and "origin" not in request.headers:
            # A cookie goes along with whatever page asks for it; the origin says that it was the UI's.
            raise HTTPException(401)
        key = given if kind.lower() == "bearer" else _key_in(request.cookies.get(_COOKIE), vault, clock())
        caller = await _reader(callers, key)
        if request.headers.get("x-namespace", namespace) != namespace:
            raise HTTPException(404)
        answer = await _converted(request, codec.decode)
        _log.info("payloads were shown to key %s", caller.name)
        return answer

    @app.get("/", response_class=HTMLResponse)
    async def page() -> HTMLResponse:
        return _page("Show the Temporal UI of this browser what workflows carry.")

    @app.post("/", response_class=HTMLResponse)
    async def log_in(request: Request) -> HTMLResponse:
        form = parse_qs((await _body(request, _LOGIN_LIMIT_BYTES)).decode("utf-8", "replace"))
        key = form.get("key", [""])[0].strip()
        try:
            caller = await _reader(callers, key)
        except HTTPException as refused:
            return _page("This key does not open it.", refused.status_code)
        answer = _page(f"Reload the Temporal UI. Key {caller.name} is good for {_LOGGED_IN_FOR.seconds // 3600} hours.")
        answer.set_cookie(
            _COOKIE,
            _cookie_of(key, vault, clock() + _LOGGED_IN_FOR),
            max_age=round(_LOGGED_IN_FOR.total_seconds()),
            path=request.scope.get("root_path") or "/",
            secure=True,
            httponly=True,
            samesite="none",  # the UI is another site; its origin is checked
        )
        return answer

    return app


async def _reader(callers: Callers, key: str) -> Caller:
    """Who has this key, which has to be good for reading."""
    try:
        caller = await callers.of(key)
    except Unauthenticated:
        raise HTTPException(401, "send an API key: `Authorization: Bearer`") from None
    except StoreError:
        raise HTTPException(503) from None
    if not {Scope.TEMPORAL_READ, Scope.ADMIN} & set(caller.scopes):
        _security.warning("key %s was used for payloads, which need %s", caller.name, Scope.TEMPORAL_READ)
        raise HTTPException(403, f"this key needs the scope {Scope.TEMPORAL_READ}")
    return caller


def _cookie_of(key: str, vault: Vault, until: datetime) -> str:
    """The key, sealed: so that it is asked for again each time, and ends when it is revoked."""
    sealed = vault.seal(SecretStr(json.dumps([_COOKIE, key, until.timestamp()])))
    return base64.urlsafe_b64encode(sealed).decode()


def _key_in(cookie: str | None, vault: Vault, at: datetime) -> str:
    """Empty for a cookie that is not ours, or too old."""
    try:
        kind, key, until = json.loads(vault.open(base64.urlsafe_b64decode(cookie or "")).get_secret_value())
    except (binascii.Error, VaultError, ValueError):
        return ""
    return key if kind == _COOKIE and at.timestamp() < until else ""


async def _converted(request: Request, way: Callable[[Sequence[Payload]], Awaitable[list[Payload]]]) -> Response:
    body = await _body(request, _BODY_LIMIT_BYTES)
    try:
        payloads = json_format.Parse(body, Payloads())
        converted = Payloads(payloads=await way(payloads.payloads))
    except (json_format.ParseError, UnreadablePayload) as error:
        raise HTTPException(400, str(error)) from None
    return Response(json.dumps(json_format.MessageToDict(converted)), media_type="application/json")


async def _body(request: Request, most: int) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise HTTPException(413)
    return body


def _page(words: str, status: int = 200) -> HTMLResponse:
    content = (
        "<!doctype html><title>Payloads in clear</title><meta name=viewport content='width=device-width'>"
        f"<p>{html.escape(words)}<form method=post>"
        "<label>API key with the scope temporal:read <input type=password name=key autocomplete=off autofocus></label>"
        " <button>Show</button></form>"
    )
    policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'"
    headers = {"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return HTMLResponse(content, status, headers)
