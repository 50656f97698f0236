"""The operator's own systems, as far as they speak to Roamwork: the contract API in a few calls."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from tests.end_to_end.deployment import Deployment

Document = dict[str, Any]
T = TypeVar("T")

SETTLED_WITHIN_S = 30.0
"""How long a durable process may take, on a busy machine, until its effect is seen at the partner."""


class Backend:
    """Calls the contract API. Every write has an idempotency key of its own."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str) -> Any:
        return self._content(await self._http.get(path))

    async def put(self, path: str, body: Document) -> Any:
        return await self._write("PUT", path, body)

    async def post(self, path: str, body: Document | None = None) -> Any:
        return await self._write("POST", path, body or {})

    async def patch(self, path: str, body: Document) -> Any:
        return await self._write("PATCH", path, body)

    async def delete(self, path: str) -> Any:
        return await self._write("DELETE", path, {})

    async def _write(self, method: str, path: str, body: Document) -> Any:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return self._content(await self._http.request(method, path, json=body, headers=key))

    @staticmethod
    def _content(answer: httpx.Response) -> Any:
        assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text}"
        return answer.json() if answer.content else None


def contract_client(deployment: Deployment) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=deployment.contract_url,
        headers={"Authorization": f"Bearer {deployment.api_key}"},
        timeout=30,
        trust_env=False,
    )


async def seen(look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """What `look` sees as soon as it is as wanted. Fails with the last sight after SETTLED_WITHIN_S."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        sight = await look()
        if wanted(sight):
            return sight
        assert time.monotonic() < deadline, f"not as wanted within {SETTLED_WITHIN_S:.0f} s: {sight}"
        await asyncio.sleep(0.2)
