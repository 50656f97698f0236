"""`Authorization: Token <Base64 of the token>` (2.2.1 transport)."""

import base64
import binascii
import re

from adapters.partners.profile import TokenSpelling

_HEADER = re.compile(r"\s*token\s+(?P<credential>\S+)\s*", re.IGNORECASE)
_TOKEN = re.compile(r"[\x21-\x7e]{1,64}")


def encode(token: str, spelling: TokenSpelling) -> str:
    if spelling is TokenSpelling.RAW:
        return f"Token {token}"
    return f"Token {base64.b64encode(token.encode()).decode('ascii')}"


def decode(header: str, spelling: TokenSpelling) -> str | None:
    """The token, or None: another scheme, or not spelt as this partner spells it."""
    found = _HEADER.fullmatch(header)
    if found is None:
        return None
    token = found["credential"] if spelling is TokenSpelling.RAW else _decoded(found["credential"])
    return token if token is not None and _TOKEN.fullmatch(token) else None


def _decoded(credential: str) -> str | None:
    try:
        plain = base64.b64decode(credential.encode(), validate=True).decode()
    except (binascii.Error, UnicodeError):
        return None
    # Who encodes with `echo` in a shell encodes a line break as well, as the standard's own samples do.
    return plain.rstrip("\r\n")
