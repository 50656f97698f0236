"""API keys of the operator's own systems."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from api.errors import Unauthenticated

_BEARER = HTTPBearer(auto_error=False, description="One of the API keys of this deployment.")


def key_check(keys: tuple[SecretStr, ...]) -> Callable[..., Awaitable[None]]:
    """A dependency that lets a request pass with one of the keys. Raises Unauthenticated.

    Digests are compared, all of them, each in constant time: the duration tells nothing about any key.
    """
    digests = tuple(_digest(key.get_secret_value()) for key in keys)

    async def check(
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> None:
        given = _digest(bearer.credentials) if bearer else b""
        matches = [hmac.compare_digest(given, digest) for digest in digests]
        if not any(matches):
            raise Unauthenticated("send `Authorization: Bearer` with an API key")

    return check


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
