"""Keep tokens out of evidence, messages and logs."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.contract import Module

MASK = "[redacted]"

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
_SHORTEST_SECRET = 6
"""Anything shorter is no secret, and masking it would tear holes into texts."""


@dataclass(frozen=True)
class Redaction:
    """Masks one token, in the spellings in which it may come back: as sent, and decoded from Base64."""

    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, authorization: str) -> "Redaction":
        credential = authorization.rpartition(" ")[2]
        spellings = (credential, _decoded(credential))
        return cls(tuple(s for s in spellings if s is not None and len(s) >= _SHORTEST_SECRET))

    def text(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers that may be kept, names in lower case."""
        return {
            name.lower(): self.text(value) for name, value in headers.items() if name.lower() not in _SECRET_HEADERS
        }

    def body(self, body: bytes, module: Module) -> bytes:
        """A body that may be kept. Bodies of the credentials module lose every token, known to us or not."""
        if module is Module.CREDENTIALS:
            body = _without_tokens(body)
        for secret in self.secrets:
            body = body.replace(secret.encode(), MASK.encode())
        return body


def _without_tokens(body: bytes) -> bytes:
    if not body.strip():
        return body
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        # What cannot be read cannot be searched for tokens either.
        return f"[{len(body)} bytes that are not JSON]".encode()
    return json.dumps(_masked(document), ensure_ascii=False).encode()


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {k: MASK if str(k).lower() == "token" else _masked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_masked(element) for element in value]
    return value


def _decoded(credential: str) -> str | None:
    try:
        return base64.b64decode(credential, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        return None
