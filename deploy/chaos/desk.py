"""The systems of one company, as far as they call its contract API: they ask again until they are answered.

A write that was not answered, or with a 5xx, is made again with the same idempotency key, as any well-kept charging
backend does: that is what the key is for.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import httpx

from deploy.chaos.evidence import Acknowledged, Journal, Site

Json = dict[str, Any]
T = TypeVar("T")
_PAGE: Final = 500
_ANSWER_WITHIN_S: Final = 20.0
_AGAIN_AFTER_S: Final = 0.3
_LOOK_EVERY_S: Final = 0.4
_LATER: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


class RefusedError(Exception):
    """The contract API said no: status, and the problem in its words."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(f"{status}: {problem}")
        self.status = status


class SilentError(Exception):
    """No good answer in all the time that there was."""


class Desk:
    """One company's account with its own contract API. Every write of it that succeeds is in the journal."""

    def __init__(self, site: Site, journal: Journal, patience_s: float) -> None:
        self.site = site
        self.connection = site.connection_id
        self.repeats = 0
        """How often a request had to be made again."""
        self._journal = journal
        self._patience_s = patience_s
        self._dice = random.Random(site.name)  # noqa: S311  it spreads repeats
        self._http = httpx.AsyncClient(
            base_url=site.contract_url,
            headers={"Authorization": f"Bearer {site.api_key}"},
            timeout=_ANSWER_WITHIN_S,
            limits=httpx.Limits(max_connections=64),
            trust_env=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401  JSON
        """Raises RefusedError, SilentError."""
        return (await self._ask("GET", path, None, query, None)).json()

    async def find(self, path: str, **query: str | int) -> Any:  # noqa: ANN401
        """None where there is nothing."""
        try:
            return await self.get(path, **query)
        except RefusedError as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def all(self, path: str, **query: str | int) -> list[Json]:
        """Every item of a list, page after page."""
        page: Json = await self.get(path, limit=_PAGE, **query)
        found: list[Json] = list(page["items"])
        while page["next"] is not None:
            page = await self.get(path, limit=_PAGE, after=page["next"], **query)
            found += page["items"]
        return found

    async def put(self, path: str, body: Json, key: str, **query: str | int) -> Any:  # noqa: ANN401
        return await self._write("PUT", path, body, key, query)

    async def post(self, path: str, body: Json, key: str) -> Any:  # noqa: ANN401
        """Raises RefusedError, SilentError."""
        return await self._write("POST", path, body, key, {})

    async def patch(self, path: str, body: Json, key: str) -> Any:  # noqa: ANN401
        return await self._write("PATCH", path, body, key, {})

    async def _write(self, method: str, path: str, body: Json, key: str, query: dict[str, str | int]) -> Any:  # noqa: ANN401
        before = self.repeats
        answer = await self._ask(method, path, body, query, key)
        self._journal.acknowledge(
            Acknowledged(
                site=self.site.name,
                method=method,
                path=path,
                key=key,
                status=answer.status_code,
                attempts=1 + self.repeats - before,
                at=datetime.now(UTC),
            )
        )
        return answer.json() if answer.content else None

    async def _ask(
        self, method: str, path: str, body: Json | None, query: dict[str, str | int], key: str | None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        deadline, last = time.monotonic() + self._patience_s, "nothing"
        while time.monotonic() < deadline:
            try:
                answer = await self._http.request(method, path, json=body, params=query, headers=headers)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                if answer.is_success:
                    return answer
                if answer.is_client_error and answer.status_code not in _LATER:
                    raise RefusedError(answer.status_code, answer.text)
                last = f"{answer.status_code} {answer.text[:200]}"
            self.repeats += 1
            await asyncio.sleep(_AGAIN_AFTER_S * self._dice.uniform(0.5, 1.5))
        raise SilentError(f"{method} {path}: no good answer in {self._patience_s:.0f} s, the last was: {last}")


async def until(look: Callable[[], Awaitable[T | None]], patience_s: float) -> T | None:
    """What `look` finds, as soon as it is something; None when there is nothing for so long."""
    deadline = time.monotonic() + patience_s
    while not (found := await look()):
        if time.monotonic() > deadline:
            return None
        await asyncio.sleep(_LOOK_EVERY_S)
    return found
