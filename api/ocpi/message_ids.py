"""The two ids that let partners talk about one message (OCPI 2.2.1 transport, unique message ids)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

REQUEST_ID: Final = "X-Request-ID"
CORRELATION_ID: Final = "X-Correlation-ID"
_REQUEST_ID, _CORRELATION_ID = REQUEST_ID.lower(), CORRELATION_ID.lower()
_MAX_LENGTH: Final = 128
_UNWANTED: Final = re.compile(r"[^A-Za-z0-9._:+/=@-]")


@dataclass(frozen=True)
class MessageIds:
    """Echoed on every answer. Safe to log: short, and without anything that could break a line."""

    request_id: str
    correlation_id: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "MessageIds":
        """Take them from a request; make the ones that are missing, for nobody is refused over them."""
        return cls(
            request_id=_clean(headers.get(_REQUEST_ID, "")) or str(uuid4()),
            correlation_id=_clean(headers.get(_CORRELATION_ID, "")) or str(uuid4()),
        )

    def headers(self) -> dict[str, str]:
        return {REQUEST_ID: self.request_id, CORRELATION_ID: self.correlation_id}


def _clean(text: str) -> str:
    return _UNWANTED.sub("", text)[:_MAX_LENGTH]
