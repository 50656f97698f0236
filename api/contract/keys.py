"""Who calls: the key of a request, and whether it opens this call.

The keys in the settings are there before anything else is, and open everything. All others are made over the API,
with scopes, and can expire and be revoked.
"""

import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from api.contract.problems import problem_document
from api.contract.scopes import Scope
from api.errors import NotAllowed, Unauthenticated
from api.services import Services
from canonical.store import StoreError

Endpoint = Callable[..., object]

SCHEME = "key"
"""The name of the security scheme in the OpenAPI document."""

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name=SCHEME,
    description="An API key of this deployment. What a call needs stands beside it; `admin` opens every call.",
)
_SECURITY: Final = logging.getLogger("roamwork.security")
_SETTINGS = "settings"
_KNOWN: Final = "known_caller"


@dataclass(frozen=True)
class Caller:
    """Whose key it is, and what it opens."""

    name: str
    scopes: Collection[str]


class Callers:
    """Callers by their keys.

    The keys of the settings are compared by digest, all of them, each in constant time; the others are found by
    keyed hash: the duration tells nothing about any key.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._digests = tuple(_digest(key.get_secret_value()) for key in services.contract_keys)

    async def of(self, given: str) -> Caller:
        """Raises Unauthenticated, StoreError."""
        matches = [hmac.compare_digest(_digest(given), digest) for digest in self._digests]
        if any(matches):
            return Caller(_SETTINGS, (Scope.ADMIN,))
        async with self._services.store.transaction() as unit:
            key = await unit.api_keys.admit(SecretStr(given), self._services.clock()) if given else None
        if key is None:
            if given:
                _SECURITY.warning("a request to the contract API came with an unknown key")
            raise Unauthenticated("send `Authorization: Bearer` with an API key")
        return Caller(key.id, key.scopes)


class KeyBeforeBody:
    """Middleware: nothing is read from who has no key. The framework reads a body before it asks who sent it."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _has_body(scope):
            kind, given = get_authorization_scheme_param(Headers(scope=scope).get("authorization"))
            try:
                caller = await self._callers.of(given if kind.lower() == "bearer" else "")
            except (Unauthenticated, StoreError) as refused:
                await problem_document(refused)(scope, receive, send)
                return
            scope = {**scope, "state": {**scope.get("state", {}), _KNOWN: caller}}
        await self._app(scope, receive, send)


def key_check(callers: Callers, needed: Mapping[Endpoint, Scope]) -> Callable[..., Awaitable[None]]:
    """A dependency that lets a request pass whose key has the scope that its call needs.

    The caller's name is left in `request.state.caller`. Raises Unauthenticated, NotAllowed.
    """

    async def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> None:
        known: Caller | None = getattr(request.state, _KNOWN, None)
        caller = known or await callers.of(bearer.credentials if bearer else "")
        scope = needed[request.scope["endpoint"]]
        if scope not in caller.scopes and Scope.ADMIN not in caller.scopes:
            _SECURITY.warning("key %s was used for a call that needs %s", caller.name, scope)
            raise NotAllowed(f"this key needs the scope {scope}")
        request.state.caller = caller.name

    return check


def _has_body(scope: ASGIScope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
