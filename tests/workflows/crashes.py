"""Death between any two steps: before and after every transaction of a store, and every exchange with a partner.

A test counts the points that a run comes past, and dies at one after the other until a run comes through: points that
are added later are found by themselves.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from adapters.contract import Module, PartnerUnavailable
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.envelope import Answer
from adapters.transport.http import PartnerHttp
from adapters.transport.redaction import Redaction
from canonical.store import Store, UnitOfWork


class Killed(BaseException):
    """The process is gone: nothing that the code would do about an error is done."""


@dataclass
class Crashes:
    """Dies at the point that is `left` points away; None: never. `lost`: only answers get lost, and nobody dies."""

    left: int | None = None
    lost: bool = False
    where: str | None = None

    def at(self, left: int | None, *, lost: bool = False) -> None:
        self.left, self.lost, self.where = left, lost, None

    def point(self, where: str) -> None:
        if self.left is None or (self.lost and where != "after the answer"):
            return
        if self.left == 0:
            self.left, self.where = None, where
            raise PartnerUnavailable("the answer was lost") if self.lost else Killed(where)
        self.left -= 1


class CrashingStore:
    """A store whose process may die around each transaction."""

    def __init__(self, store: Store, crashes: Crashes) -> None:
        self._store = store
        self._crashes = crashes

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        self._crashes.point("before a transaction")
        async with self._store.transaction() as work:
            yield work
            self._crashes.point("before the commit")
        self._crashes.point("after the commit")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class CrashingHttp(PartnerHttp):
    """Calls of a process that may die before the first byte has left, and before it has seen the answer."""

    def __init__(self, policy: AddressPolicy, crashes: Crashes, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(policy, tls=tls)
        self._crashes = crashes

    async def _answer(
        self, client: httpx.AsyncClient, request: httpx.Request, module: Module, redaction: Redaction, timeout_s: float
    ) -> Answer:
        self._crashes.point("before the request")
        answer = await super()._answer(client, request, module, redaction, timeout_s)
        self._crashes.point("after the answer")
        return answer
