"""A write of the contract API: one transaction with its idempotency key, and the signals that go out after it."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import Response
from pydantic import BaseModel

from api.services import Services
from api.wake import wake
from canonical.store import UnitOfWork

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        description="Repeat a request with the same key, and it is executed once: the first answer comes again.",
    ),
]

Signal = Callable[[], Awaitable[object]]


@dataclass
class Afterwards:
    """What to wake when the transaction is committed. The same signal twice is one signal."""

    signals: dict[str, Signal] = field(default_factory=dict)

    def do(self, what: str, signal: Signal) -> None:
        self.signals[what] = signal


Work = Callable[[UnitOfWork, Afterwards], Awaitable[BaseModel]]


@dataclass(frozen=True)
class Write:
    """A request that changes something, bound to the services and to its idempotency key."""

    services: Services
    request: Request
    key: str | None

    async def do(self, work: Work, *, status: int = 200) -> Response:
        """Do `work` once, and answer with what it returns.

        The key is a row in the same transaction: a repeat waits for the first one and gets its answer; work that
        failed leaves no trace of the key. Raises IdempotencyConflict when the key came with another request.
        """
        afterwards = Afterwards()
        async with self.services.store.transaction() as unit:
            key = self._key()
            if key is not None:
                stored = await unit.idempotency.begin(key, await self._fingerprint())
                if stored is not None:
                    return _json(stored.body, stored.status, replayed=True)
            body = (await work(unit, afterwards)).model_dump_json().encode()
            if key is not None:
                await unit.idempotency.finish(key, status, body)
        for what, signal in afterwards.signals.items():
            await wake(signal(), what)
        return _json(body, status)

    def _key(self) -> str | None:
        """The key of this caller: what another caller chooses is no business of this one."""
        return None if self.key is None else f"{self.request.state.caller}/{self.key}"

    async def _fingerprint(self) -> str:
        request = self.request
        place = f"{request.method} {request.url.path}?{request.url.query}\n"
        return hashlib.sha256(place.encode() + await request.body()).hexdigest()


def _json(body: bytes, status: int, *, replayed: bool = False) -> Response:
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return Response(body, status_code=status, headers=headers, media_type="application/json")
