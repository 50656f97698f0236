"""The people and machines of one company: they know its contract API, and nothing of what is behind it.

A request that is not answered, or answered with a 5xx, is made again with the same idempotency key, as any
well-kept charging backend does: that is what the key is for.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import httpx

from deploy.demo.cast import METER, Drive, Json, Moment
from deploy.demo.stage import Company

_RETRY_EVERY_S = 0.15
_PATIENCE_S = 45.0
_SERVER_FAULT = 500


class StoryFailed(Exception):
    """Something that the story waits for did not come about."""


class Refused(Exception):
    """The contract API said no; `problem` is its problem+json."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status}: {problem.get('title')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class Office:
    def __init__(self, company: Company) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{company.deployment.url}/contract/v1",
            headers={"Authorization": f"Bearer {company.deployment.api_key}"},
            timeout=10.0,
        )
        self.repeats = 0
        """How often a request had to be made again."""

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401  JSON
        return await self._request("GET", path, None, query)

    async def put(self, path: str, body: Json, **query: str | int) -> Any:  # noqa: ANN401
        return await self._request("PUT", path, body, query)

    async def patch(self, path: str, body: Json) -> Any:  # noqa: ANN401
        return await self._request("PATCH", path, body, {})

    async def post(self, path: str, body: Json | None = None) -> Any:  # noqa: ANN401
        """Raises Refused on a 4xx."""
        return await self._request("POST", path, body, {})

    async def file(self, path: str) -> bytes:
        return (await self._client.get(path)).raise_for_status().content

    async def _request(self, method: str, path: str, body: Json | None, query: dict[str, str | int]) -> Any:  # noqa: ANN401
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        deadline = asyncio.get_running_loop().time() + _PATIENCE_S
        while True:
            try:
                answer = await self._client.request(method, path, json=body, params=query, headers=headers)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < _SERVER_FAULT:
                if answer.is_error:
                    raise Refused(answer.status_code, answer.json())
                return answer.json()
            if asyncio.get_running_loop().time() > deadline:
                raise StoryFailed(f"{method} {path} got no good answer for {_PATIENCE_S:.0f} s")
            self.repeats += 1
            await asyncio.sleep(_RETRY_EVERY_S)

    # --- charging ---------------------------------------------------------------------------------

    async def start(self, drive: Drive, *, reference: str | None = None, status: str = "ACTIVE") -> None:
        """Raises Refused when the token may not charge."""
        await self.post(
            "/sessions",
            {
                "id": drive.id,
                "token": {"uid": drive.token, "type": drive.token_type},
                "auth_method": "AUTH_REQUEST" if reference else "WHITELIST",
                "authorization_reference": reference,
                "location_id": drive.location,
                "evse_uid": drive.evse,
                "connector_id": "1",
                "start": _iso(drive.start),
                "status": status,
                "meter_id": METER,
                "billing_record": f"2026/{drive.id}",
            },
        )
        await self.read(drive, drive.start)

    async def read(self, drive: Drive, moment: Moment) -> None:
        reading: Json = {"at": _iso(moment), "energy_kwh": str(moment.energy_kwh), "state": moment.state}
        await self.post(f"/sessions/{drive.id}/readings", reading)

    async def stop(self, drive: Drive, signed: Json | None) -> None:
        end = drive.end
        stop: Json = {"at": _iso(end), "energy_kwh": str(end.energy_kwh), "signed_data": signed}
        await self.post(f"/sessions/{drive.id}/stop", stop)

    async def change(self, drive: Drive, moment: Moment, status: str) -> None:
        await self.post(f"/sessions/{drive.id}/state", {"at": _iso(moment), "status": status})

    # --- what is held -------------------------------------------------------------------------------

    async def cdrs(self, connection: str) -> list[Json]:
        """All CDRs, in the order in which they were made or came."""
        return await self.all("/cdrs", connection=connection)

    async def all(self, path: str, **query: str | int) -> list[Json]:
        """Every item of a list, page after page."""
        page: Json = await self.get(path, **query)
        found: list[Json] = list(page["items"])
        while page["next"] is not None:
            page = await self.get(path, **query, after=page["next"])
            found += page["items"]
        return found

    async def cdr_of(self, connection: str, drive: Drive, *, credit: bool = False) -> Json | None:
        """The CDR of a drive, or the credit that takes it back."""
        for view in await self.cdrs(connection):
            cdr = view["cdr"]
            if cdr["session_id"] == drive.id and bool(cdr["credit"]) == credit:
                return view
        return None


async def until(what: str, check: Callable[[], Awaitable[object]], *, patience_s: float = _PATIENCE_S) -> Any:  # noqa: ANN401
    """Ask again until the answer is something. Raises StoryFailed, naming what did not come about."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        found = await check()
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise StoryFailed(f"{what}: not within {patience_s:.0f} s")
        await asyncio.sleep(_RETRY_EVERY_S)


def euro(amount: object) -> Decimal:
    """An amount out of JSON text."""
    return Decimal(str(amount))


def _iso(moment: Moment) -> str:
    return moment.at.isoformat().replace("+00:00", "Z")
