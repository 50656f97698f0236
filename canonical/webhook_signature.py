"""How a delivery proves that it comes from us (Standard Webhooks 1.0: symmetric signatures).

The signature is HMAC-SHA256 over `id.timestamp.body`. The timestamp is signed with it, so that an old delivery cannot
be played again later; with two secrets there are two signatures, and a receiver knows one of them.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from pydantic import SecretStr

_PREFIX = "whsec_"
_KEY_BYTES = 32

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def new_secret() -> SecretStr:
    """A fresh secret as a receiver is given it: `whsec_` and 32 bytes in base64."""
    return SecretStr(_PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode())


def headers(keys: Iterable[SecretStr], message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The headers of a delivery, with one signature for each secret. Raises ValueError for what is no secret."""
    content = f"{message_id}.{timestamp_s}.".encode() + body
    signed = (hmac.new(_key(key), content, hashlib.sha256).digest() for key in keys)
    return {
        ID: message_id,
        TIMESTAMP: str(timestamp_s),
        SIGNATURE: " ".join(f"v1,{base64.b64encode(signature).decode()}" for signature in signed),
    }


def _key(secret: SecretStr) -> bytes:
    try:
        return base64.b64decode(secret.get_secret_value().removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a webhook secret") from None
